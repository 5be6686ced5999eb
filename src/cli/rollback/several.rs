//! Several services as one plan, confirmed once: what does not help stops what comes after it.

use super::{Headless, PLAN, environment, find, hold, permitted, shown, told, typed, watch_until};
use crate::{
    app::{App, OperationKey, Together},
    cli::{Failed, args::Rollback, exit::Exit, out::say},
    domain::{CheckKind, Finding, Id, Outcome, Workload},
    rollback::Barred,
    text::Clean,
};
use serde_json::{Value, json};

/// Plans all of them, confirms as the arguments say, watches each to its verdict.
pub async fn run(mut headless: Headless, args: Rollback) -> Result<Exit, Failed> {
    let alone = [("--to", args.to.is_some()), ("--workload", args.workload.is_some()), ("--back-to-bad", args.back_to_bad), ("--delete-pod", args.delete_pod)];
    if let Some((flag, _)) = alone.iter().find(|(_, given)| *given) {
        return Err(Failed::new(Exit::Usage, format!("{flag} is about one service: roll that one back on its own")));
    }
    let mut workloads: Vec<Id<Workload>> = Vec::new();
    for service in &args.service {
        let found = find(&headless, &Clean::from_untrusted(service), &environment(&args), None)?;
        if !workloads.contains(&found) {
            workloads.push(found);
        }
    }
    let told = Several { json: args.output.json };
    let mut key = plan(&mut headless, &workloads).await?;
    if args.hold {
        if let Some(why) = beyond_a_hold(&headless.app, key) {
            return Ok(told.refused(&headless.app, key, &why, Exit::No));
        }
        hold_each(&mut headless, key, &workloads, &args).await?;
        key = plan(&mut headless, &workloads).await?;
    }
    if args.dry_run || !args.yes {
        return Ok(told.plan(&headless.app, key, args.dry_run));
    }
    if let Some(batch) = headless.app.operations.batch(key) {
        permitted(&headless.app, &batch.environment, batch.environment.raw(), &args)?;
    }
    let effects = match headless.app.confirm_batch_headless(key, &typed(&args), &args.reason) {
        Ok(effects) => effects,
        Err(why) => {
            let exit = barred(&headless.app, key).unwrap_or(Exit::Forbidden);
            return Ok(told.refused(&headless.app, key, &why, exit));
        }
    };
    headless.carry_out(effects);
    if !args.output.json {
        told.plan(&headless.app, key, false);
    }
    let progress: Vec<(OperationKey, told::Progress)> = members(&headless.app, key).into_iter().map(|(key, name)| (key, told::Progress::of(name))).collect();
    let over = |app: &App| {
        progress.iter().for_each(|(member, progress)| progress.tell(app, *member));
        app.operations.batch(key).is_none_or(|batch| matches!(batch.stand, Together::Over { .. }))
    };
    if !watch_until(&mut headless, "; those after it are not begun", over).await {
        return Ok(Exit::Unknown);
    }
    Ok(told.end(&headless.app, key))
}

/// Opens the plan of all of them and waits until every check is made.
async fn plan(headless: &mut Headless, workloads: &[Id<Workload>]) -> Result<OperationKey, Failed> {
    headless.app.screens.clear();
    let gone = || Failed::new(Exit::Unknown, "the workloads went away while they were planned for");
    let place = workloads.first().and_then(|id| headless.app.store.joined(id)).map(|joined| joined.environment.name.clone()).ok_or_else(gone)?;
    let effects = headless.app.open_batch(&place, workloads);
    headless.carry_out(effects);
    let key = shown(&headless.app).ok_or_else(gone)?;
    let ready = |app: &App| {
        let waits = |member: &crate::app::Member| app.operations.barred_member(member) == Some(Barred::Checking);
        app.operations.batch(key).is_none_or(|batch| !batch.members.iter().any(waits))
    };
    let ready = headless.until(PLAN, ready).await;
    ready.then_some(key).ok_or_else(|| Failed::new(Exit::Unknown, "the plans were not ready in time; pilothouse doctor says what does not answer"))
}

/// What would be in the way of one of them even if whatever keeps it were held off: then nothing is held off.
fn beyond_a_hold(app: &App, key: OperationKey) -> Option<Clean> {
    let batch = app.operations.batch(key)?;
    batch.taken().find_map(|(at, member)| {
        let (name, plan) = (batch.name(at), app.operations.of_member(member).and_then(|running| running.procedure.plan()));
        let other = |finding: &&Finding| finding.outcome == Outcome::Block && finding.kind != CheckKind::Owner;
        let found = plan.and_then(|plan| plan.findings.values().find(other)).map(|finding| crate::clean!("{}: {}", finding.kind.word(), finding.sentence));
        let why = found.or_else(|| match app.operations.barred_member(member) {
            Some(Barred::NoTarget(why)) => Some(why),
            Some(Barred::Blocked(_) | Barred::Checking | Barred::NotPlanned) | None => None,
        });
        why.map(|why| crate::clean!("{name}: {why}; nothing was held off"))
    })
}

