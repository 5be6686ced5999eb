//! What procedures say outside their own screen: lines of the background, keys, why not.

use super::{App, Batch, OperationKey, Operations, Running, Together};
use crate::{
    app::Screen,
    domain::{Hold, Outcome, Verb},
    gate::{Demand, NotConfirmed},
    keys::{Action, Layer},
    rollback::{Barred, State},
    store::words,
    text::Clean,
    widgets::{Part, hint},
};

impl Operations {
    /// What runs in the background and what was left open: an identity and a line each.
    pub fn lines(&self, app: &App) -> Vec<(String, Clean)> {
        let open = |key| app.screens.iter().any(|screen| matches!(screen, Screen::Operation(shown) if *shown == key));
        let mut lines: Vec<(String, Clean)> = self
            .running
            .iter()
            .filter(|running| !open(running.key) && self.batch_of(running.key).is_none())
            .map(|running| (format!("run-{}", running.key.0), running.line(app)))
            .collect();
        let singles = self.singles.iter().filter(|single| !open(single.key));
        lines.extend(singles.map(|single| (format!("run-{}", single.key.0), single.line(app.steady()))));
        lines.extend(self.batches.iter().filter(|batch| !open(batch.key)).map(|batch| (format!("run-{}", batch.key.0), self.batch_line(batch, app))));
        lines.extend(app.store.holds().into_iter().map(|hold| (format!("hold-{}", hold.id.as_str()), hold_line(app, hold))));
        lines.extend(self.open.iter().map(|left| (format!("open-{}", left.key.0), left.line(app))));
        lines
    }

