//! The procedure of the key R without a screen.

use super::{Failed, args::Rollback, exit::Exit, headless::Headless};
use crate::{
    app::{App, OperationKey, Screen},
    domain::{CheckKind, Id, Outcome, Workload},
    gate::OVERRIDE,
    rollback::{Plan, State, Verdict},
    text::Clean,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The version of the JSON shape.
const SHAPE: u32 = 1;
/// How long questions and checks may take.
const PLAN: Duration = Duration::from_secs(25);
/// How long the pods and the proofs may take; the procedure has a shorter deadline of its own.
const WATCH: Duration = Duration::from_secs(30 * 60);

/// Plans, confirms as the arguments say, watches to the verdict.
pub async fn run(mut headless: Headless, args: Rollback) -> Result<Exit, Failed> {
    headless.synced().await;
    let workload = find(&headless.app, &args)?;
    let effects = headless.app.open_plan(&workload);
    headless.carry_out(effects);
    headless.until(PLAN, |app| planned(app).is_some()).await;
    let Some(key) = planned(&headless.app) else {
        return Err(Failed::new(Exit::Unknown, "the plan was not ready in time; pilothouse doctor says what does not answer"));
    };
    choose(&mut headless, key, &args).await?;
    let told = Told { json: args.output.json };
    if args.dry_run || !args.yes {
        return Ok(told.plan(&headless.app, key, args.dry_run));
    }
    permitted(&headless.app, key, &args)?;
    let word = if args.back_to_bad { OVERRIDE.to_owned() } else { args.confirm.clone().unwrap_or_else(|| "yes".to_owned()) };
    let effects = match headless.app.confirm_headless(key, &word, &args.reason) {
        Ok(effects) => effects,
        Err(why) => return Ok(told.refused(&headless.app, key, &why)),
    };
    headless.carry_out(effects);
    if !args.output.json {
        told.plan(&headless.app, key, false);
    }
    headless.until(WATCH, |app| over(app, key)).await;
    headless.settle().await;
    Ok(told.end(&headless.app, key))
}

/// The one workload that is meant.
fn find(app: &App, args: &Rollback) -> Result<Id<Workload>, Failed> {
    let subject = crate::app::Subject::Cell { service: Clean::from_untrusted(&args.service), environment: Clean::from_untrusted(&args.environment) };
    let named = |id: &Id<Workload>| {
        let Some(wanted) = &args.workload else { return true };
        app.store.workload(id).is_some_and(|workload| format!("{}/{}", workload.kind.word(), workload.name.raw()).eq_ignore_ascii_case(wanted))
    };
    let found: Vec<Id<Workload>> = app.workloads_of(&subject).into_iter().filter(named).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let known: Vec<String> = app.matrix.columns.iter().map(|column| column.environment.name.to_string()).collect();
            Err(Failed::new(
                Exit::No,
                format!(
                    "{} does not run in {}; the environments are {}",
                    Clean::from_untrusted(&args.service),
                    Clean::from_untrusted(&args.environment),
                    known.join(", ")
                ),
            ))
        }
        several => {
            let names: Vec<String> =
                several.iter().filter_map(|id| app.store.workload(id)).map(|workload| format!("{}/{}", workload.kind.word(), workload.name)).collect();
            Err(Failed::new(Exit::Usage, format!("{} has several workloads there: choose with --workload among {}", args.service, names.join(", "))))
        }
    }
}

/// The procedure, once its checks are made.
fn planned(app: &App) -> Option<OperationKey> {
    let key = app.screens.iter().find_map(|screen| match screen {
        Screen::Operation(key) => Some(*key),
        _ => None,
    })?;
    match &app.operations.get(key)?.procedure.state {
        State::Planned(plan) => (plan.waiting().next().is_none() && plan.checks == crate::rollback::Checks::Over).then_some(key),
        State::Gathering(_) => None,
        _ => Some(key),
    }
}

fn over(app: &App, key: OperationKey) -> bool {
    app.operations
        .get(key)
        .is_none_or(|running| matches!(running.procedure.state, State::Done { .. } | State::Closed { .. } | State::Planned(_) | State::Confirming { .. }))
}

