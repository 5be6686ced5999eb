//! The words of the screens while a rollback is under way and at its verdict: the view only lays them out.

use super::{Blocker, Confirm, Procedure, Proof, ProofKind, ProofState, Run, State, Verdict, pipeline::Pipeline};
use crate::{
    domain::RevisionRef,
    store::words::{clock, long, percent, since, took},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};

/// What a line begins with: the view has a glyph, a role and, where there is room, a word for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Done, or measured good.
    Good,
    /// Under way.
    Running,
    /// Something else must come first, or nothing to prove.
    Waiting,
    /// Bad.
    Bad,
    /// Not measured.
    Unknown,
    /// To be done by somebody.
    Open,
}

/// One line of the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it begins with.
    pub mark: Mark,
    /// One or two words.
    pub label: Clean,
    /// The sentence.
    pub text: Clean,
    /// Its clock, from the confirmation on.
    pub clock: Option<Clean>,
    /// How many of how many, for a bar.
    pub bar: Option<(u32, u32)>,
    /// Values by time, oldest first, for a line that falls or rises.
    pub trace: Vec<f64>,
}

/// What the frame says at its top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The frame's title: `Rolling back cart in production`.
    pub title: Clean,
    /// What stands at its right: `0:41 of at most 10:00`; empty at the verdict, where the view writes the two times in its zone.
    pub clock: Clean,
    /// `✓ RECOVERED in 3m12s` without its glyph; the change before there is a verdict.
    pub line: Clean,
    /// What goes with it: `2.8.0 → 2.7.3`, why not.
    pub detail: Clean,
    /// How it stands.
    pub mark: Mark,
}

pub(super) fn line(mark: Mark, label: impl Into<Clean>, text: impl Into<Clean>) -> Line {
    Line { mark, label: label.into(), text: text.into(), clock: None, bar: None, trace: Vec::new() }
}

impl State {
    /// One word or two.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Gathering(_) => "gathering",
            Self::Planned(_) => "planned",
            Self::Confirming { .. } => "confirming",
            Self::Sending { .. } => "sending",
            Self::Unclear { .. } => "unclear",
            Self::UnderWay { .. } => "under way",
            Self::Done { .. } => "done",
            Self::Closed { .. } => "closed",
        }
    }
}

impl Procedure {
    /// What the frame says at its top.
    pub fn headline(&self, now: Timestamp) -> Headline {
        let title = self.case.title();
        let say =
            |verb: &str, clock: Clean, line: Clean, detail: Clean, mark: Mark| Headline { title: crate::clean!("{verb} {title}"), clock, line, detail, mark };
        match &self.state {
            State::Gathering(gathering) => {
                let left = clock(gathering.until().duration_since(now));
                say(
                    "Roll back",
                    crate::clean!("{left} left"),
                    Clean::from_static("asking what must be known"),
                    gathering.note.clone().unwrap_or_default(),
                    Mark::Running,
                )
            }
            State::Planned(plan) => match plan.candidate() {
                Some(candidate) => say("Roll back", Clean::EMPTY, self.change(), candidate.why.clone(), Mark::Waiting),
                None => say("Roll back", Clean::EMPTY, Clean::from_static("no target"), plan.target.proposed.clone().err().unwrap_or_default(), Mark::Unknown),
            },
            State::Confirming { confirm, .. } => {
                let why = match confirm {
                    Confirm::ByPolicy { undo_of_undo: true } => Clean::from_static("this goes back to what was itself rolled back from"),
                    Confirm::ByPolicy { undo_of_undo: false } => Clean::EMPTY,
                    Confirm::Again { why } => why.clone(),
                };
                say("Roll back", Clean::EMPTY, self.change(), why, Mark::Waiting)
            }
            State::Sending { sent, .. } => say("Rolling back", clock(since(sent.began, now)), self.change(), Clean::EMPTY, Mark::Running),
            State::Unclear { sent, why, .. } => {
                let words = crate::clean!("the answer was lost ({why}): reading whether it was carried out");
                say("Rolling back", clock(since(sent.began, now)), self.change(), words, Mark::Unknown)
            }
            State::UnderWay { run, .. } => {
                let of = crate::clean!("{} of at most {}", clock(since(run.began, now)), clock(self.timing.deadline));
                say("Rolling back", of, self.change(), self.stalled(run, now), Mark::Running)
            }
            State::Done { run, verdict, at, .. } => self.verdict_line(run, verdict, *at),
            State::Closed { why } => say("Roll back", Clean::EMPTY, Clean::from_static("closed"), why.clone(), Mark::Bad),
        }
    }

