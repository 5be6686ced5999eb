//! A restart, a pause, another number of pods: its plan, its confirm line, what is under way, how it ended.

use super::{
    Foot, Sheet, boxed, confirm, heading, inputs, mark,
    plan::{asks, barred, check_lines, shut, typed},
    sentence,
};
use crate::{
    app::{App, Course, Form, Single, Stand},
    domain::{CheckKind, Finding, Verb},
    line,
    panels::words::hanging,
    rollback::{Barred, Line as Said, Mark},
    store::{ailment, words},
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, Step, bar, pad, wrap},
};
use std::collections::BTreeMap;

/// Cells of the bar of pods.
const BAR: usize = 24;
/// So many pods are named.
const NAMED: usize = 8;

/// What it shows by its state.
pub(super) fn sheet<'a>(app: &'a App, single: &'a Single, width: usize) -> Sheet<'a> {
    match &single.stand {
        Stand::Reading { note, .. } => {
            let mut lines = vec![Line::new()];
            lines.extend(note.iter().flat_map(|note| sentence(mark(Mark::Open), note.clone(), width)));
            lines.extend(wrap(&line!["Reading the object as it is at this moment. Nothing is changed by that. Esc leaves."], width));
            Sheet { panel: panel(app, single), lines, foot: Foot::default() }
        }
        Stand::Planned(form) => Sheet { panel: panel(app, single), lines: plan(app, single, form, width), foot: foot(app, single, width) },
        Stand::Confirming { form, again } => {
            Sheet { panel: panel(app, single), lines: plan(app, single, form, width), foot: line_foot(app, single, again.as_ref(), width) }
        }
        Stand::Sending { course, .. } | Stand::Unclear { course, .. } | Stand::UnderWay(course) => under_way(app, single, course, width),
        Stand::Done { course, .. } => done(app, single, course, width),
        Stand::Closed { why } => {
            let mut lines = vec![Line::new(), line![(Role::Title, "NOTHING WAS CHANGED")], Line::new()];
            lines.extend(sentence(mark(Mark::Bad), why.clone(), width));
            lines.extend([Line::new(), line!["Enter or Esc closes this."]]);
            Sheet { panel: panel(app, single), lines, foot: Foot::default() }
        }
    }
}

fn panel(app: &App, single: &Single) -> Panel {
    boxed(app, single.headline(), &single.environment, single.verb)
}

/// What was seen, what will happen, what was checked. Nothing on it executes.
fn plan(app: &App, single: &Single, form: &Form, width: usize) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    if let Some(note) = &form.note {
        lines.extend(sentence(mark(Mark::Open), note.clone(), width));
        lines.push(Line::new());
    }
    if single.verb == Verb::Scale {
        let before = form.subject.replicas.wanted;
        let wanted = single.wanted.unwrap_or(before);
        lines.push(line![(Role::Title, "PODS"), "   ", crate::clean!("{before}"), (Role::Dim, "  →  "), (Role::Accent, crate::clean!("{wanted}"))]);
        lines.push(Line::new());
    }
    lines.extend(inputs::lines(single, width));
    lines.push(heading("WHAT IS THERE NOW", ""));
    lines.extend(wrap(&line![seen(app, single, form)], width));
    lines.extend([Line::new(), heading("WHAT WILL HAPPEN", "")]);
    lines.extend(wrap(&line![single.happens(form)], width));
    let by_hand = form.command.as_ref().map(|command| {
        let words = wrap(&line![(Role::Accent, command.clone())], width);
        [vec![Line::new(), heading("THE SAME BY HAND", "")], words].concat()
    });
    let mut rows: BTreeMap<CheckKind, Option<&Finding>> = form.waiting().map(|kind| (kind, None)).collect();
    rows.extend(form.findings.values().map(|finding| (finding.kind, Some(finding))));
    let checks = [vec![Line::new()], check_lines(app, rows, form.checks.clone(), &form.unknown, width)].concat();
    let by_hand = by_hand.unwrap_or_default();
    // What stands still while something is held off, and what goes with a pod, must be seen without scrolling.
    lines.extend(if single.above() || single.verb.of_a_pod() { [checks, by_hand].concat() } else { [by_hand, checks].concat() });
    lines
}

