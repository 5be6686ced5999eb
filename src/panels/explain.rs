//! Why it is broken (`x`): one sentence, the objects at fault, the evidence, what was checked, the next key; below it what the back end said.

use super::{
    page::scrolled,
    words::{self, hanging},
};
use crate::{
    app::{App, Asked, Effect, Explain, Subject},
    domain::{Answer, Happening, Pod},
    keys::Action,
    line,
    store::{Explanation, Fault, Hint, ailment, explain, words as said},
    text::{Clean, redact},
    theme::Role,
    widgets::{Align, Edge, Line, Panel, draw_lines, pad, sign, wrap},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

/// Cells for the age of something.
const AGE: usize = 9;
/// So many pods, last words and events are shown.
const PODS: usize = 12;
const WORDS: usize = 12;
const EVENTS: usize = 40;

/// A wish to the explanation: scrolling.
pub fn act(app: &mut App, explain: &mut Explain, action: Action) -> Option<Vec<Effect>> {
    let (width, page) = (usize::from(app.size.width.saturating_sub(4)), usize::from(app.size.height.saturating_sub(6)));
    let last = lines(app, explain, width).len().saturating_sub(page);
    explain.offset = scrolled(explain.offset.min(last), action, page, last)?;
    Some(Vec::new())
}

/// Draws the explanation.
pub fn draw(app: &App, explain: &Explain, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let name = app.words_of(&Subject::Workload(explain.workload.clone()));
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("Why is {name} like this?"))]);
    panel.edge = Edge::Focus;
    let inner = Panel::inner(area);
    let lines = lines(app, explain, usize::from(inner.width));
    let high = usize::from(inner.height);
    let offset = explain.offset.min(lines.len().saturating_sub(high));
    let below = lines.len().saturating_sub(offset + high);
    if below > 0 || offset > 0 {
        panel.note = line![(Role::Dim, crate::clean!("{below} more below"))];
    }
    let inner = panel.draw(buf, area, theme);
    draw_lines(buf, inner, &lines[offset..], theme);
}

fn lines(app: &App, asked: &Explain, width: usize) -> Vec<Line> {
    let answer = match &asked.answer {
        Asked::Waiting(_) => {
            return hanging(line![(Role::Rolling, sign::ROLLING), " "], line!["asked for its pods, its events and what its controller says"], width);
        }
        Asked::Failed(why) => return hanging(line![(Role::Critical, sign::BAD), " "], line![(Role::Critical, why.words.clone())], width),
        Asked::Here(answer) => answer,
    };
    let mut lines = match explain(&app.store, &asked.workload, answer, app.now.wall) {
        Some(explanation) => explained(app, &explanation, width),
        None => hanging(line![(Role::Unknown, sign::STALE), " "], line!["this workload is gone: what was said of it before is below"], width),
    };
    if let Answer::Explain { pods, happenings, conditions, last_words } = &**answer {
        lines.extend(last_words.iter().flat_map(|(whose, words)| last(whose, words, width)));
        lines.extend(pod_lines(app, pods, width));
        lines.extend(condition_lines(conditions, width));
        lines.extend(event_lines(app, happenings, width));
    }
    lines
}

/// The answer in the order in which it is read: what, who, why we say so, what it is not, what we do not know, what next.
fn explained(app: &App, found: &Explanation, width: usize) -> Vec<Line> {
    let mark = if found.cause.is_some() { (Role::Critical, sign::BAD) } else { (Role::Accent, sign::IDLE) };
    let mut lines = hanging(line![mark, " "], line![safe(&found.sentence)], width);
    section(&mut lines, "AT FAULT", found.faults.iter().flat_map(|fault| fault_lines(fault, width)));
    section(&mut lines, "EVIDENCE", found.evidence.iter().flat_map(|hint| hint_lines(app, hint, width)));
    section(&mut lines, "ALSO", found.also.iter().flat_map(|also| hanging(line![(Role::Warn, sign::ATTENTION), " "], line![safe(also)], width)));
    let excluded = (!found.excluded.is_empty()).then(|| crate::clean!("{}", found.excluded.join(", ")));
    section(&mut lines, "CHECKED AND EXCLUDED", excluded.into_iter().flat_map(|words| hanging(line![(Role::Ok, sign::OK), " "], line![words], width)));
    let blind = found.unknown.iter().flat_map(|why| hanging(line![(Role::Unknown, sign::STALE), " "], line![why.clone()], width));
    section(&mut lines, "COULD NOT BE CHECKED", blind);
    let (key, does) = &found.next;
    section(&mut lines, "NEXT", [line![(Role::Key, *key), "  ", does.clone()]]);
    lines
}

/// What others said, secrets masked.
fn safe(said: &Clean) -> Clean {
    Clean::from_untrusted(&redact(said))
}