    /// Where it goes, or would go.
    pub fn goal(&self) -> Option<RevisionRef> {
        match &self.state {
            State::Planned(plan) | State::Confirming { plan, .. } => plan.goal(),
            State::Sending { sent, .. } | State::Unclear { sent, .. } | State::UnderWay { sent, .. } | State::Done { sent, .. } => Some(sent.goal.clone()),
            State::Gathering(_) | State::Closed { .. } => None,
        }
    }

    /// `2.8.0 r42 → 2.7.3 r41 (it runs on as r43)`.
    pub fn change(&self) -> Clean {
        let from = &self.case.workload;
        // A release counts for itself, and its number is the one that one goes back to.
        let release = self.plan().and_then(|plan| plan.subject.release.as_ref());
        let left = from.version.numbered(release.map(|release| release.revision).or(from.revision).unwrap_or(0));
        let Some(goal) = self.goal() else { return left };
        if let Some((_, arm)) = self.plan().and_then(|plan| plan.switch()) {
            return crate::clean!("{left} → {} on {}", goal.version, arm.name);
        }
        let runs_on = match &self.state {
            State::UnderWay { run, .. } | State::Done { run, .. } => {
                run.view.revision.filter(|number| release.is_none() && *number != goal.number && *number != 0)
            }
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => None,
        };
        let runs_on = runs_on.map(|number| crate::clean!(" (it runs on as r{number})")).unwrap_or_default();
        if let Some(plan) = self.plan().filter(|plan| plan.sync().is_some()) {
            return crate::clean!("{left} → {} {}{runs_on}", goal.version, plan.target_words());
        }
        crate::clean!("{left} → {}{runs_on}", goal.version.numbered(goal.number))
    }

    fn stalled(&self, run: &Run, now: Timestamp) -> Clean {
        if let Some(idle) = run.stalled(&self.timing, now) {
            return crate::clean!("no progress for {}: x explains", long(idle));
        }
        // All that must be good is; what was not measured yet is waited for a while.
        let until = run.complete.map(|complete| complete + self.timing.settle).filter(|until| now < *until && run.in_a_row >= self.timing.in_a_row);
        until.map(|until| crate::clean!("measures are awaited for {} more", clock(until.duration_since(now)))).unwrap_or_default()
    }

    fn verdict_line(&self, run: &Run, verdict: &Verdict, at: Timestamp) -> Headline {
        let word = verdict.word();
        let versions = crate::clean!("{} → {}", run.left, run.target.version);
        let after = clock(at.duration_since(run.began));
        let (mark, line, detail) = match verdict {
            Verdict::Recovered { took: length } => {
                let more = self.users_saw().or_else(|| self.unmeasured());
                (Mark::Good, crate::clean!("{word} in {}", took(*length)), more.map_or(versions.clone(), |more| crate::clean!("{versions}     {more}")))
            }
            Verdict::NotRecovered { why } | Verdict::Worse { why } => (Mark::Bad, crate::clean!("{word} after {after}"), why.clone()),
            Verdict::CouldNotTell { why } => (Mark::Unknown, Clean::from_static(word), why.clone()),
        };
        Headline { title: crate::clean!("Rolled back {}", self.case.title()), clock: Clean::EMPTY, line, detail, mark }
    }

    /// `users saw errors for 8m49s`, where both ends were measured.
    fn users_saw(&self) -> Option<Clean> {
        let from = self.case.baseline.errors_since?;
        let until = self.good_at(ProofKind::Errors)?;
        Some(crate::clean!("users saw errors for {}", took(until.duration_since(from))))
    }

    /// `not measured: errors, latency, alert`: what a verdict does not rest on.
    fn unmeasured(&self) -> Option<Clean> {
        let State::Done { proofs, .. } = &self.state else { return None };
        let open: Vec<&str> =
            proofs.iter().filter(|proof| matches!(proof.state, ProofState::Unknown | ProofState::Waiting)).map(|proof| proof.kind.word()).collect();
        (!open.is_empty()).then(|| crate::clean!("not measured: {}", open.join(", ")))
    }

    /// The lines of what was sent and of every proof, each with its own state and clock.
    pub fn lines(&self, now: Timestamp) -> Vec<Line> {
        let mut lines = self.sent_lines();
        let run = match &self.state {
            State::UnderWay { run, .. } | State::Done { run, .. } => Some(run),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => None,
        };
        if let Some(run) = run {
            lines.extend(self.proofs(now).iter().filter(|proof| proof.state != ProofState::NotAsked).map(|proof| proof_line(proof, run)));
        }
        lines
    }