/// What the operator sees: if the object is another one when the request is about to leave, nothing is sent.
fn seen(app: &App, single: &Single, form: &Form) -> Clean {
    let subject = &form.subject;
    if let Some(run) = &subject.run {
        return crate::clean!("{} If it is not so any more when the request is about to leave, nothing is sent.", single.seen_run(run));
    }
    if let Some(pod) = &subject.awaited {
        return crate::clean!("{} If it is not so any more when the request is about to leave, nothing is sent.", single.seen_pod(pod, app.now.wall));
    }
    if single.above() {
        let does = if subject.seen.paused { "does nothing by itself" } else { "acts by itself" };
        return crate::clean!("{} {does}. If it is not so any more when the request is about to leave, nothing is sent.", single.keeper());
    }
    let counts = &subject.replicas;
    let revision = subject.revision.map(|number| crate::clean!(" r{number}")).unwrap_or_default();
    let paused = if subject.seen.paused { ", paused" } else { "" };
    let changed = match &subject.changed_by {
        Some((who, Some(when))) => crate::clean!(", its template changed {} ago by {who}", words::long(words::since(*when, app.now.wall))),
        Some((who, None)) => crate::clean!(", its template changed by {who}"),
        None => Clean::EMPTY,
    };
    crate::clean!(
        "{}{revision}{paused}: {} wanted, {} there, {} ready{changed}. If it is not so any more when the request is about to leave, nothing is sent.",
        single.thing.version(),
        counts.wanted,
        counts.total,
        counts.ready
    )
}

/// What Enter asks for, or everything that bars it.
fn foot<'a>(app: &App, single: &'a Single, width: usize) -> Foot<'a> {
    if let Some(at) = single.lines.at {
        return inputs::foot(single, at, width);
    }
    let mut says = Vec::new();
    match single.barred() {
        Err(Barred::NoTarget(why)) => says.extend(barred(Mark::Unknown, crate::clean!("Enter is barred: {why}"), width)),
        Err(Barred::Blocked(finding)) => {
            says.extend(barred(Mark::Bad, crate::clean!("Enter is barred ({}): {}", finding.kind.word(), finding.sentence), width));
        }
        Err(Barred::Checking) => says.extend(barred(Mark::Running, Clean::from_static("Enter is barred: the checks are still being made"), width)),
        Err(Barred::NotPlanned) | Ok(()) => {}
    }
    says.extend(shut(app, &single.environment, single.verb, width));
    if says.is_empty() {
        says.extend(asks(typed(&single.demand(app)).as_ref(), "", width));
    }
    Foot { says, entries: Vec::new() }
}

/// The confirm line: what must be typed, and where.
fn line_foot<'a>(app: &App, single: &'a Single, again: Option<&Clean>, width: usize) -> Foot<'a> {
    let (demand, goal, mut says) = (single.demand(app), single.goal(), Vec::new());
    match again {
        Some(why) => {
            let why = crate::clean!("nothing was carried out: {why}");
            says.extend(hanging(vec![mark(Mark::Open), Piece::blank(1)], line![(Role::Warn, why)], width));
            says.extend(wrap(&line![(Role::Key, "Enter"), crate::clean!(" sends it again: {goal}. Esc is no.")], width));
        }
        None => says.extend(wrap(&[line![(Role::Accent, crate::clean!("{goal}.  "))], confirm::keys()].concat(), width)),
    }
    let entries = single.confirming.as_ref().map(|line| confirm::entries(line, confirm::word(&demand), &demand)).unwrap_or_default();
    Foot { says, entries }
}

