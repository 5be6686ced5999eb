//! Where a plan goes: what is wrong, what it points to, the revision with its evidence, and what going there changes.

use super::{change, ends, heading, mark, outcome, sentence};
use crate::{
    app::{App, Running},
    domain::{CheckKind, Outcome, Part},
    line,
    panels::words::hanging,
    rollback::{Candidate, Case, Class, Difference, Mark, Plan, Standing},
    store::words::{count, long, percent, since},
    text::Clean,
    theme::Role,
    widgets::{Align, Line, Piece, cut, line_width, pad, sign, slice},
};

/// What is wrong now, whether it points to the newest version, and whether the cause lies elsewhere.
pub(super) fn wrong(app: &App, running: &Running, plan: &Plan, width: usize) -> Vec<Line> {
    let case = &running.procedure.case;
    let mut lines = Vec::new();
    if let Some(note) = &plan.note {
        lines.extend(sentence(mark(Mark::Open), note.clone(), width));
    }
    let bad = symptoms(app, running);
    if bad.is_empty() {
        lines.extend(sentence(mark(Mark::Unknown), "nothing that is measured is bad now: what should a rollback mend?", width));
    } else {
        lines.extend(sentence(mark(Mark::Bad), crate::clean!("{}", bad.join(", ")), width));
    }
    lines.extend(case.pointing.iter().flat_map(|pointing| sentence(Piece::new(Role::Accent, sign::STALE), pointing.clone(), width)));
    if let Some(cause) = plan.findings.get(&CheckKind::Cause).filter(|finding| finding.outcome != Outcome::Ok) {
        let lead = vec![mark(outcome(cause.outcome)), Piece::blank(1)];
        lines.extend(hanging(lead, line![(Role::Warn, cause.sentence.clone())], width));
        lines.extend(cause.remedy.iter().flat_map(|remedy| hanging(line!["  "], line![(Role::Accent, remedy.clone())], width)));
    }
    lines
}

/// What was bad when the plan was opened, in a few words each.
fn symptoms(app: &App, running: &Running) -> Vec<String> {
    let Case { alert, baseline, .. } = &running.procedure.case;
    let limits = &running.procedure.timing.limits;
    let mut bad = Vec::new();
    if let Some(alert) = alert {
        let age = alert.since.map(|at| format!(" for {}", long(since(at, app.now.wall)))).unwrap_or_default();
        bad.push(format!("{} fires{age}", alert.name));
    }
    let mut say = |standing: &Standing, words: &dyn Fn(&Clean) -> String| match standing {
        Standing::Bad(what) => bad.push(words(what)),
        Standing::Good | Standing::Unknown(_) => {}
    };
    say(&baseline.errors, &|rate| format!("{rate} errors (limit {})", percent(limits.error_rate)));
    say(&baseline.latency, &|slow| format!("p99 {slow} (limit {} s)", limits.latency));
    let of = if running.procedure.case.workload.kind.told_by_pipeline() { "deployment" } else { "pods" };
    say(&baseline.pods, &|why| format!("{of}: {why}"));
    if baseline.restarts != baseline.pods {
        say(&baseline.restarts, &|why| format!("restarts: {why}"));
    }
    bad
}

/// The target with its class and evidence; or why there is none, and what else can be done.
pub(super) fn target(running: &Running, plan: &Plan, width: usize) -> Vec<Line> {
    match plan.candidate() {
        Some(candidate) => chosen(running, plan, candidate, width),
        None => {
            let why = plan.target.proposed.as_ref().err().cloned().unwrap_or_default();
            let mut lines = hanging(vec![mark(Mark::Unknown), Piece::blank(1)], line![(Role::Warn, "no target: "), why], width);
            let others = plan.target.candidates.len();
            let ways = if others == 0 {
                Clean::from_static("What else: x explains why it is broken, l shows its logs, 2 shows the pipelines that can ship another version.")
            } else {
                crate::clean!("What else: [ chooses one of {} yourself, x explains why it is broken, l shows its logs.", count(others, "revision"))
            };
            lines.extend(hanging(line!["  "], line![ways], width));
            lines
        }
    }
}

fn chosen(running: &Running, plan: &Plan, candidate: &Candidate, width: usize) -> Vec<Line> {
    let (at, of) = (plan.selected.unwrap_or_default() + 1, plan.target.candidates.len());
    let others =
        if of > 1 { line![(Role::Key, "["), " older  ", (Role::Key, "]"), " newer  ", (Role::Dim, crate::clean!("{at} of {of}"))] } else { Line::new() };
    let mut lines = vec![ends(change(running), others, width)];
    let (role, glyph) = match (candidate.class, candidate.shunned) {
        (_, true) => (Role::Critical, sign::BAD),
        (Class::Proven, false) => (Role::Ok, sign::OK),
        (Class::Likely, false) => (Role::Text, sign::IDLE),
        (Class::None, false) => (Role::Unknown, sign::STALE),
    };
    lines.extend(hanging(line![(role, glyph), " "], line![(role, candidate.why.clone())], width));
    if let Some(application) = plan.subject.application.as_ref().filter(|_| plan.sync().is_none()) {
        let count = (0..of).filter(|at| plan.synced(*at).is_some()).count();
        let words = crate::clean!("{count} of the {of} go by a sync of Argo CD application {}, as a whole", application.name);
        lines.extend(hanging(line!["  "], line![(Role::Dim, words)], width).into_iter().filter(|_| count > 0));
    }
    if candidate.undo_of_undo {
        let words = "it was itself rolled back from within a day: going there takes a typed override";
        lines.extend(hanging(vec![mark(Mark::Open), Piece::blank(1)], line![(Role::Warn, words)], width));
    }
    lines
}

