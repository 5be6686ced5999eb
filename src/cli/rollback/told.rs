//! How a rollback without a screen is told, as text or JSON, and how it ends.

use crate::{
    app::{App, OperationKey, Running},
    cli::{
        exit::Exit,
        out::{remark, say},
    },
    domain::{CheckKind, Outcome},
    rollback::{Candidate, Confirm, Mark, Plan, State, Verdict},
    text::Clean,
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeSet};

/// The version of the JSON shape.
pub(super) const SHAPE: u32 = 1;

/// How what happened is told.
pub(in crate::cli) struct Told {
    /// As JSON.
    pub json: bool,
}

impl Told {
    /// The plan. Exit 1 when something forbids it or there is nothing to go back to, 2 when it could not be told.
    pub fn plan(&self, app: &App, key: OperationKey, dry: bool) -> Exit {
        let Some(running) = app.operations.get(key) else { return Exit::Fault };
        if self.json {
            say!("{:#}", shape(app, key));
        } else {
            text(app, key);
            if !dry && matches!(running.procedure.state, State::Planned(_)) {
                unconfirmed();
            }
        }
        match barred(app, key) {
            Some(exit) => exit,
            None if dry => Exit::Yes,
            None => Exit::Forbidden,
        }
    }

    /// It was to be done, and what was found is in the way.
    pub fn not_done(&self, app: &App, key: OperationKey, exit: Exit) -> Exit {
        let plan = app.operations.get(key).and_then(|running| running.procedure.plan());
        let blocks = plan.and_then(|plan| plan.findings.values().find(|finding| finding.outcome == Outcome::Block));
        let why = app.operations.get(key).and_then(why).or_else(|| blocks.map(|finding| crate::clean!("{}: {}", finding.kind.word(), finding.sentence)));
        self.refused(app, key, &why.unwrap_or_default(), exit)
    }

    /// It was to be done, and is refused.
    pub fn refused(&self, app: &App, key: OperationKey, why: &Clean, exit: Exit) -> Exit {
        refuse(self.json, || shape(app, key), || text(app, key), why);
        exit
    }

    /// What came of it.
    pub fn end(&self, app: &App, key: OperationKey) -> Exit {
        let Some(running) = app.operations.get(key) else { return Exit::Fault };
        if self.json {
            say!("{:#}", shape(app, key));
        } else {
            end_text(running);
        }
        end_exit(running)
    }
}

/// Says that it is not done, below what was planned.
pub(super) fn refuse(json: bool, shape: impl FnOnce() -> Value, text: impl FnOnce(), why: &Clean) {
    if json {
        let mut value = shape();
        value["refused"] = json!(why);
        say!("{value:#}");
    } else {
        text();
        say!("not done: {why}");
    }
}

/// What ends a plan that nobody confirmed.
pub(super) fn unconfirmed() {
    say!("nothing was changed: --yes does it, --dry-run says that this is all you want");
}

/// How far it is, on standard error: each step once it is done or turned out bad. For whoever waits without a screen.
#[derive(Default)]
pub(super) struct Progress {
    of: Option<Clean>,
    said: RefCell<BTreeSet<(Clean, bool)>>,
}

impl Progress {
    /// Of one service among several.
    pub fn of(service: Clean) -> Self {
        Self { of: Some(service), ..Self::default() }
    }

    /// Says what is new since it was asked last.
    pub fn tell(&self, app: &App, key: OperationKey) {
        let Some(running) = app.operations.get(key) else { return };
        let of = self.of.as_ref().map(|of| format!("{of} ")).unwrap_or_default();
        for line in running.procedure.lines(app.steady()) {
            let good = line.mark == Mark::Good;
            if (good || line.mark == Mark::Bad) && self.said.borrow_mut().insert((line.label.clone(), good)) {
                remark(&format!("{of}{} {}: {}", line.clock.as_deref().unwrap_or("–"), line.label, line.text));
            }
        }
        if let State::Done { verdict, .. } = &running.procedure.state
            && self.said.borrow_mut().insert((Clean::from_static("verdict"), true))
        {
            remark(&format!("{of}– verdict: {}; it is being written into the journal", verdict.word()));
        }
    }
}