/// `--to r41`: selects that target and waits for its checks.
async fn choose(headless: &mut Headless, key: OperationKey, args: &Rollback) -> Result<(), Failed> {
    let Some(wanted) = &args.to else { return Ok(()) };
    let number: u64 = wanted
        .trim_start_matches('r')
        .parse()
        .map_err(|_| Failed::new(Exit::Usage, format!("--to takes a revision such as r41, not `{}`", Clean::from_untrusted(wanted))))?;
    match headless.app.aim_plan(key, number) {
        Ok(effects) => headless.carry_out(effects),
        Err(why) => return Err(Failed::new(Exit::No, why.to_string())),
    }
    headless.until(PLAN, |app| planned(app).is_some()).await;
    Ok(())
}

/// What the policy demands of arguments: production takes --write --yes --reason TEXT --confirm SERVICE.
fn permitted(app: &App, key: OperationKey, args: &Rollback) -> Result<(), Failed> {
    let Some(running) = app.operations.get(key) else { return Ok(()) };
    let policy = app.policy(&running.environment);
    let forbidden = |words: String| Err(Failed::new(Exit::Forbidden, words));
    if let Some(closed) = policy.closed(crate::domain::Verb::RollBack, app.now.wall) {
        return forbidden(format!("{} is {}: {}", running.environment, closed.word(), closed.remedy()));
    }
    if policy.tier == crate::domain::Tier::Production {
        if args.confirm.as_deref() != Some(running.service.raw()) {
            return forbidden(format!("production takes --confirm {}", running.service));
        }
        if args.reason.trim().is_empty() {
            return forbidden("production takes --reason TEXT".to_owned());
        }
    }
    Ok(())
}

/// How what happened is told.
struct Told {
    json: bool,
}

impl Told {
    /// The plan; exit 1 when something forbids it, 2 when there is no target.
    fn plan(&self, app: &App, key: OperationKey, dry: bool) -> Exit {
        let Some(running) = app.operations.get(key) else { return Exit::Fault };
        if self.json {
            println!("{:#}", shape(app, key));
        } else {
            text(app, key);
            if !dry && matches!(running.procedure.state, State::Planned(_)) {
                println!("nothing was changed: --yes does it, --dry-run says that this is all you want");
            }
        }
        match &running.procedure.state {
            State::Closed { .. } => Exit::Unknown,
            State::Planned(plan) => plan_exit(plan, dry),
            _ => Exit::Yes,
        }
    }

    fn refused(&self, app: &App, key: OperationKey, why: &Clean) -> Exit {
        if self.json {
            let mut value = shape(app, key);
            value["refused"] = json!(why);
            println!("{value:#}");
        } else {
            text(app, key);
            println!("not done: {why}");
        }
        Exit::Forbidden
    }

    fn end(&self, app: &App, key: OperationKey) -> Exit {
        let Some(running) = app.operations.get(key) else { return Exit::Fault };
        if self.json {
            println!("{:#}", shape(app, key));
        } else {
            end_text(app, key);
        }
        match &running.procedure.state {
            State::Done { verdict: Verdict::Recovered { .. }, .. } => Exit::Yes,
            State::Done { verdict: Verdict::NotRecovered { .. } | Verdict::Worse { .. }, .. } => Exit::No,
            State::Done { verdict: Verdict::CouldNotTell { .. }, .. } => Exit::Unknown,
            State::Planned(_) | State::Confirming { .. } | State::Gathering(_) => Exit::Conflict,
            State::Closed { .. } => Exit::No,
            State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } => Exit::Unknown,
        }
    }
}

fn plan_exit(plan: &Plan, dry: bool) -> Exit {
    let blocked = plan.findings.values().any(|finding| finding.outcome == Outcome::Block);
    match (plan.candidate(), blocked) {
        (None, _) => Exit::Unknown,
        (Some(_), true) => Exit::No,
        (Some(_), false) if dry => Exit::Yes,
        (Some(_), false) => Exit::Forbidden,
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Warn => "warn",
        Outcome::Block => "block",
        Outcome::Unknown => "unknown",
    }
}

