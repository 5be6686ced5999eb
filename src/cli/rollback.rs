//! The procedure of the key R without a screen.

mod hold;
mod pod;
mod resume;
mod several;
mod told;

use super::{Failed, args::Rollback, exit::Exit, headless::Headless, out::remark};
use crate::{
    app::{Aim, App, OperationKey, Screen},
    domain::{FeedKind, Id, Workload},
    gate::OVERRIDE,
    rollback::State,
    text::{Clean, Name},
};
use std::time::Duration;
pub(super) use told::{Told, shape};

/// How long questions and checks may take.
const PLAN: Duration = Duration::from_secs(25);
/// How long the pods and the proofs may take; the procedure has a shorter deadline of its own.
const WATCH: Duration = Duration::from_secs(30 * 60);

/// Plans, confirms as the arguments say, watches to the verdict.
pub async fn run(mut headless: Headless, args: Rollback) -> Result<Exit, Failed> {
    if let Some(operation) = &args.resume {
        return resume::run(headless, operation, args.output).await;
    }
    headless.placed().await;
    let [service] = args.service.as_slice() else { return several::run(headless, args).await };
    let workload = find(&headless, &Clean::from_untrusted(service), &environment(&args), args.workload.as_deref())?;
    if args.hold {
        hold::first(&mut headless, &workload, &args).await?;
    }
    let key = plan(&mut headless, &workload).await?;
    choose(&mut headless, key, &args).await?;
    let told = Told { json: args.output.json };
    if args.dry_run || !args.yes {
        return Ok(told.plan(&headless.app, key, args.dry_run));
    }
    if let Some(running) = headless.app.operations.get(key) {
        permitted(&headless.app, &running.environment, running.service.raw(), &args)?;
    }
    if let Some(exit) = told::barred(&headless.app, key) {
        return Ok(told.not_done(&headless.app, key, exit));
    }
    let word = if args.back_to_bad { OVERRIDE.to_owned() } else { typed(&args) };
    let effects = match headless.app.confirm_headless(key, &word, &args.reason) {
        Ok(effects) => effects,
        Err(_) if !args.back_to_bad && undoes_an_undo(&headless.app, key) => {
            let why = Clean::from_static("this goes back to what was itself rolled back from within a day: --back-to-bad allows it");
            return Ok(told.refused(&headless.app, key, &why, Exit::Forbidden));
        }
        Err(why) => return Ok(told.refused(&headless.app, key, &why, Exit::Forbidden)),
    };
    headless.carry_out(effects);
    if !args.output.json {
        told.plan(&headless.app, key, false);
    }
    let watched = if args.delete_pod { pod::watch(&mut headless, key, &workload, &args).await } else { watch(&mut headless, key).await };
    if !watched {
        return Ok(Exit::Unknown);
    }
    Ok(told.end(&headless.app, key))
}

/// Opens the plan and waits until its checks are made.
pub(super) async fn plan(headless: &mut Headless, workload: &Id<Workload>) -> Result<OperationKey, Failed> {
    headless.app.screens.clear();
    let effects = headless.app.open_plan(workload);
    headless.carry_out(effects);
    headless.until(PLAN, |app| planned(app).is_some()).await;
    planned(&headless.app).ok_or_else(|| Failed::new(Exit::Unknown, "the plan was not ready in time; pilothouse doctor says what does not answer"))
}

/// Watches what was confirmed to its verdict; false where this process has to leave, and another one watches.
pub(super) async fn watch(headless: &mut Headless, key: OperationKey) -> bool {
    let progress = told::Progress::default();
    watch_until(headless, "", |app| {
        progress.tell(app, key);
        over(app, key)
    })
    .await
}

/// Watches until `seen`; false where this process has to leave: what has left is watched on by another one, and what else is true then is `left`.
async fn watch_until(headless: &mut Headless, left: &str, seen: impl Fn(&App) -> bool) -> bool {
    let ended = tokio::select! {
        _ = headless.until(WATCH, seen) => true,
        () = told_to_leave() => false,
    };
    headless.settle().await;
    if !ended {
        headless.runtime.hand_over(&headless.app.operations.to_hand_over());
        remark(&format!("the request has left, and a process of its own watches it to its verdict: B in the console shows it{left}"));
    }
    ended
}

/// Where.
fn environment(args: &Rollback) -> Clean {
    Clean::from_untrusted(args.environment.as_deref().unwrap_or_default())
}

/// What a person would type on the confirm line.
fn typed(args: &Rollback) -> String {
    args.confirm.clone().unwrap_or_else(|| "yes".to_owned())
}

fn undoes_an_undo(app: &App, key: OperationKey) -> bool {
    let plan = app.operations.get(key).and_then(|running| running.procedure.plan());
    plan.and_then(|plan| plan.candidate()).is_some_and(|candidate| candidate.undo_of_undo)
}

/// Ends when the session drops or somebody wants this process to end.
async fn told_to_leave() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()];
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else { return std::future::pending().await };
    let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    _ = futures::future::select_all(any).await;
}

