//! What was sent and how it converges: each proof with its state, the pods it waits for, their last lines.

use super::{Foot, Sheet, change, ends, errors, heading, mark, sentence, target};
use crate::{
    app::{App, Running},
    domain::{LineKind, LogStream, LogTarget},
    keys::{Action, Layer},
    line,
    logs::Towards,
    panels::{logs::level_role, words},
    rollback::{Blocker, Line as Said, Mark, ProofKind, Run, Sent, State},
    store::words::long,
    text::{Clean, redact},
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, Step, bar, line_width, pad, sign, wrap},
};
use std::collections::BTreeSet;

/// Cells of the bar of pods.
const BAR: usize = 31;
/// Cells of the line of errors.
const TRACE: usize = 12;
/// Where the line of errors begins, below the words beside the bar.
const BESIDE_BAR: usize = BAR + 2;
/// What moves first stands first; labels that are not named here stand above.
const ORDER: [&str; 6] =
    [ProofKind::Pods.word(), ProofKind::Errors.word(), ProofKind::Latency.word(), ProofKind::Restarts.word(), ProofKind::Smoke.word(), ProofKind::Alert.word()];
/// So many pods are named.
const NAMED: usize = 6;
/// So many log lines at least, and at most.
const LOG_LINES: (usize, usize) = (2, 20);

/// The screen from the confirmation to the verdict; `run` once it was accepted.
pub(super) fn sheet<'a>(app: &App, running: &Running, sent: &Sent, run: Option<&Run>, (width, high): (usize, usize)) -> Sheet<'a> {
    let headline = running.procedure.headline(app.steady());
    let mut panel = Panel::new(line![(Role::Title, headline.title)]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Text, headline.clock)]];
    let mut lines = vec![Line::new(), ends(change(running), who(app, sent), width.saturating_sub(1)), Line::new()];
    lines.extend(steps(app, running, run, width.saturating_sub(2)));
    if let Some(plan) = sent.plan.as_ref().filter(|_| running.difference) {
        lines.push(Line::new());
        lines.extend(target::difference(plan, true, width));
    }
    lines.extend(waiting(running, "WAITING FOR", width));
    if run.is_some() {
        lines.extend(in_vain(app, running, width));
    }
    if let Some(idle) = run.and_then(|run| run.stalled(&running.procedure.timing, app.steady())) {
        lines.push(Line::new());
        lines.extend(sentence(mark(Mark::Open), crate::clean!("no progress for {}: x explains why", long(idle)), width));
    }
    lines.push(Line::new());
    lines.extend(wrap(&line![paragraph(&running.procedure.state)], width));
    if let Some(run) = run {
        let room = high.saturating_sub(lines.len() + 2).clamp(LOG_LINES.0, LOG_LINES.1);
        lines.extend(last_lines(app, running, run, room));
    }
    Sheet { panel, lines, foot: Foot::default() }
}

/// `op 7f3a-2 · oncall`.
fn who(app: &App, sent: &Sent) -> Line {
    let op = sent.ids.last().map(|id| crate::clean!("op {id} · ")).unwrap_or_default();
    line![(Role::Dim, op), (Role::Dim, app.start.user.clone())]
}

/// What has left and what has not.
const fn paragraph(state: &State) -> Clean {
    Clean::from_static(match state {
        State::Sending { left: None, .. } => "Nothing has left yet: first the intent is written down, then the one request goes out.",
        State::Sending { doing: Some(_), .. } => {
            "Several requests, each sent once, and nothing here calls them back. What ran before is kept, and comes back by itself if what takes its place is not well. If an answer is lost the world is read, and nothing more is sent."
        }
        State::Sending { left: Some(_), .. } => {
            "The request has left: nothing here calls it back. If the answer is lost the object is read; nothing is sent again by itself."
        }
        State::Unclear { .. } => {
            "It may have been carried out or not: the object is read again and again until that is known. Nothing is sent again by itself. Esc puts this into the background."
        }
        State::UnderWay { .. } | State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Done { .. } | State::Closed { .. } => {
            "The request has left: nothing here calls it back. Esc puts this into the background. If the session drops it is watched on, and the next start tells."
        }
    })
}

/// A line for what was sent and for each proof.
fn steps(app: &App, running: &Running, run: Option<&Run>, width: usize) -> Vec<Line> {
    let one = |said: &Said| {
        let says = match (run, said.bar) {
            (_, Some((ready, wanted))) => [bar(f64::from(ready), f64::from(wanted), BAR), line!["  ", said.text.clone()]].concat(),
            (Some(run), None) if &*said.label == ProofKind::Errors.word() => falling(app, running, run, said),
            (_, None) => line![hopeful(running, said)],
        };
        Step { sign: state(said), name: said.label.clone(), says, time: said.clock.clone().unwrap_or_default() }.line(width)
    };
    let mut said = running.procedure.lines(app.steady());
    said.retain(|said| said.mark != Mark::Waiting || *said.label != *ProofKind::Latency.word());
    said.sort_by_key(|said| ORDER.iter().position(|label| **label == *said.label));
    said.iter().map(one).collect()
}