/// Holds off what keeps each of them. What was typed for all, the environment's name, was demanded before.
async fn hold_each(headless: &mut Headless, key: OperationKey, workloads: &[Id<Workload>], args: &Rollback) -> Result<(), Failed> {
    if let Some(batch) = headless.app.operations.batch(key).filter(|_| args.yes) {
        permitted(&headless.app, &batch.environment, batch.environment.raw(), args)?;
    }
    for workload in workloads {
        let service = headless.app.store.joined(workload).map(|joined| joined.service.raw().to_owned());
        let own = Rollback { confirm: args.confirm.as_ref().and(service), ..args.clone() };
        hold::first(headless, workload, &own).await?;
    }
    Ok(())
}

/// The procedures of those that go back, in their order, with the names of their services.
fn members(app: &App, key: OperationKey) -> Vec<(OperationKey, Clean)> {
    let batch = app.operations.batch(key);
    batch.into_iter().flat_map(|batch| batch.taken()).filter_map(|(_, member)| Some((member.key?, member.service.clean().clone()))).collect()
}

/// The worst of what is in the way of any; none where nothing is.
fn barred(app: &App, key: OperationKey) -> Option<Exit> {
    let exits: Vec<Exit> = members(app, key).into_iter().filter_map(|(member, _)| told::barred(app, member)).collect();
    exits.iter().copied().find(|exit| *exit == Exit::No).or_else(|| exits.first().copied())
}

/// How several are told.
struct Several {
    json: bool,
}

impl Several {
    fn plan(&self, app: &App, key: OperationKey, dry: bool) -> Exit {
        if self.json {
            say!("{:#}", shape(app, key));
        } else {
            self.text(app, key);
            if !dry && app.operations.batch(key).is_some_and(|batch| matches!(batch.stand, Together::Planned)) {
                told::unconfirmed();
            }
        }
        barred(app, key).unwrap_or(if dry { Exit::Yes } else { Exit::Forbidden })
    }

    fn refused(&self, app: &App, key: OperationKey, why: &Clean, exit: Exit) -> Exit {
        told::refuse(self.json, || shape(app, key), || self.text(app, key), why);
        exit
    }

    fn text(&self, app: &App, key: OperationKey) {
        let Some(batch) = app.operations.batch(key) else { return };
        say!("{}, one after the other", batch.title());
        batch.order.iter().for_each(|order| say!("{order}"));
        members(app, key).into_iter().for_each(|(member, _)| told::text(app, member));
    }

    /// What came of each, and what stopped the rest.
    fn end(&self, app: &App, key: OperationKey) -> Exit {
        if self.json {
            say!("{:#}", shape(app, key));
        } else {
            self.end_text(app, key);
        }
        let Some(batch) = app.operations.batch(key) else { return Exit::Fault };
        let stopped = match &batch.stand {
            Together::Over { stopped } => stopped.as_ref().and_then(|(at, _)| batch.members.get(*at)?.key),
            Together::Planned | Together::Confirming | Together::Working { .. } => return Exit::Unknown,
        };
        let ends = |key: OperationKey| app.operations.get(key).map_or(Exit::Fault, told::end_exit);
        match stopped {
            // It stopped before its own request left: what was confirmed is not what stands there any more.
            Some(key) => match ends(key) {
                Exit::Yes => Exit::Conflict,
                exit => exit,
            },
            None => members(app, key).into_iter().map(|(member, _)| ends(member)).find(|exit| *exit != Exit::Yes).unwrap_or(Exit::Yes),
        }
    }

    fn end_text(&self, app: &App, key: OperationKey) {
        let Some(batch) = app.operations.batch(key) else { return };
        let stopped = match &batch.stand {
            Together::Over { stopped } => stopped.as_ref(),
            Together::Planned | Together::Confirming | Together::Working { .. } => None,
        };
        for (at, member) in batch.taken() {
            say!("{} in {}", member.service, batch.environment);
            match (stopped, app.operations.of_member(member)) {
                (Some((here, why)), _) if at == *here => say!("  stopped: {why}"),
                (Some((here, _)), _) if at > *here => say!("  not begun"),
                (_, Some(running)) => told::end_text(running),
                (_, None) => say!("  its plan is gone"),
            }
        }
    }
}

/// All of it as JSON.
fn shape(app: &App, key: OperationKey) -> Value {
    let Some(batch) = app.operations.batch(key) else { return json!({ "v": told::SHAPE }) };
    let stopped = match &batch.stand {
        Together::Over { stopped: Some((at, why)) } => Some(json!({ "service": batch.name(*at).clean(), "why": why })),
        Together::Over { stopped: None } | Together::Planned | Together::Confirming | Together::Working { .. } => None,
    };
    json!({
        "v": told::SHAPE,
        "environment": batch.environment.clean(),
        "order": batch.order,
        "services": members(app, key).into_iter().map(|(member, _)| told::shape(app, member)).collect::<Vec<_>>(),
        "stopped": stopped,
    })
}