fn section(lines: &mut Vec<Line>, title: &'static str, body: impl IntoIterator<Item = Line>) {
    let mut body = body.into_iter().peekable();
    if body.peek().is_some() {
        lines.extend([Line::new(), line![(Role::Title, title)]]);
        lines.extend(body);
    }
}

fn fault_lines(fault: &Fault, width: usize) -> Vec<Line> {
    hanging(line![(Role::Critical, sign::BAD), " ", (Role::Accent, fault.object.clone()), "   "], line![safe(&fault.says)], width)
}

fn hint_lines(app: &App, hint: &Hint, width: usize) -> Vec<Line> {
    hanging(aged(app, hint.at), line![safe(&hint.words)], width)
}

/// The age of something in a column of its own.
fn aged(app: &App, at: Option<Timestamp>) -> Line {
    let age = at.map(|at| words::time(app, at)).unwrap_or_default();
    pad(&line!["  ", (Role::Dim, age)], AGE + 2, Align::Left)
}

/// The last lines of a crashed container's run before this one.
fn last(whose: &Clean, words: &[Clean], width: usize) -> Vec<Line> {
    let skipped = words.len().saturating_sub(WORDS);
    let mut lines = vec![Line::new(), line![(Role::Title, "LAST WORDS OF THE RUN BEFORE"), "   ", (Role::Dim, whose.clone())]];
    lines.extend(words.iter().skip(skipped).flat_map(|words| wrap(&line![safe(words)], width)));
    lines
}

/// The pods, worst first, each with what keeps it from serving.
fn pod_lines(app: &App, pods: &[Pod], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let name = pods.iter().take(PODS).map(|pod| crate::widgets::width(pod.name.clean())).max().unwrap_or(0).min(width / 2);
    let row = |pod: &Pod| {
        let ill = ailment(pod);
        let (role, glyph) = match &ill {
            None => (Role::Ok, sign::OK),
            Some(found) if found.lasting() => (Role::Critical, sign::BAD),
            Some(_) => (Role::Rolling, sign::ROLLING),
        };
        let says = ill.map_or_else(|| pod.reason.clone(), |found| found.words());
        let place = pod.node.as_ref().map(|node| crate::clean!("   on {node}")).unwrap_or_default();
        let restarted = pod.restarted.filter(|_| pod.restarts > 0).map(|at| crate::clean!(", last restart {}", words::time(app, at))).unwrap_or_default();
        let message = if pod.message.is_empty() { Clean::EMPTY } else { crate::clean!("   {}", safe(&pod.message)) };
        let lead = [line![(role, glyph), " "], pad(&line![pod.name.clean().clone()], name, Align::Left), line!["   "]].concat();
        hanging(lead, line![(role, says), (Role::Dim, restarted), (Role::Dim, place), message], width)
    };
    section(&mut lines, "PODS", pods.iter().take(PODS).flat_map(row));
    if pods.len() > PODS {
        lines.push(line![(Role::Dim, crate::clean!("  and {} more", pods.len() - PODS))]);
    }
    lines
}

fn condition_lines(conditions: &[(Clean, Clean, Clean)], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let row = |(kind, reason, message): &(Clean, Clean, Clean)| {
        let reason = if reason.is_empty() { Clean::EMPTY } else { crate::clean!("{reason}: ") };
        hanging(line!["  ", kind.clone(), "   "], line![(Role::Accent, reason), safe(message)], width)
    };
    section(&mut lines, "CONDITIONS", conditions.iter().flat_map(row));
    lines
}

