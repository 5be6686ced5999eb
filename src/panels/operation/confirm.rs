//! The confirm line at the foot of a plan: what must be typed, and where. Esc is always no.

use super::{Entry, Foot, mark};
use crate::{
    app::{App, Confirming, Running},
    gate::{Demand, OVERRIDE},
    line,
    panels::words::hanging,
    rollback::{Confirm, Mark, Plan},
    text::Clean,
    theme::Role,
    widgets::{Align, Line, Look, Piece, line_width, pad, wrap},
};

/// What a person must do to confirm, with its fields.
pub(super) fn foot<'a>(app: &App, running: &'a Running, plan: &Plan, confirm: &Confirm, width: usize) -> Foot<'a> {
    let to = match (plan.switch(), plan.sync(), plan.goal()) {
        (Some((route, arm)), _, Some(goal)) => crate::clean!("{} on {}, by {}", goal.version, arm.name, route.name),
        (None, Some(application), Some(goal)) => crate::clean!("{}, by a sync of Argo CD application {} as a whole", goal.version, application.name),
        (.., goal) => goal.map(|goal| goal.version.numbered(goal.number)).unwrap_or_default(),
    };
    let goal = crate::clean!("{} back to {to}", running.procedure.case.title());
    let demand = running.demand(app);
    let mut says = Vec::new();
    let word = match confirm {
        Confirm::Again { why } => {
            says.extend(hanging(vec![mark(Mark::Open), Piece::blank(1)], line![(Role::Warn, crate::clean!("nothing was carried out: {why}"))], width));
            says.extend(wrap(&line![(Role::Key, "Enter"), crate::clean!(" sends it again: {goal}. Esc is no.")], width));
            None
        }
        Confirm::ByPolicy { undo_of_undo: true } => {
            let why = crate::clean!("this takes {goal}, which was itself rolled back from within a day: that brings back what was taken away");
            says.extend(hanging(vec![mark(Mark::Open), Piece::blank(1)], line![(Role::Warn, why)], width));
            says.extend(wrap(&keys(), width));
            Some(OVERRIDE.into())
        }
        Confirm::ByPolicy { undo_of_undo: false } => {
            says.extend(wrap(&[line![(Role::Accent, crate::clean!("{goal}.  "))], keys()].concat(), width));
            word(&demand)
        }
    };
    let entries = running.confirming.as_ref().map(|line| entries(line, word, &demand)).unwrap_or_default();
    Foot { says, entries }
}

pub(super) fn keys() -> Line {
    line![(Role::Key, "Enter"), " does it, ", (Role::Key, "Tab"), " changes the field, ", (Role::Key, "Esc"), " is no"]
}

pub(super) fn word(demand: &Demand) -> Option<Clean> {
    match demand {
        Demand::Enter => None,
        Demand::Yes => Some(Clean::from_static("yes")),
        Demand::NameAndReason(name) => Some(Clean::from_untrusted(name)),
    }
}

/// The field of the word, where one is demanded, and that of the reason.
pub(super) fn entries<'a>(typed: &'a Confirming, word: Option<Clean>, demand: &Demand) -> Vec<Entry<'a>> {
    let asked = word.map(|word| line!["type ", (Role::Accent, word)]);
    let wide = asked.as_ref().map_or(0, |label| line_width(label)).max("reason".len()) + 2;
    let label = |line: &Line| pad(line, wide, Align::Left);
    let mut entries: Vec<Entry<'a>> = Vec::new();
    entries.extend(asked.map(|asked| Entry { label: label(&asked), field: &typed.word, look: Look::Plain, focused: !typed.on_reason }));
    let hint = match demand {
        Demand::NameAndReason(_) => Clean::from_static("why; it is demanded here"),
        Demand::Enter | Demand::Yes => Clean::from_static("why; it may be left out"),
    };
    entries.push(Entry { label: label(&line!["reason"]), field: &typed.reason, look: Look::Hint(hint), focused: typed.on_reason });
    entries
}
