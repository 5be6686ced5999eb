//! An entry as one line of text, for the history and for listings.

use super::entry::{Acknowledged, Body, Content, Ended, Entry, Intent, Judged, Observed, Rev, Shell};
use crate::{clean, text::Clean};
use jiff::{SignedDuration, tz::TimeZone};

/// One line: number, time in `zone`, who, and what happened.
pub fn line_of(entry: &Entry, zone: &TimeZone) -> Clean {
    let at = entry.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
    let who = &entry.who;
    let sudo = who.sudo_user.as_ref().map(|user| format!(" (sudo by {user})")).unwrap_or_default();
    clean!("{:>5}  {at}  {}@{}{sudo}  {}", entry.seq, who.user, who.host, what(&entry.content))
}

fn what(content: &Content) -> String {
    let body = match content {
        Content::Known(body) => body,
        Content::Unknown { kind, .. } => return format!("{kind}  (of another version of Pilothouse)"),
    };
    match body {
        Body::Intent(it) => intent(it),
        Body::Sent(it) => format!("{}  sent{}", it.op, step(it.step)),
        Body::Outcome(it) => {
            let request = it.request.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
            format!("{}  {}{}{}{request}", it.op, ended(it.result), step(it.step), after_colon(&it.detail))
        }
        Body::Verdict(it) => verdict(it),
        Body::Taken(it) => format!("{}  taken over", it.op),
        Body::Observed(it) => observed(it),
        Body::Note(it) => format!("note{}: {}", about(&it.environment, &it.service), it.text),
        Body::Acknowledged(it) => acknowledged(it),
        Body::Shell(it) => shell(it),
    }
}

fn intent(it: &Intent) -> String {
    let from = it.from.revision.as_ref().map(|rev| format!(" from {}", revision(rev))).unwrap_or_default();
    let to = it.to.as_ref().map(|rev| format!(" to {}", revision(rev))).unwrap_or_default();
    let steps = if it.steps > 1 { format!(", step {} of {}", it.step, it.steps) } else { String::new() };
    format!("{}  {} {}{from}{to}{steps}, confirmed by {}{}", it.op, it.verb, it.subject.title, it.confirmation, after_colon(&it.reason))
}

fn revision(rev: &Rev) -> String {
    match (rev.version.is_empty(), rev.number) {
        (false, 0) => rev.version.to_string(),
        (true, number) => format!("r{number}"),
        (false, number) => format!("{} r{number}", rev.version),
    }
}

fn step(step: u32) -> String {
    if step > 1 { format!(", step {step}") } else { String::new() }
}

const fn ended(result: Ended) -> &'static str {
    match result {
        Ended::Accepted => "accepted",
        Ended::Conflict => "conflict",
        Ended::Refused => "refused",
        Ended::Failed => "failed",
        Ended::Unclear => "unclear",
        Ended::Superseded => "superseded",
    }
}

fn verdict(it: &Judged) -> String {
    let proofs = it.proofs.iter().map(|proof| proof.as_str()).collect::<Vec<_>>().join("; ");
    format!("{}  {} in {}{}", it.op, it.verdict.words(), duration(it.took_ms), after_colon(&proofs))
}

fn observed(it: &Observed) -> String {
    let template = Clean::from_untrusted(it.template.raw().expose());
    format!("healthy{}: template {template}, available for {}", about(&it.environment, &it.service), duration(it.available_ms))
}

fn acknowledged(it: &Acknowledged) -> String {
    format!("acknowledged {}{}{}", it.alert, about(&it.environment, &it.service), after_colon(&it.landed))
}

fn shell(it: &Shell) -> String {
    format!("shell{}: {} in {}", about(&it.environment, &it.service), it.command, it.target)
}

fn about(environment: &str, service: &str) -> String {
    match (service, environment) {
        ("", "") => String::new(),
        ("", place) => format!(" in {place}"),
        (service, "") => format!(" {service}"),
        (service, place) => format!(" {service} in {place}"),
    }
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// As on screen: `3m12s`, `9d2h`.
fn duration(ms: u64) -> String {
    let seconds = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)).as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}