fn shape(app: &App, key: OperationKey) -> Value {
    let Some(running) = app.operations.get(key) else { return json!({ "v": SHAPE }) };
    let procedure = &running.procedure;
    let plan = procedure.plan();
    let candidate = plan.and_then(Plan::candidate);
    let state = match &procedure.state {
        State::Gathering(_) => "gathering",
        State::Planned(_) => "planned",
        State::Confirming { .. } => "confirming",
        State::Sending { .. } => "sending",
        State::Unclear { .. } => "unclear",
        State::UnderWay { .. } => "under way",
        State::Done { .. } => "done",
        State::Closed { .. } => "closed",
    };
    let findings: Vec<Value> = plan
        .map(|plan| plan.findings.values().map(|finding| json!({ "check": finding.kind.word(), "outcome": outcome(finding.outcome), "sentence": finding.sentence, "remedy": finding.remedy })).collect())
        .unwrap_or_default();
    let (verdict, took, why) = match &procedure.state {
        State::Done { verdict, at, run, .. } => (Some(verdict.word()), Some(at.duration_since(run.began).as_secs_f64()), None),
        State::Closed { why } => (None, None, Some(why.clone())),
        _ => (None, None, None),
    };
    json!({
        "v": SHAPE,
        "service": running.service.clean(),
        "environment": running.environment.clean(),
        "workload": { "kind": procedure.case.workload.kind.word(), "namespace": procedure.case.workload.place.namespace.clean(), "name": procedure.case.workload.name.clean() },
        "state": state,
        "from": { "version": procedure.case.version().0, "revision": procedure.case.workload.revision },
        "to": candidate.map(|candidate| json!({ "version": candidate.revision.version.0, "revision": candidate.revision.number, "class": candidate.class.word(), "why": candidate.why })),
        "no_target": plan.and_then(|plan| plan.target.proposed.as_ref().err()),
        "difference": plan.map(|plan| plan.difference.iter().map(|change| json!({ "part": change.part.word(), "path": change.path, "before": change.before, "after": change.after })).collect::<Vec<_>>()),
        "checks": findings,
        "unknown": plan.map(|plan| plan.unknown.clone()),
        "command": plan.and_then(|plan| plan.command.clone()),
        "proofs": procedure.proofs(app.steady()).iter().map(|proof| json!({ "proof": proof.kind.word(), "text": proof.text })).collect::<Vec<_>>(),
        "verdict": verdict,
        "took_seconds": took,
        "why": why,
    })
}

fn text(app: &App, key: OperationKey) {
    let Some(running) = app.operations.get(key) else { return };
    println!("{}", running.procedure.case.title());
    if let State::Closed { why } = &running.procedure.state {
        return println!("{why}");
    }
    let Some(plan) = running.procedure.plan() else { return };
    match (plan.candidate(), &plan.target.proposed) {
        (Some(candidate), _) => println!(
            "{} → {} {}  ({}: {})",
            running.procedure.case.version(),
            candidate.revision.version,
            candidate.revision.short(),
            candidate.class.word(),
            candidate.why
        ),
        (None, Err(why)) => println!("no target: {why}"),
        (None, Ok(_)) => println!("no target is chosen"),
    }
    for change in &plan.difference {
        println!("  {:<12} {}: {} → {}", change.part.word(), change.path, change.before.as_deref().unwrap_or("–"), change.after.as_deref().unwrap_or("–"));
    }
    for finding in plan.findings.values() {
        let remedy = finding.remedy.as_ref().map(|remedy| format!("  ({remedy})")).unwrap_or_default();
        println!("  {:<8} {:<13} {}{remedy}", outcome(finding.outcome), finding.kind.word(), finding.sentence);
    }
    for kind in plan.waiting() {
        println!("  unknown  {:<13} no answer in time", CheckKind::word(kind));
    }
    if let Some(command) = &plan.command {
        println!("  by hand  {command}");
    }
}

fn end_text(app: &App, key: OperationKey) {
    let Some(running) = app.operations.get(key) else { return };
    match &running.procedure.state {
        State::Done { verdict, run, at, proofs, .. } => {
            for proof in proofs {
                println!("  {:<9} {}", proof.kind.word(), proof.text);
            }
            println!("{} after {}", verdict.word(), crate::store::words::took(at.duration_since(run.began)));
        }
        State::Closed { why } => println!("{why}"),
        State::Planned(plan) | State::Confirming { plan, .. } => println!("the world moved on: {}", plan.note.clone().unwrap_or_default()),
        State::Gathering(_) => println!("the world moved on: it is being read again"),
        State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } => println!("no verdict in time; the journal has the intent"),
    }
}