/// While it converges, errors that are still high are on their way, and an alert clears after them.
fn state(said: &Said) -> Piece {
    match said.mark {
        Mark::Bad if [ProofKind::Errors, ProofKind::Latency].iter().any(|kind| *said.label == *kind.word()) => Piece::new(Role::Warn, sign::ROLLING),
        Mark::Bad if *said.label == *ProofKind::Alert.word() => mark(Mark::Waiting),
        other => mark(other),
    }
}

fn hopeful(running: &Running, said: &Said) -> Clean {
    let errors_open = running.procedure.good_at(ProofKind::Errors).is_none();
    let fires = *said.label == *ProofKind::Alert.word() && said.mark == Mark::Bad;
    if fires && errors_open { crate::clean!("{}, clears some time after the errors", said.text) } else { said.text.clone() }
}

/// `6.1 % now, limit 5 %             ▁▁▁▁▂▅███▇▅▃  falling`.
fn falling(app: &App, running: &Running, run: &Run, said: &Said) -> Line {
    let trend = ["falling", "rising"].into_iter().find_map(|word| said.text.strip_suffix(word).map(|text| (text.trim_end_matches(", "), word)));
    let (text, word) = trend.unwrap_or((&said.text, ""));
    let trace = if said.mark == Mark::Good { Line::new() } else { errors::converging(app, running, run, TRACE) };
    let text = line![Clean::from_untrusted(text)];
    if trace.is_empty() || line_width(&text) + 2 > BESIDE_BAR {
        return line![said.text.clone()];
    }
    let role = if word == "rising" { Role::Warn } else { Role::Text };
    [pad(&text, BESIDE_BAR, Align::Left), trace, line!["  ", (role, word)]].concat()
}

/// The pods that hold it up, the worst first, and what the controller says.
pub(super) fn waiting(running: &Running, title: &'static str, width: usize) -> Vec<Line> {
    let pods = running.procedure.waiting_for();
    let controller = match &running.procedure.state {
        State::UnderWay { run, .. } | State::Done { run, .. } => run.view.controller.clone(),
        State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => None,
    };
    if pods.is_empty() && controller.is_none() {
        return Vec::new();
    }
    let widest = |of: fn(&Blocker) -> &Clean| pods.iter().take(NAMED).map(|pod| crate::widgets::width(of(pod))).max().unwrap_or(0) + 3;
    let columns = (widest(|pod| &pod.pod).min(width / 2), widest(|pod| &pod.state).min(width / 3));
    let mut lines = vec![Line::new(), heading(title, "")];
    lines.extend(pods.iter().take(NAMED).map(|pod| pod_line(pod, columns)));
    if pods.len() > NAMED {
        lines.push(line![(Role::Dim, crate::clean!("  and {} more", pods.len() - NAMED))]);
    }
    lines.extend(controller.into_iter().flat_map(|says| sentence(mark(Mark::Bad), crate::clean!("its controller gave up: {says}"), width)));
    lines
}

/// What lets a StatefulSet go on that waits for a pod in vain.
pub(super) fn in_vain(app: &App, running: &Running, width: usize) -> Vec<Line> {
    let Some(pod) = app.awaited(&running.procedure.case.workload.id) else { return Vec::new() };
    let key = app.start.keymap.key(Layer::UnderWay, Action::LetGo).unwrap_or_default();
    let says = crate::clean!("nothing moves before {} is gone: {key} plans its deletion, then it is made anew from the newest revision", pod.name);
    std::iter::once(Line::new()).chain(sentence(mark(Mark::Open), says, width)).collect()
}

fn pod_line(pod: &Blocker, (name, state): (usize, usize)) -> Line {
    let (sign, role) = if pod.lasting { (mark(Mark::Bad), Role::Critical) } else { (mark(Mark::Running), Role::Text) };
    let name = pad(&line![pod.pod.clone()], name, Align::Left);
    let state = pad(&line![(role, pod.state.clone())], state, Align::Left);
    [vec![sign, Piece::blank(1)], name, state, line![(Role::Dim, pod.detail.clone())]].concat()
}

/// What the pods of the target said last, where their log is being listened to.
fn last_lines(app: &App, running: &Running, run: &Run, room: usize) -> Vec<Line> {
    let id = &running.procedure.case.workload.id;
    let heard = matches!(&app.logs.target, Some(LogTarget::Workload { workload, .. }) if workload == id);
    if !heard {
        return Vec::new();
    }
    let pods: BTreeSet<&str> = app.store.pods_of(id).filter(|pod| pod.template == run.target.template).map(|pod| &**pod.name.clean()).collect();
    let ours = |stream: &LogStream| !stream.sidecar && !stream.previous && pods.contains(&*stream.pod);
    let said = app.logs.buffer.walk_among(None, Towards::Older, ours).filter(|line| line.kind == LineKind::Output).take(room);
    let zone = words::zone(app);
    let mut lines: Vec<Line> = said
        .map(|line| {
            let at = line.at.map(|at| words::clock(at, &zone)).unwrap_or_default();
            let level = pad(&line![(level_role(line.level), line.level.word())], 7, Align::Left);
            let text = Clean::from_untrusted(&redact(&line.brief().text));
            [line![(Role::Dim, at), "  ", (Role::Accent, Clean::from_untrusted(line.stream.short())), "  "], level, line![text]].concat()
        })
        .collect();
    if !lines.is_empty() {
        lines.extend([heading("LAST LINES OF THE NEW PODS", ""), Line::new()]);
        lines.reverse();
    }
    lines
}
