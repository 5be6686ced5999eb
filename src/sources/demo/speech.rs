//! What pods say, line by line, at any time.

use super::{
    lives::Life,
    rows::{SIDECAR, View},
    scenario::Scenario,
    tables::LogTable,
};
use crate::{
    domain::{Id, Level, LogLine, LogStream},
    text::{Clean, Painted},
};
use jiff::{SignedDuration, Timestamp};

/// A line, and which pod and container said it.
pub(super) struct Said {
    pub stream: Id<LogStream>,
    pub line: LogLine,
}

/// The streams of all containers that have started; a pod that has gone can not be asked any more.
pub(super) fn streams(view: &View<'_>, wanted: &dyn Fn(&Life, &str) -> bool) -> Vec<LogStream> {
    let there = |life: &&Life| life.exists(view.at) && life.started.is_some_and(|started| started <= view.at);
    let containers = containers(view);
    let each = view.lives.iter().filter(there).flat_map(|life| containers.iter().map(move |container| (life, *container)));
    each.filter(|(life, container)| wanted(life, container)).map(|(life, container)| stream(view, life, container)).collect()
}

fn containers<'a>(view: &View<'a>) -> Vec<&'a str> {
    [view.unit.service.as_str()].into_iter().chain(view.unit.sidecar.then_some(SIDECAR)).collect()
}

fn stream(view: &View<'_>, life: &Life, container: &str) -> LogStream {
    let id = Id::new(&view.unit.source, &format!("{}/{}/{container}", view.unit.place.namespace.raw(), life.name));
    let sidecar = container == SIDECAR;
    LogStream {
        workload: Some(view.unit.id.clone()),
        version: view.template(life).version(),
        told: true,
        ..LogStream::new(id, &life.name, if view.unit.sidecar || sidecar { container } else { "" })
    }
}

/// Everything that the wanted containers said after `from` until `to`, in the order of time.
pub(super) fn said(scenario: &Scenario, view: &View<'_>, from: Timestamp, to: Timestamp, wanted: &dyn Fn(&Life, &str) -> bool) -> Vec<Said> {
    let own = |table: &&LogTable| table.environment.as_ref().is_none_or(|name| *name.get_ref() == view.unit.environment);
    let mut tables: Vec<&LogTable> = scenario.tables.log.iter().filter(own).filter(|table| table.service == view.unit.service).collect();
    if tables.is_empty() {
        tables = scenario.tables.log.iter().filter(own).filter(|table| table.service == "*").collect();
    }
    let mut found: Vec<(Timestamp, usize, Said)> = Vec::new();
    for (order, table) in tables.into_iter().enumerate() {
        let container = table.container.as_deref().unwrap_or(&view.unit.service);
        let speakers = view.lives.iter().filter(|life| speaks(view, table, life) && wanted(life, container));
        for life in speakers {
            let stream = stream(view, life, container).id;
            for (at, text) in lines(scenario, view, table, life, from, to) {
                let line =
                    LogLine { at: Some(at), level: Level::named(&table.level).unwrap_or_default(), text: Painted::from_untrusted(&text), ..LogLine::default() };
                found.push((at, order, Said { stream: stream.clone(), line }));
            }
        }
    }
    found.sort_by_key(|(at, order, _)| (*at, *order));
    found.into_iter().map(|(_, _, said)| said).collect()
}

fn speaks(view: &View<'_>, table: &LogTable, life: &Life) -> bool {
    let version = table.version.as_ref().is_none_or(|version| *version == view.template(life).version);
    // What crashes has its own words; it does not hum along.
    let well = !life.crashes || !table.pods.is_empty() || table.container.is_some();
    version && well && (table.pods.is_empty() || table.pods.contains(&life.suffix))
}