/// Cells for the name of a part with the gap after it.
const PART: usize = 13;
/// So many lines of the difference are shown before `d` asks for all.
const FIRST: usize = 4;

/// What going there changes, by part; the first lines of it, or all.
pub(super) fn difference(plan: &Plan, all: bool, width: usize) -> Vec<Line> {
    let Some(candidate) = plan.candidate() else { return Vec::new() };
    let changes = &plan.difference;
    let known = !plan.subject.outline.0.is_empty() && !candidate.revision.outline.0.is_empty();
    let says = match (changes.len(), known) {
        (_, false) => Clean::EMPTY,
        (0, true) => Clean::from_static("none that can be seen"),
        (many, true) if many > FIRST && !all => crate::clean!("{}, d shows all", count(many, "value")),
        (many, true) => count(many, "value"),
    };
    let mut lines = vec![heading("DIFFERENCE", says)];
    if !known {
        lines.extend(sentence(mark(Mark::Unknown), "not known: the back end does not tell its specification value by value", width));
        return lines;
    }
    let shown = if all { changes.len() } else { FIRST };
    let mut part: Option<Part> = None;
    for change in changes.iter().take(shown) {
        let name = if part == Some(change.part) { "" } else { change.part.word() };
        part = Some(change.part);
        let lead = pad(&line![(Role::Dim, name)], PART, Align::Left);
        if all {
            lines.extend(hanging(lead, value(change), width));
        } else {
            lines.push([lead, brief(change, width.saturating_sub(PART))].concat());
        }
    }
    lines
}

/// The difference as it is in the specification, value by value: what goes, and what comes back.
pub(super) fn raw(plan: &Plan, width: usize) -> Vec<Line> {
    let says = if plan.difference.is_empty() { Clean::from_static("none that can be seen; d closes") } else { Clean::from_static("value by value; d closes") };
    let mut lines = vec![heading("DIFFERENCE", says)];
    for change in &plan.difference {
        lines.extend(crate::widgets::wrap(&line![(Role::Dim, crate::clean!("{}  ", change.part.word())), change.path.clone()], width));
        let value = |role, sign: &'static str, value: &Clean| hanging(line![(role, sign), " "], line![(role, shown(value))], width);
        lines.extend(change.before.iter().flat_map(|before| value(Role::Removed, "-", before)));
        lines.extend(change.after.iter().flat_map(|after| value(Role::Added, "+", after)));
    }
    lines
}

/// A value as it is shown: an empty one is seen too.
fn shown(value: &Clean) -> Clean {
    if value.is_empty() { Clean::from_static("\"\"") } else { value.clone() }
}

/// The same in one line of `cells` cells. Where it does not fit, what both values begin with is left out of the later one, and then of
/// both: of two images it is the end that differs.
fn brief(change: &Difference, cells: usize) -> Line {
    let whole = value(change);
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return cut(&whole, cells) };
    let same = shared(before, after);
    if line_width(&whole) <= cells || same == 0 {
        return cut(&whole, cells);
    }
    let end = |role, value: &Clean| [line![(role, sign::MORE)], slice(&line![(role, value.clone())], same..value.len())].concat();
    let written = |from: Line| [line![change.path.clone(), "  "], from, line![(Role::Dim, " → ")], end(Role::Added, after)].concat();
    let one = written(line![(Role::Removed, shown(before))]);
    if line_width(&one) <= cells { one } else { cut(&written(end(Role::Removed, before)), cells) }
}

/// So many bytes are the same at the start of both, up to the last mark that parts a name: the mark itself belongs to the end.
fn shared(one: &str, other: &str) -> usize {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map_or(one.len().min(other.len()), |((at, _), _)| at);
    one[..same].rfind(|letter: char| "/:@=, ".contains(letter)).unwrap_or_default()
}

/// `app: LEVEL  info → debug`.
fn value(change: &Difference) -> Line {
    let mut line = line![change.path.clone(), "  "];
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => line.extend(line![(Role::Removed, shown(before)), (Role::Dim, " → "), (Role::Added, shown(after))]),
        (Some(before), None) => line.extend(line![(Role::Removed, crate::clean!("- {}", shown(before)))]),
        (None, Some(after)) => line.extend(line![(Role::Added, crate::clean!("+ {}", shown(after)))]),
        (None, None) => {}
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::plain;

    fn told(before: &'static str, after: &'static str, cells: usize) -> String {
        let change = Difference { part: Part::Image, path: "app".into(), before: Some(before.into()), after: Some(after.into()) };
        plain(&brief(&change, cells))
    }

    #[test]
    fn where_a_value_does_not_fit_the_end_that_differs_is_what_stays() {
        let (before, after) = ("registry.example/shop/cart:2.8.0", "registry.example/shop/cart:2.7.3");
        assert_eq!(told(before, after, 80), "app  registry.example/shop/cart:2.8.0 → registry.example/shop/cart:2.7.3");
        assert_eq!(told(before, after, 60), "app  registry.example/shop/cart:2.8.0 → …:2.7.3");
        assert_eq!(told(before, after, 30), "app  …:2.8.0 → …:2.7.3");
        assert_eq!(told(before, after, 16), "app  …:2.8.0 → …");
        assert_eq!(told("one", "other", 10), "app  one …");
        assert_eq!(told("host/app", "host/app:2.7.3", 20), "app  …/app → …/app:…");
        assert_eq!(told("é/ü:1", "é/ü:ö", 14), "app  …:1 → …:ö");
    }
}