pub(super) fn end_exit(running: &Running) -> Exit {
    match &running.procedure.state {
        State::Done { verdict: Verdict::Recovered { .. }, .. } => Exit::Yes,
        State::Done { verdict: Verdict::NotRecovered { .. } | Verdict::Worse { .. }, .. } => Exit::No,
        State::Done { verdict: Verdict::CouldNotTell { .. }, .. } => Exit::Unknown,
        // It was read again: the request was not carried out, and nobody else changed anything.
        State::Planned(_) | State::Confirming { .. } | State::Gathering(_) if running.settled.is_some() => Exit::No,
        State::Planned(_) | State::Confirming { .. } | State::Gathering(_) => Exit::Conflict,
        State::Closed { .. } => Exit::No,
        State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } => Exit::Unknown,
    }
}

/// What is in the way of confirming: no by what was found, or it could not be told. None where nothing is.
pub(super) fn barred(app: &App, key: OperationKey) -> Option<Exit> {
    let running = app.operations.get(key)?;
    match &running.procedure.state {
        State::Closed { .. } => Some(Exit::Unknown),
        State::Planned(plan) => {
            let blocked = plan.findings.values().any(|finding| finding.outcome == Outcome::Block);
            (plan.candidate().is_none() || blocked).then_some(Exit::No)
        }
        State::Gathering(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } | State::Done { .. } => None,
    }
}

/// Why it stands where it stands, where that needs a reason.
fn why(running: &Running) -> Option<Clean> {
    match &running.procedure.state {
        State::Closed { why } => Some(why.clone()),
        State::Planned(_) | State::Confirming { .. } | State::Gathering(_) if running.settled.is_some() => running.settled.clone(),
        State::Confirming { confirm: Confirm::Again { why }, .. } => Some(why.clone()),
        State::Planned(plan) if plan.candidate().is_none() => plan.target.proposed.as_ref().err().cloned(),
        State::Planned(plan) => plan.note.clone(),
        State::Gathering(gathering) => gathering.note.clone(),
        State::Unclear { why, .. } => Some(why.clone()),
        State::Done { verdict, .. } => verdict.why().cloned(),
        State::Confirming { .. } | State::Sending { .. } | State::UnderWay { .. } => None,
    }
}

fn state(running: &Running) -> &'static str {
    match &running.procedure.state {
        State::Planned(plan) if plan.candidate().is_none() => "no target",
        State::Planned(_) | State::Confirming { .. } | State::Gathering(_) if running.settled.is_some() => "not done",
        state => state.word(),
    }
}

/// `proven: served 9 d`: the class, once.
fn evidence(candidate: &Candidate) -> String {
    let (class, why) = (candidate.class.word(), candidate.why.as_str());
    if why.starts_with(class) { why.to_owned() } else { format!("{class}: {why}") }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Warn => "warn",
        Outcome::Block => "block",
        Outcome::Unknown => "unknown",
    }
}

