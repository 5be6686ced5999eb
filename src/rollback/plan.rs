//! Steps 1 to 3: the target, what it changes, and the checks as they stream in.

use super::{Candidate, Case, Difference, Target, difference, gather::Gathered};
use crate::{
    domain::{Application, Arm, Check, CheckKind, Finding, OpId, Operation, Outcome, Outline, Revision, RevisionRef, Route, Seen, Subject, Verb},
    text::{Clean, Raw},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How far the checks are.
#[derive(Clone, Debug, PartialEq)]
pub enum Checks {
    /// They stream in; those that have not come by `until` are unknown.
    Running {
        /// The deadline.
        until: Timestamp,
    },
    /// All are made or unknown.
    Over,
}

/// A plan. Nothing on it executes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The object as it was read.
    pub subject: Subject,
    /// Where one could go.
    pub target: Target,
    /// The template of the newest revision: what is rolled back from.
    pub running: Raw,
    /// Which candidate is selected; none where none is proposed and nobody chose one.
    pub selected: Option<usize>,
    /// What going there changes.
    pub difference: Vec<Difference>,
    /// What was found, by kind; what was announced and not made yet is missing.
    pub findings: BTreeMap<CheckKind, Finding>,
    /// What will be checked.
    pub expected: Vec<CheckKind>,
    /// How far the checks are.
    pub checks: Checks,
    /// Counts up with every target: checks of another round are dropped.
    pub round: u32,
    /// The command that does the same by hand.
    pub command: Option<Clean>,
    /// What could not be found out, with the reason.
    pub unknown: Vec<Clean>,
    /// What made us plan again.
    pub note: Option<Clean>,
    /// The operations that were sent for this plan so far: none of them was carried out.
    pub(super) tried: Vec<OpId>,
}

/// Why Enter does not open the confirm line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// There is nothing to go back to, or nobody chose.
    NoTarget(Clean),
    /// Checks are still being made.
    Checking,
    /// A check forbids it.
    Blocked(Finding),
    /// It is not a plan any more, or not yet.
    NotPlanned,
}

impl Plan {
    pub(super) fn new(gathered: Gathered, until: Timestamp) -> Self {
        let Gathered { subject, target, running, unknown, note } = gathered;
        let selected = target.proposed.as_ref().ok().copied();
        let mut plan = Self {
            subject,
            target,
            running,
            selected,
            difference: Vec::new(),
            findings: BTreeMap::new(),
            expected: Vec::new(),
            checks: Checks::Over,
            round: 0,
            command: None,
            unknown,
            note,
            tried: Vec::new(),
        };
        plan.begin_round(until);
        plan
    }

    /// Where it goes.
    pub fn goal(&self) -> Option<RevisionRef> {
        let Revision { id, number, template, version, .. } = &self.candidate()?.revision;
        Some(RevisionRef { id: id.clone(), number: *number, template: template.clone(), version: version.clone() })
    }

    /// What going there is: a switch where it stands beside the workload, a sync where the application was synced to it, an abort where the rollout that is under way only has to be given up on,
    /// else a new template.
    pub fn verb(&self) -> Verb {
        let Some(candidate) = self.candidate() else { return Verb::RollBack };
        let stable = self.subject.abort_to.as_ref() == Some(&candidate.revision.template);
        match (self.switch(), self.sync()) {
            (Some(_), _) => Verb::SwitchBack,
            (None, Some(_)) => Verb::SyncBack,
            (None, None) if stable => Verb::Abort,
            (None, None) => Verb::RollBack,
        }
    }

    /// The application that is synced back, where the target is one of its revisions.
    pub fn sync(&self) -> Option<&Application> {
        self.synced(self.selected?)
    }

    /// The application that was synced to a candidate, where that is none of the workload's own revisions.
    pub fn synced(&self, at: usize) -> Option<&Application> {
        self.subject.synced_to(&self.target.candidates.get(at)?.revision.id)
    }

    /// The route that is switched and where to, where the target stands beside the workload.
    pub fn switch(&self) -> Option<(&Route, &Arm)> {
        Some((self.subject.served_by()?, self.beside(self.selected?)?))
    }

    /// What a candidate is of the route that leads to the workload, where it stands beside that.
    pub fn beside(&self, at: usize) -> Option<&Arm> {
        let target = &self.target.candidates.get(at)?.revision.workload;
        self.subject.served_by()?.arm(target).filter(|_| *target != self.subject.workload)
    }