/// Events, newest first. That there are none is said: they are kept for about an hour.
pub(super) fn event_lines(app: &App, happenings: &[Happening], width: usize) -> Vec<Line> {
    if happenings.is_empty() {
        return vec![Line::new(), line![(Role::Title, "EVENTS")], line![(Role::Unknown, "  No events: older than 1 h")]];
    }
    let mut newest: Vec<&Happening> = happenings.iter().collect();
    newest.sort_by_key(|event| std::cmp::Reverse(event.at));
    let row = |event: &&Happening| {
        let role = if event.warning { Role::Warn } else { Role::Text };
        let times = if event.count > 1 { crate::clean!("  × {}", event.count) } else { Clean::EMPTY };
        let whose = crate::clean!("{} {}", event.kind, event.object);
        hanging(aged(app, event.at), line![(role, event.reason.clone()), "  ", (Role::Dim, whose), "  ", safe(&event.message), (Role::Dim, times)], width)
    };
    let mut lines = vec![Line::new(), line![(Role::Title, "EVENTS"), "   ", (Role::Dim, said::count(newest.len(), "event"))]];
    lines.extend(newest.iter().take(EVENTS).flat_map(row));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Id, TaskId, Trouble, Why},
        panels::operation::fixture::{app, burning, id, text},
        store::fixture::{ago, crashing, now, pod, source},
        text::{Name, Raw},
    };
    use proptest::prelude::*;
    use std::cell::RefCell;

    fn event(reason: &'static str, message: &'static str, seconds: i64) -> Happening {
        Happening {
            id: Id::new(&source("prod"), reason),
            place: crate::domain::Place::new("prod", "shop"),
            kind: Name::new("Pod"),
            object: Name::new("cart-6b9d-x7k2p"),
            uid: Raw::new("x7k2p"),
            field: Clean::EMPTY,
            warning: true,
            reason: reason.into(),
            message: message.into(),
            count: 3,
            at: Some(ago(seconds)),
        }
    }

    fn asked(answer: Asked<Box<Answer>>) -> Explain {
        Explain { workload: id(), answer, offset: 0 }
    }

    /// 2.8.0 crashes, as `x` is told of it.
    fn crashed(happenings: Vec<Happening>) -> Explain {
        let cart = burning().0.workload(&id()).expect("known").clone();
        let mut ill = crashing(pod(&cart, 42, "cart-6b9d-x7k2p"), 1, 5);
        ill.template = Raw::new("6b9d");
        let mut well = pod(&cart, 41, "cart-5c7d-m4h9q");
        well.template = Raw::new("5c7d");
        let conditions = vec![("Progressing".into(), "ReplicaSetUpdated".into(), "ReplicaSet cart-6b9d is progressing.".into())];
        let last_words = vec![("cart-6b9d-x7k2p app".into(), vec!["starting".into(), "unknown currency \"\" password=hunter2".into()])];
        asked(Asked::Here(Box::new(Answer::Explain { pods: vec![ill, well], happenings, conditions, last_words })))
    }

    fn drawn(explain: &Explain, width: u16, height: u16) -> String {
        let app = app(burning(), now());
        text(width, height, |buf, area| draw(&app, explain, buf, area))
    }

    #[test]
    fn the_answer_comes_in_the_order_in_which_it_is_read() {
        let screen = drawn(&crashed(vec![event("BackOff", "restarting failed container", 90), event("Pulled", "image is there", 30)]), 80, 60);
        let row = |words: &str| screen.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}\n{screen}"));
        let order = [
            "Why is cart in production like this?",
            "✗ 2.8.0 (r42) never became ready: exit 1",
            "AT FAULT",
            "✗ pod cart-6b9d-x7k2p   exit 1, 5 restarts",
            "EVIDENCE",
            "CHECKED AND EXCLUDED",
            "NEXT",
            "R  back to 2.7.3 (r41)",
            "LAST WORDS OF THE RUN BEFORE   cart-6b9d-x7k2p app",
            "PODS",
            "✓ cart-5c7d-m4h9q   Running   on n1",
            "CONDITIONS",
            "EVENTS   2 events",
            "30s      Pulled",
            "1m       BackOff  Pod",
        ];
        assert!(order.windows(2).all(|pair| row(pair[0]) < row(pair[1])), "{screen}");
        assert!(!screen.contains("hunter2"), "secrets never reach the screen");
    }

    #[test]
    fn that_there_are_no_events_any_more_is_said() {
        assert!(drawn(&crashed(Vec::new()), 80, 60).contains("No events: older than 1 h"));
    }

    #[test]
    fn waiting_and_failing_say_so() {
        assert!(drawn(&asked(Asked::Waiting(TaskId(1))), 80, 10).contains("↻ asked for its pods"));
        let why = Why { trouble: Trouble::Unsupported, words: "events are forbidden to you".into() };
        assert!(drawn(&asked(Asked::Failed(why)), 80, 10).contains("✗ events are forbidden to you"));
    }

    #[test]
    fn scrolling_ends_with_the_text() {
        let (mut app, mut explain) = (app(burning(), now()), crashed(Vec::new()));
        assert!(act(&mut app, &mut explain, Action::Bottom).is_some());
        let end = explain.offset;
        assert!(end > 0);
        let _ = act(&mut app, &mut explain, Action::Down);
        assert_eq!(explain.offset, end);
        assert!(act(&mut app, &mut explain, Action::Logs).is_none(), "verbs are not ours");
    }

    #[test]
    fn it_draws_at_every_size() {
        let app = app(burning(), now());
        let explain = RefCell::new(crashed(vec![event("BackOff", "restarting failed container", 90)]));
        proptest!(|(width in 1u16..=200, height in 1u16..=60, offset in 0usize..80)| {
            explain.borrow_mut().offset = offset;
            let screen = text(width, height, |buf, area| draw(&app, &explain.borrow(), buf, area));
            prop_assert!(width < 12 || height < 3 || screen.contains("╭─ W"), "{screen}");
        });
    }
}
