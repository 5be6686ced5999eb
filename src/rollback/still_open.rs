//! What is left behind once there is a verdict: whatever brings the bad version back.

use super::{Line, Mark, Procedure, State, words::line};
use crate::{
    domain::{CheckKind, Outcome, Run as CiRun, RunStatus, Verb},
    text::Clean,
};

impl Procedure {
    /// STILL OPEN: what was left behind and brings the bad version back. `runs` are the runs of the service's repository.
    pub fn still_open(&self, runs: &[&CiRun]) -> Vec<Line> {
        let version = self.case.version();
        let mut lines = Vec::new();
        let run = if let State::Done { run, .. } = &self.state { Some(run) } else { None };
        let verb = run.map_or(Verb::RollBack, |run| run.verb);
        if verb == Verb::SwitchBack {
            let name = &self.case.workload.name;
            let says =
                crate::clean!("{name} was not changed and still runs {version}: whoever switches forward, by hand, by git or by a pipeline, ships it again");
            lines.push(line(Mark::Open, "route", says));
        } else if verb == Verb::Abort {
            let kind = self.case.workload.kind.word();
            let says =
                crate::clean!("the {kind} still asks for {version}: a retry ships it again, until another version is shipped or it is rolled back once more");
            lines.push(line(Mark::Open, "spec", says));
        } else if let Some(release) = run.and_then(|run| run.released.as_ref()) {
            let words = crate::clean!("{release} went back as a whole; the next helm upgrade ships what its pipeline says: mend that too");
            lines.push(line(Mark::Open, "release", words));
        } else if let Some(owner) = &self.case.workload.owner {
            lines.push(line(Mark::Open, "owner", crate::clean!("{} still names {version}: its next sync or upgrade ships it again", owner.words())));
        }
        let stale = self.plan().and_then(|plan| plan.findings.get(&CheckKind::LastApplied)).filter(|finding| finding.outcome == Outcome::Warn);
        lines.extend(stale.map(|finding| line(Mark::Open, "apply", finding.sentence.clone())));
        let moves = |run: &&&CiRun| matches!(run.status, RunStatus::Waiting(_) | RunStatus::Running | RunStatus::Queued);
        for run in runs.iter().filter(moves) {
            let does = match &run.status {
                RunStatus::Waiting(what) => crate::clean!("waits: {what}"),
                RunStatus::Running => Clean::from_static("runs"),
                RunStatus::Queued
                | RunStatus::Success
                | RunStatus::Warn
                | RunStatus::Failed
                | RunStatus::Cancelled
                | RunStatus::Skipped
                | RunStatus::Neutral
                | RunStatus::Stale
                | RunStatus::Lost
                | RunStatus::Unknown(_) => Clean::from_static("is queued"),
            };
            lines.push(line(Mark::Open, "run", crate::clean!("run {} ({}) {does}", run.called(), run.title)));
        }
        lines
    }
}