/// All of it as JSON.
pub(in crate::cli) fn shape(app: &App, key: OperationKey) -> Value {
    let Some(running) = app.operations.get(key) else { return json!({ "v": SHAPE }) };
    let procedure = &running.procedure;
    let plan = procedure.plan();
    let candidate = plan.and_then(Plan::candidate);
    // Of one that is seen through for somebody else the journal knows where it goes, and not what spoke for that.
    let to = procedure.goal().map(|goal| {
        json!({
            "version": goal.version.0, "revision": goal.number, "workload": plan.and_then(Plan::switch).map(|(_, arm)| arm.name.clean()),
            "class": candidate.map(|candidate| candidate.class.word()), "why": candidate.map(|candidate| &candidate.why),
        })
    });
    let findings: Vec<Value> = plan
        .map(|plan| plan.findings.values().map(|finding| json!({ "check": finding.kind.word(), "outcome": outcome(finding.outcome), "sentence": finding.sentence, "remedy": finding.remedy })).collect())
        .unwrap_or_default();
    let (verdict, took) = match &procedure.state {
        State::Done { verdict, at, run, .. } => (Some(verdict.word()), Some(at.duration_since(run.began).as_secs_f64())),
        _ => (None, None),
    };
    json!({
        "v": SHAPE,
        "service": running.service.clean(),
        "environment": running.environment.clean(),
        "workload": { "kind": procedure.case.workload.kind.word(), "namespace": procedure.case.workload.place.namespace.clean(), "name": procedure.case.workload.name.clean() },
        "state": state(running),
        "from": { "version": procedure.case.version().0, "revision": procedure.case.workload.revision },
        "to": to,
        "no_target": plan.and_then(|plan| plan.target.proposed.as_ref().err()),
        "difference": plan.map(|plan| plan.difference.iter().map(|change| json!({ "part": change.part.word(), "path": change.path, "before": change.before, "after": change.after })).collect::<Vec<_>>()),
        "checks": findings,
        "unknown": plan.map(|plan| plan.unknown.clone()),
        "command": plan.and_then(|plan| plan.command.clone()),
        "proofs": procedure.proofs(app.steady()).iter().map(|proof| json!({ "proof": proof.kind.word(), "text": proof.text })).collect::<Vec<_>>(),
        "verdict": verdict,
        "took_seconds": took,
        "why": why(running),
        "still_open": still_open(running),
    })
}

pub(super) fn text(app: &App, key: OperationKey) {
    let Some(running) = app.operations.get(key) else { return };
    say!("{}", running.procedure.case.title());
    if let State::Closed { why } = &running.procedure.state {
        return say!("{why}");
    }
    let Some(plan) = running.procedure.plan() else { return };
    match (plan.candidate(), &plan.target.proposed) {
        (Some(candidate), _) => {
            say!("{} → {} {}  ({})", running.procedure.case.version(), candidate.revision.version, plan.target_words(), evidence(candidate))
        }
        (None, Err(why)) => say!("no target: {why}"),
        (None, Ok(_)) => say!("no target is chosen"),
    }
    for change in &plan.difference {
        say!("  {:<12} {}: {} → {}", change.part.word(), change.path, change.before.as_deref().unwrap_or("–"), change.after.as_deref().unwrap_or("–"));
    }
    for finding in plan.findings.values() {
        let remedy = finding.remedy.as_ref().map(|remedy| format!("  ({remedy})")).unwrap_or_default();
        say!("  {:<8} {:<13} {}{remedy}", outcome(finding.outcome), finding.kind.word(), finding.sentence);
    }
    for kind in plan.waiting() {
        say!("  unknown  {:<13} no answer in time", CheckKind::word(kind));
    }
    if let Some(command) = &plan.command {
        say!("  by hand  {command}");
    }
}

/// What was left behind and brings the bad version back.
fn still_open(running: &Running) -> Vec<Clean> {
    match running.procedure.state {
        State::Done { .. } => running.procedure.still_open(&[]).into_iter().map(|line| line.text).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn end_text(running: &Running) {
    let why = why(running).unwrap_or_default();
    match &running.procedure.state {
        State::Done { verdict, run, at, proofs, .. } => {
            for proof in proofs {
                say!("  {:<9} {}", proof.kind.word(), proof.text);
            }
            let why = verdict.why().map(|why| crate::clean!(": {why}")).unwrap_or_default();
            say!("{} after {}{why}", verdict.word(), crate::store::words::took(at.duration_since(run.began)));
            for open in still_open(running) {
                say!("  still open: {open}");
            }
        }
        State::Closed { .. } => say!("{why}"),
        State::Planned(_) | State::Confirming { .. } | State::Gathering(_) if running.settled.is_some() => say!("{why}"),
        State::Planned(_) | State::Confirming { .. } => say!("the world moved on: {why}"),
        State::Gathering(_) => say!("the world moved on: it is being read again"),
        State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } => say!("no verdict in time; the journal has the intent"),
    }
}