    fn sent_lines(&self) -> Vec<Line> {
        match &self.state {
            State::Sending { left: None, .. } => vec![line(Mark::Running, "recorded", "the intent is being written before anything leaves")],
            State::Sending { doing: Some((what, _)), .. } => vec![line(Mark::Running, "at work", what.clone())],
            State::Sending { left: Some(_), sent, .. } if sent.release() => {
                vec![line(Mark::Running, "helm", "it is at work; it ends when all objects are sent and the hooks have run")]
            }
            State::Sending { left: Some(_), .. } => vec![line(Mark::Running, "sent", "waiting for the answer")],
            State::Unclear { why, .. } => vec![line(Mark::Unknown, "sent", crate::clean!("the answer was lost: {why}"))],
            State::UnderWay { sent, run } => {
                let (done, awaited) = match (&run.switched, &run.syncing) {
                    (Some(_), _) => ("it leads there", "where it leads is being read"),
                    (None, Some(_)) => ("it is synced, and the controller works on it", "Argo CD is not through with it"),
                    (None, None) => ("the controller works on it", "the controller has not looked at it yet"),
                };
                let answered = since(run.began, run.accepted);
                // Without its plan it was begun elsewhere: what was seen here first is no time of its own.
                let own = sent.plan.is_some();
                let words = if own {
                    crate::clean!("accepted in {} ms, once", answered.as_millis())
                } else {
                    crate::clean!("it was carried out; watched from here since {}", clock(answered))
                };
                let timed = |after| own.then(|| clock(after));
                let taken = match run.taken_up {
                    at if run.pipeline.is_some() => pipeline_line(run, at, &timed),
                    Some(at) => Line { clock: timed(since(run.began, at)), ..line(Mark::Good, "taken up", done) },
                    None => line(Mark::Running, "taken up", awaited),
                };
                vec![Line { clock: timed(answered), ..line(Mark::Good, "sent", words) }, taken]
            }
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Done { .. } | State::Closed { .. } => Vec::new(),
        }
    }

    /// WAITING FOR: the pods that hold it up, the worst first.
    pub fn waiting_for(&self) -> &[Blocker] {
        match &self.state {
            State::UnderWay { run, .. } | State::Done { run, .. } => &run.view.blockers,
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => &[],
        }
    }
}

/// Whether the pipeline has begun.
fn pipeline_line(run: &Run, at: Option<Timestamp>, timed: &dyn Fn(SignedDuration) -> Option<Clean>) -> Line {
    let says = run.pipeline.as_ref().map(|pipeline| pipeline.taken_up(run)).unwrap_or_default();
    let began = at.is_some() || run.pipeline.as_ref().is_some_and(Pipeline::began);
    Line { clock: at.and_then(|at| timed(since(run.began, at))), ..line(if began { Mark::Good } else { Mark::Running }, "taken up", says) }
}

fn proof_line(proof: &Proof, run: &Run) -> Line {
    let mark = match proof.state {
        ProofState::Good => Mark::Good,
        ProofState::Running => Mark::Running,
        ProofState::StillBad => Mark::Bad,
        ProofState::Waiting | ProofState::NotAsked => Mark::Waiting,
        ProofState::Unknown => Mark::Unknown,
    };
    let bar = (proof.kind == ProofKind::Pods && proof.state == ProofState::Running && run.pipeline.is_none()).then_some((run.view.ready, run.view.wanted));
    let trace: Vec<f64> = if proof.kind == ProofKind::Errors { run.trace.iter().map(|(_, value)| *value).collect() } else { Vec::new() };
    let text = match trend(&trace).filter(|_| proof.state != ProofState::Good) {
        Some(word) => crate::clean!("{}, {word}", proof.text),
        None => proof.text.clone(),
    };
    let label = if run.pipeline.is_some() && proof.kind == ProofKind::Pods { "deployment" } else { proof.kind.word() };
    Line { mark, label: label.into(), text, clock: proof.after.map(clock), bar, trace }
}

/// Whether the last values fall or rise by more than a tenth.
fn trend(trace: &[f64]) -> Option<&'static str> {
    let [.., before, now] = trace else { return None };
    let change = now - before;
    if change.abs() <= before.abs() * 0.1 { None } else { Some(if change < 0.0 { "falling" } else { "rising" }) }
}