    /// The keys of a procedure, as its state has them.
    pub fn hints(&self, app: &App, key: OperationKey) -> Vec<Part> {
        let layer = self.layer(key);
        let name = |action| crate::clean!("{}", app.start.keymap.key(layer, action).unwrap_or_default());
        let of = |actions: &[(Action, &'static str)]| {
            actions.iter().enumerate().map(|(at, (action, words))| hint(u8::try_from(at).unwrap_or(90) + 1, name(*action), Clean::from_static(words))).collect()
        };
        if self.batch(key).is_some() {
            return of(match layer {
                Layer::Plan => &[
                    (Action::Enter, "confirm all…"),
                    (Action::Escape, "leave, nothing done"),
                    (Action::Mark, "leave out"),
                    (Action::Describe, "its plan"),
                    (Action::OpenLock, "open"),
                ],
                Layer::Confirm => &[(Action::Enter, "do it"), (Action::Escape, "no"), (Action::NextPanel, "next field")],
                Layer::UnderWay => {
                    &[(Action::Describe, "its progress"), (Action::Stop, "begin no other"), (Action::Logs, "logs"), (Action::Escape, "background")]
                }
                _ => &[(Action::Enter, "done"), (Action::Describe, "its verdict"), (Action::CopyView, "copy as text")],
            });
        }
        match layer {
            Layer::Plan if self.single(key).is_some_and(|single| single.inputs().is_some()) => {
                of(&[(Action::Enter, "confirm…"), (Action::Escape, "leave, nothing done"), (Action::NextPanel, "write inputs"), (Action::OpenLock, "open")])
            }
            Layer::Form => of(&[(Action::Enter, "take them"), (Action::Escape, "as before"), (Action::NextPanel, "next")]),
            Layer::Plan if self.single(key).is_some_and(|single| single.verb != Verb::Scale) => {
                of(&[(Action::Enter, "confirm…"), (Action::Escape, "leave, nothing done"), (Action::OpenLock, "open")])
            }
            Layer::Plan if self.single(key).is_some() => of(&[
                (Action::Enter, "confirm…"),
                (Action::Escape, "leave, nothing done"),
                (Action::TabLeft, "one fewer"),
                (Action::TabRight, "one more"),
                (Action::OpenLock, "open"),
            ]),
            Layer::UnderWay if self.single(key).is_some() => {
                of(&[(Action::Logs, "logs"), (Action::Explain, "explain"), (Action::CopyView, "copy as text"), (Action::Escape, "background")])
            }
            Layer::Plan => {
                let plan = self.get(key).and_then(|running| running.procedure.plan());
                // Without anything to go to only leaving is left.
                let goes = plan.is_none_or(|plan| plan.candidate().is_some());
                let locked = self.get(key).is_some_and(|running| app.policy(&running.environment).closed(Verb::RollBack, app.now.wall).is_some());
                let blocked = locked || plan.is_some_and(|plan| plan.findings.values().any(|finding| finding.outcome == Outcome::Block));
                let others = plan.is_none_or(|plan| !plan.target.candidates.is_empty());
                let all = [
                    (Action::Enter, "confirm…"),
                    (Action::Escape, "leave, nothing done"),
                    (Action::TabLeft, "older"),
                    (Action::TabRight, "newer"),
                    (Action::Describe, "difference"),
                    (Action::OpenLock, "open"),
                ];
                let holds = |action: Action| match action {
                    Action::Enter => goes && !blocked,
                    Action::Describe | Action::OpenLock => goes,
                    Action::TabLeft | Action::TabRight => others,
                    _ => true,
                };
                of(&all.into_iter().filter(|(action, _)| holds(*action)).collect::<Vec<_>>())
            }
            Layer::Confirm => of(&[(Action::Enter, "do it"), (Action::Escape, "no"), (Action::NextPanel, "next field")]),
            Layer::UnderWay => {
                let all = [
                    (Action::LetGo, "delete the pod"),
                    (Action::Logs, "logs"),
                    (Action::Explain, "explain"),
                    (Action::Describe, "difference"),
                    (Action::CopyView, "copy as text"),
                    (Action::Escape, "background"),
                ];
                let waits = self.about(key).is_some_and(|(workload, ..)| app.awaited(&workload).is_some());
                of(&all[usize::from(!waits)..])
            }
            _ => of(&[(Action::Enter, "done"), (Action::CopyView, "copy as text"), (Action::History, "history"), (Action::Background, "still open")]),
        }
    }
}

impl Operations {
    /// `↻ 3 workloads in production  2 of 3: payments 5/6 0:41`.
    fn batch_line(&self, batch: &Batch, app: &App) -> Clean {
        let title = batch.title();
        match &batch.stand {
            Together::Planned | Together::Confirming => crate::clean!("· {title}  planned, nothing sent"),
            Together::Working { at, .. } => {
                let member = batch.members.get(*at);
                let place = batch.taken().position(|(place, _)| place == *at).unwrap_or_default() + 1;
                let line = member.and_then(|member| self.of_member(member)).map(|running| running.line(app)).unwrap_or_default();
                crate::clean!("↻ {title}  {place} of {}: {line}", batch.taken().count())
            }
            Together::Over { stopped: None } => crate::clean!("{title}  all of them are over"),
            Together::Over { stopped: Some((at, why)) } => {
                let name = batch.members.get(*at).map(|member| member.service.clone()).unwrap_or_default();
                crate::clean!("{title}  stopped at {name}: {why}")
            }
        }
    }
}

/// `‖ Argo CD application shop is held off for 2 h by ops; Enter lets it go again`.
fn hold_line(app: &App, hold: &Hold) -> Clean {
    let held = hold.since.map(|since| crate::clean!(" for {}", words::long(words::since(since, app.now.wall)))).unwrap_or_default();
    crate::clean!("‖ {} is held off{held} by {}; Enter plans to let it go", hold.keeper.words(), hold.by)
}

impl Running {
    /// `↻ cart in production 5/6 0:41`.
    fn line(&self, app: &App) -> Clean {
        let title = self.procedure.case.title();
        match &self.procedure.state {
            State::UnderWay { run, .. } => {
                crate::clean!("↻ {title}  {}/{}  {}", run.view.ready, run.view.wanted, words::clock(app.steady().duration_since(run.began)))
            }
            State::Sending { .. } | State::Unclear { .. } => crate::clean!("↻ {title}  sent, waiting for the answer"),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } => crate::clean!("· {title}  planned, nothing sent"),
            State::Done { verdict, .. } => crate::clean!("{title}  {}", verdict.word()),
            State::Closed { why } => crate::clean!("{title}  {why}"),
        }
    }
}

pub(super) fn barred_words(barred: &Barred) -> Clean {
    match barred {
        Barred::NoTarget(why) => why.clone(),
        Barred::Checking => Clean::from_static("the checks are still being made"),
        Barred::Blocked(finding) => crate::clean!("{}: {}", finding.kind.word(), finding.sentence),
        Barred::NotPlanned => Clean::from_static("there is no plan to confirm"),
    }
}

pub(super) fn not_confirmed(why: NotConfirmed, demand: &Demand) -> Clean {
    match (why, demand) {
        (NotConfirmed::Word, Demand::Yes) => Clean::from_static("type yes"),
        (NotConfirmed::Word, Demand::NameAndReason(name)) => crate::clean!("type the service's name: {name}"),
        (NotConfirmed::Word, Demand::Enter) => Clean::from_static("Enter confirms"),
        (NotConfirmed::Reason, _) => Clean::from_static("a reason is demanded here"),
        (NotConfirmed::Override, _) => crate::clean!("this goes back to what was itself rolled back from: type {}", crate::gate::OVERRIDE),
    }
}