/// The one workload that is meant.
pub(super) fn find(headless: &Headless, service: &Clean, environment: &Clean, wanted: Option<&str>) -> Result<Id<Workload>, Failed> {
    let app = &headless.app;
    let found: Vec<&Workload> = {
        let ids = app.workloads_of(&crate::app::Subject::Cell { service: service.clone(), environment: environment.clone() });
        ids.iter().filter_map(|id| app.store.workload(id)).collect()
    };
    let meant = |workload: &&&Workload| wanted.is_none_or(|wanted| names(workload).iter().any(|name| name.eq_ignore_ascii_case(wanted)));
    match found.iter().filter(meant).collect::<Vec<_>>().as_slice() {
        [one] => Ok(one.id.clone()),
        [] if found.is_empty() => {
            let known: Vec<String> = app.matrix.columns.iter().map(|column| column.environment.name.to_string()).collect();
            let there = if known.is_empty() { "no environment is known".to_owned() } else { format!("the environments are {}", known.join(", ")) };
            let not_there = format!("{service} does not run in {environment}; {there}");
            Err(headless.blind(FeedKind::Workloads, &format!("{service} in {environment}"), not_there))
        }
        [] => {
            let wanted = wanted.map(Clean::from_untrusted).unwrap_or_default();
            let not_there = format!("{service} has no workload {wanted} in {environment}; there are {}", choices(&found).join(", "));
            Err(headless.blind(FeedKind::Workloads, &format!("{wanted} of {service} in {environment}"), not_there))
        }
        _ => Err(Failed::new(
            Exit::Usage,
            format!("{service} has several workloads in {environment}: add --workload {}", choices(&found).join(", or --workload ")),
        )),
    }
}

/// What a workload may be called: `Deployment/cart`, `shop/Deployment/cart`, `prod-eu/shop/Deployment/cart`.
fn names(workload: &Workload) -> [String; 3] {
    let own = format!("{}/{}", workload.kind.word(), workload.name.raw());
    let here = format!("{}/{own}", workload.place.namespace.raw());
    let everywhere = format!("{}/{here}", workload.place.context.raw());
    [own, here, everywhere]
}

/// The shortest name for each that none of the others has.
fn choices(among: &[&Workload]) -> Vec<Clean> {
    let all: Vec<[String; 3]> = among.iter().map(|workload| names(workload)).collect();
    let clear = (0..3).find(|way| {
        let mut seen = std::collections::BTreeSet::new();
        all.iter().all(|names| seen.insert(&names[*way]))
    });
    all.iter().map(|names| Clean::from_untrusted(&names[clear.unwrap_or(2)])).collect()
}

/// The procedure whose screen is open.
fn shown(app: &App) -> Option<OperationKey> {
    app.screens.iter().find_map(|screen| if let Screen::Operation(key) = screen { Some(*key) } else { None })
}

/// The procedure, once its checks are made.
fn planned(app: &App) -> Option<OperationKey> {
    let key = shown(app)?;
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

/// `--to r41`, `--to previous` where there are no numbers, `--to web-blue` where traffic can be switched there, `--to 1f2e3d4` where an Argo CD
/// application was synced to that: selects that target and waits for its checks.
async fn choose(headless: &mut Headless, key: OperationKey, args: &Rollback) -> Result<(), Failed> {
    let Some(wanted) = &args.to else { return Ok(()) };
    let number = wanted.strip_prefix('r').unwrap_or(wanted).parse::<u64>().ok().or((wanted == "previous").then_some(0));
    let aim = number.map_or_else(|| Aim::Named(Clean::from_untrusted(wanted)), Aim::Number);
    match headless.app.aim_plan(key, &aim) {
        Ok(effects) => headless.carry_out(effects),
        Err(why) if number.is_some() => return Err(Failed::new(Exit::No, why.to_string())),
        Err(why) => {
            let takes = "--to takes a revision such as r41, previous, a workload that traffic can be switched to, or what an Argo CD application was synced to";
            return Err(Failed::new(Exit::Usage, format!("{takes}: {why}")));
        }
    }
    headless.until(PLAN, |app| planned(app).is_some()).await;
    Ok(())
}

/// What the policy demands of arguments: production takes --write --yes --reason TEXT --confirm NAME.
fn permitted(app: &App, environment: &Name, name: &str, args: &Rollback) -> Result<(), Failed> {
    let policy = app.policy(environment);
    let forbidden = |words: String| Err(Failed::new(Exit::Forbidden, words));
    if let Some(closed) = app.forbids(environment, crate::domain::Verb::RollBack) {
        return forbidden(closed.to_string());
    }
    if policy.tier == crate::domain::Tier::Production {
        if args.confirm.as_deref() != Some(name) {
            return forbidden(format!("production takes --confirm {}", Clean::from_untrusted(name)));
        }
        if args.reason.trim().is_empty() {
            return forbidden("production takes --reason TEXT".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::workload;

    #[test]
    fn workloads_of_one_name_are_told_apart_by_what_differs() {
        let (shop, prepaid) = (workload("prod", "shop", "cart"), workload("prod", "prepaid", "cart"));
        assert_eq!(choices(&[&shop, &prepaid]).iter().map(Clean::as_str).collect::<Vec<_>>(), ["shop/Deployment/cart", "prepaid/Deployment/cart"]);
        let other = workload("prod", "shop", "worker");
        assert_eq!(choices(&[&shop, &other])[0].as_str(), "Deployment/cart");
        let mut abroad = shop.clone();
        abroad.place.context = crate::text::Name::new("us");
        assert_eq!(choices(&[&shop, &abroad])[1].as_str(), "us/shop/Deployment/cart");
    }
}