impl Verdict {
    /// What can be done next, by key, where it did not help.
    pub const fn ways(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Recovered { .. } => &[],
            Self::NotRecovered { .. } | Self::Worse { .. } => {
                &[("[", "an older target"), ("l", "logs"), ("x", "explain"), ("i", "incident"), ("Y", "copy as text")]
            }
            Self::CouldNotTell { .. } => &[("l", "logs"), ("v", "verify"), ("x", "explain"), ("Y", "copy as text")],
        }
    }
}

/// Why the error rate stands where it does, for the reason that is prefilled: `CartErrorRate 17.4 %`.
pub fn reason(procedure: &Procedure) -> Clean {
    let baseline = &procedure.case.baseline;
    let rate = baseline.error_rate.filter(|_| baseline.errors.bad()).map(percent).unwrap_or_default();
    let pods = match &baseline.pods {
        super::Standing::Bad(why) => crate::clean!("{} {why}", procedure.case.version()),
        super::Standing::Good | super::Standing::Unknown(_) => Clean::EMPTY,
    };
    let alert = procedure.case.alert.as_ref().map(|alert| alert.name.clean().clone()).unwrap_or_default();
    let first = crate::clean!("{}", [alert.as_str(), rate.as_str()].join(" ").trim());
    if first.is_empty() {
        return pods;
    }
    if pods.is_empty() { first } else { crate::clean!("{first}, {pods}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Id, Owner, Run as CiRun, RunStatus, SourceId, Stage},
        rollback::procedure::stage::*,
        text::Name,
    };

    fn labels(lines: &[Line]) -> Vec<(Mark, &str, &str)> {
        lines.iter().map(|line| (line.mark, &*line.label, &*line.text)).collect()
    }

    #[test]
    fn under_way_every_step_has_its_own_line() {
        let mut procedure = sent(planned());
        assert_eq!(labels(&procedure.lines(later(0))), [(Mark::Running, "recorded", "the intent is being written before anything leaves")]);
        let _ = procedure.staged(&op(1), Stage::Sending, later(0));
        assert_eq!(labels(&procedure.lines(later(0))), [(Mark::Running, "sent", "waiting for the answer")]);
        let _ = procedure.staged(&op(1), accepted(), later(1));
        let lines = procedure.lines(later(1));
        assert_eq!(
            labels(&lines)[..2],
            [(Mark::Good, "sent", "accepted in 1000 ms, once"), (Mark::Running, "taken up", "the controller has not looked at it yet")]
        );
        let _ = procedure.observed(&super::super::Observed::of(&healed().0, &id()), later(2));
        let lines = procedure.lines(later(41));
        assert_eq!(labels(&lines)[1], (Mark::Good, "taken up", "the controller works on it"));
        assert_eq!(lines[1].clock.as_deref(), Some("0:02"));
        assert_eq!(&*procedure.headline(later(41)).clock, "0:41 of at most 10:00");
        assert_eq!(&*procedure.headline(later(41)).title, "Rolling back cart in production");
    }

    #[test]
    fn what_brings_the_bad_version_back_stays_open() {
        let mut procedure = planned();
        procedure.case.workload.owner = Some(Owner::Helm { release: Name::new("shop"), namespace: Name::new("shop") });
        let run = |number: u64, status| CiRun {
            id: Id::new(&SourceId::new("github"), &number.to_string()),
            repository: Name::new("acme/cart"),
            workflow: Clean::EMPTY,
            number,
            attempt: 1,
            title: "2.8.0".into(),
            branch: Name::new("main"),
            commit: Name::new("c"),
            actor: Clean::EMPTY,
            status,
            created: None,
            started: None,
            ended: None,
            was: None,
            digests: Box::default(),
            usual: None,
            url: Clean::EMPTY,
        };
        let (waits, over) = (run(312, RunStatus::Waiting("approval".into())), run(311, RunStatus::Success));
        let open = procedure.still_open(&[&waits, &over]);
        assert_eq!(
            labels(&open),
            [
                (Mark::Open, "owner", "Helm release shop still names 42.0: its next sync or upgrade ships it again"),
                (Mark::Open, "run", "run #312 (2.8.0) waits: approval"),
            ]
        );
    }

    #[test]
    fn a_line_falls_or_rises_only_when_it_moves_by_more_than_a_tenth() {
        assert_eq!(trend(&[0.174, 0.061]), Some("falling"));
        assert_eq!(trend(&[0.02, 0.03]), Some("rising"));
        assert_eq!((trend(&[0.100, 0.105]), trend(&[0.1])), (None, None));
    }
}