/// The times at which one container says a line of `table`, and the lines.
fn lines(scenario: &Scenario, view: &View<'_>, table: &LogTable, life: &Life, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, String)> {
    let moments = match (&table.at, table.after, table.every) {
        (Some(at), _, every) => fixed(scenario.when(at), every.map(|every| every.0), table),
        (None, Some(after), _) => life.started.map(|started| (started + after.0, 0)).into_iter().collect(),
        (None, None, Some(every)) => humming(scenario, view, table, life, (from, to), every.0),
        (None, None, None) => Vec::new(),
    };
    let spoken = moments.into_iter().filter(|(at, _)| *at > from && *at <= to && life.speaks(*at));
    spoken.map(|(at, nth)| (at, words(view, table, life, nth))).collect()
}

/// A burst, or all lines of the table at once.
fn fixed(at: Timestamp, every: Option<SignedDuration>, table: &LogTable) -> Vec<(Timestamp, i64)> {
    let count = table.count.unwrap_or_else(|| u32::try_from(table.text.len()).unwrap_or(1));
    let step = every.unwrap_or(SignedDuration::from_millis(1));
    (0..count).map(|nth| (at + step * nth.cast_signed(), i64::from(nth))).collect()
}

/// Once in each slot of time, somewhere in it.
fn humming(
    scenario: &Scenario,
    view: &View<'_>,
    table: &LogTable,
    life: &Life,
    (from, to): (Timestamp, Timestamp),
    every: SignedDuration,
) -> Vec<(Timestamp, i64)> {
    let first = table.from.as_ref().map_or(Timestamp::MIN, |at| scenario.when(at)).max(from);
    let last = table.until.as_ref().map_or(Timestamp::MAX, |at| scenario.when(at)).min(to);
    let step = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let chance = view.unit.chance.of("hum").of(&life.name).of(table.container.as_deref().unwrap_or_default());
    let slots = first.as_millisecond().div_euclid(step)..=last.as_millisecond().div_euclid(step);
    if first > last {
        return Vec::new();
    }
    let at = |slot: i64| Timestamp::from_millisecond(slot * step + chance.nth(slot).below(step.cast_unsigned()).cast_signed()).ok();
    slots.filter_map(|slot| Some((at(slot)?, slot))).filter(|(at, _)| *at >= first && *at <= last).collect()
}

/// The text with its blanks filled in.
fn words(view: &View<'_>, table: &LogTable, life: &Life, nth: i64) -> String {
    let chance = view.unit.chance.of("words").of(&life.name).nth(nth);
    let Some(count) = u64::try_from(table.text.len()).ok().filter(|count| *count > 0) else { return String::new() };
    let pick = if table.at.is_some() { nth.cast_unsigned() % count } else { chance.below(count) };
    let text = table.text[pick as usize].replace("{service}", &view.unit.service).replace("{version}", &view.template(life).version);
    let mut told = String::new();
    let mut rest = text.as_str();
    for blank in 0.. {
        let Some((before, inside, after)) = blank_in(rest) else { break };
        let (low, high) = inside;
        told.push_str(before);
        told.push_str(&(low + chance.of("blank").nth(blank).below(high - low + 1)).to_string());
        rest = after;
    }
    told.push_str(rest);
    told
}

/// The first `{2..14}` of a text, with what stands before and after it.
fn blank_in(text: &str) -> Option<(&str, (u64, u64), &str)> {
    let (before, rest) = text.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    let (low, high) = inside.split_once("..")?;
    let (low, high): (u64, u64) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then_some((before, (low, high), after))
}

/// When somebody among the wanted says something next; lines are rare enough to look a little ahead each time.
pub(super) fn next_line(scenario: &Scenario, view: &View<'_>, after: Timestamp, wanted: &dyn Fn(&Life, &str) -> bool) -> Option<Timestamp> {
    let mut from = after;
    for span in [5, 60, 600].map(SignedDuration::from_secs) {
        let to = from + span;
        if let Some(first) = said(scenario, view, from, to, wanted).first().and_then(|said| said.line.at) {
            return Some(first);
        }
        from = to;
    }
    None
}

/// The last words of a container's run before this one.
pub(super) fn last_words(view: &View<'_>, life: &Life) -> Vec<Clean> {
    let crash = view.template(life).crash.as_ref().filter(|_| life.crashes);
    crash.map(|crash| crash.says.iter().map(|text| Clean::from_untrusted(text)).collect()).unwrap_or_default()
}