fn under_way<'a>(app: &App, single: &Single, course: &Course, width: usize) -> Sheet<'a> {
    let mut panel = Panel::new(line![(Role::Title, single.headline())]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Text, single.clock(app.steady()))]];
    let mut lines = vec![Line::new(), line![single.deed(), (Role::Dim, crate::clean!("   op {} · {}", course.id, app.start.user))], Line::new()];
    lines.extend(single.steps().iter().map(|said| step(said, width.saturating_sub(2))));
    lines.extend(waiting(app, single));
    if let (Stand::UnderWay(_), Some(why)) = (&single.stand, course.stalled(&single.patience(), app.steady())) {
        lines.push(Line::new());
        lines.extend(sentence(mark(Mark::Open), why, width));
    }
    if let Some(why) = &course.blind {
        lines.push(Line::new());
        lines.extend(sentence(mark(Mark::Unknown), crate::clean!("the object can not be read now: {why}"), width));
    }
    lines.push(Line::new());
    lines.extend(wrap(&line![Clean::from_static(paragraph(&single.stand))], width));
    Sheet { panel, lines, foot: Foot::default() }
}

/// What has left and what has not.
const fn paragraph(stand: &Stand) -> &'static str {
    match stand {
        Stand::Sending { left: None, .. } => "Nothing has left yet: first the intent is written down, then the one request goes out.",
        Stand::Unclear { .. } => {
            "It may have been carried out or not: the object is read again and again until that is known. Nothing is sent again by itself. Esc puts this into the background."
        }
        Stand::Sending { left: Some(_), .. }
        | Stand::UnderWay(_)
        | Stand::Reading { .. }
        | Stand::Planned(_)
        | Stand::Confirming { .. }
        | Stand::Done { .. }
        | Stand::Closed { .. } => "The request has left: nothing here calls it back. Esc puts this into the background. If the session drops, it stays sent.",
    }
}

fn step(said: &Said, width: usize) -> Line {
    let says = match said.bar {
        Some((ready, wanted)) => [bar(f64::from(ready), f64::from(wanted), BAR), line!["  ", said.text.clone()]].concat(),
        None => line![said.text.clone()],
    };
    Step { sign: mark(said.mark), name: said.label.clone(), says, time: said.clock.clone().unwrap_or_default() }.line(width)
}

/// The pods that are not well yet.
fn waiting(app: &App, single: &Single) -> Vec<Line> {
    let ill = app.store.pods_of(&single.thing.id()).filter_map(|pod| ailment(pod).map(|ill| (pod, ill)));
    let mut pods: Vec<_> = ill.collect();
    pods.sort_by_key(|(pod, ill)| (std::cmp::Reverse(ill.rank()), pod.name.clone()));
    if pods.is_empty() || single.above() || single.verb == Verb::Pause {
        return Vec::new();
    }
    let mut lines = vec![Line::new(), heading("WAITING FOR", "")];
    lines.extend(pods.iter().take(NAMED).map(|(pod, ill)| {
        let (sign, role) = if ill.lasting() { (mark(Mark::Bad), Role::Critical) } else { (mark(Mark::Running), Role::Text) };
        let name = pad(&line![pod.name.clean().clone()], 34, Align::Left);
        [vec![sign, Piece::blank(1)], name, line![(role, ill.words()), "  ", (Role::Dim, pod.message.clone())]].concat()
    }));
    if pods.len() > NAMED {
        lines.push(line![(Role::Dim, crate::clean!("  and {} more", pods.len() - NAMED))]);
    }
    lines
}

fn done<'a>(app: &App, single: &Single, course: &Course, width: usize) -> Sheet<'a> {
    let mut panel = Panel::new(line![(Role::Title, single.headline())]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Text, single.clock(app.steady()))]];
    let mut lines = vec![Line::new()];
    if let Stand::Done { end, at, .. } = &single.stand {
        let (sign, word) = single.verdict(end);
        lines.push([vec![mark(sign), Piece::blank(1)], line![(Role::Title, word), "   ", single.goal()]].concat());
        lines.push(Line::new());
        lines.extend(sentence(mark(sign), single.outcome(end, &words::took(course.took(*at))), width));
    }
    lines.push(Line::new());
    lines.extend(single.steps().iter().map(|said| step(said, width.saturating_sub(2))));
    lines.extend(waiting(app, single));
    if let Some(entry) = single.entry {
        let reason = if single.reason.is_empty() { Clean::EMPTY } else { crate::clean!(": \"{}\"", single.reason) };
        lines.push(Line::new());
        lines.extend(wrap(&line![(Role::Dim, crate::clean!("Recorded as entry {entry}{reason}"))], width));
    }
    Sheet { panel, lines, foot: Foot::default() }
}