    /// The target as it is always written: ` r41`, or where it stands.
    pub fn target_words(&self) -> Clean {
        match (self.switch(), self.sync(), self.candidate()) {
            (Some((_, arm)), ..) => crate::clean!("on {}", arm.name),
            (None, Some(application), _) => crate::clean!("by a sync of {}", application.name),
            (None, None, Some(candidate)) => candidate.revision.short(),
            (None, None, None) => Clean::EMPTY,
        }
    }

    /// The candidate that is selected.
    pub fn candidate(&self) -> Option<&Candidate> {
        self.selected.and_then(|at| self.target.candidates.get(at))
    }

    /// Selects an older (`by` = 1) or newer (-1) candidate; false at the end of the list.
    pub(super) fn select(&mut self, by: isize, until: Timestamp) -> bool {
        let next = match self.selected {
            None => Some(0),
            Some(at) => at.checked_add_signed(by),
        };
        let Some(next) = next.filter(|next| *next < self.target.candidates.len() && Some(*next) != self.selected) else { return false };
        self.selected = Some(next);
        self.begin_round(until);
        true
    }

    fn begin_round(&mut self, until: Timestamp) {
        self.round += 1;
        self.findings.clear();
        self.expected.clear();
        self.command = None;
        let own = self.switch().and_then(|(route, _)| route.arm(&self.subject.workload)).map(|own| &own.revision);
        let own = own.or_else(|| self.sync().and_then(Application::current));
        let before: &Outline = own.map_or(&self.subject.outline, |own| &own.outline);
        self.difference = self.candidate().map_or_else(Vec::new, |candidate| difference(before, &candidate.revision.outline));
        self.checks = if self.selected.is_some() { Checks::Running { until } } else { Checks::Over };
    }

    /// Has the checks made once more for the same candidate.
    pub(super) fn again(&mut self, until: Timestamp) {
        self.begin_round(until);
    }

    pub(super) fn checked(&mut self, check: Check) {
        match check {
            Check::Expect(kinds) => {
                self.expected.extend(kinds);
                self.expected.sort_unstable();
                self.expected.dedup();
            }
            Check::Made(finding) => self.found(finding),
            Check::Command(command) => self.command = Some(command),
        }
    }

    /// Keeps the worse of two findings of one kind.
    pub(super) fn found(&mut self, finding: Finding) {
        let worse = self.findings.get(&finding.kind).is_none_or(|before| before.outcome < finding.outcome);
        if worse {
            self.findings.insert(finding.kind, finding);
        }
    }

    /// Ends the checks: what was announced and did not come is unknown.
    pub(super) fn end_checks(&mut self, why: &'static str) {
        if self.checks == Checks::Over {
            return;
        }
        self.checks = Checks::Over;
        let missing: Vec<CheckKind> = self.waiting().collect();
        for kind in missing {
            self.found(kind.unknown(why));
        }
    }

    /// The checks that were announced and have not come.
    pub fn waiting(&self) -> impl Iterator<Item = CheckKind> {
        self.expected.iter().copied().filter(|kind| !self.findings.contains_key(kind))
    }

    /// Whether Enter may open the confirm line.
    pub fn barred(&self) -> Result<(), Barred> {
        if self.candidate().is_none() {
            let none = || Clean::from_static("choose a revision with [ and ]");
            return Err(Barred::NoTarget(self.target.proposed.as_ref().err().cloned().unwrap_or_else(none)));
        }
        if let Some(block) = self.findings.values().find(|finding| finding.outcome == Outcome::Block) {
            return Err(Barred::Blocked(block.clone()));
        }
        match self.checks {
            Checks::Over => Ok(()),
            Checks::Running { .. } => Err(Barred::Checking),
        }
    }

    /// What going there must still find: the route that is switched, the application that is synced, else the workload or its release.
    pub fn from(&self) -> &Seen {
        let above = self.switch().map(|(route, _)| &route.seen).or_else(|| self.sync().map(|application| &application.seen));
        above.unwrap_or(self.subject.from())
    }

    /// The operation that goes to the selected candidate.
    pub(super) fn operation(&self, case: &Case, id: OpId, reason: Clean, by: Clean) -> Option<Operation> {
        let to = self.goal()?;
        Some(Operation {
            id,
            verb: self.verb(),
            subject: case.workload.id.clone(),
            title: case.title(),
            from: self.from().clone(),
            to: Some(to),
            scaling: None,
            inputs: Vec::new(),
            reason,
            by,
        })
    }
}
