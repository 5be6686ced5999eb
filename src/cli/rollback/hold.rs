//! `--hold`: what would undo the rollback is held off before it is planned, one controller after the other, each through the same gate.

use super::{Headless, PLAN, environment, permitted, shown, typed};
use crate::{
    app::{App, End, OperationKey, Stand},
    cli::{Failed, args::Rollback, exit::Exit, out::remark},
    domain::{CheckKind, Id, Outcome, Owner, Verb, Workload},
    rollback::Checks,
    text::Clean,
};
use std::time::Duration;

/// More controllers above one another than this are a circle.
const FLOORS: usize = 8;
/// How long one of them may take until it stands still.
const STILL: Duration = Duration::from_secs(120);

/// Holds off what would undo a rollback of `workload`. With a dry run only says what it would.
pub async fn first(headless: &mut Headless, workload: &Id<Workload>, args: &Rollback) -> Result<(), Failed> {
    let kept = |app: &App| app.store.workload(workload).is_some_and(|row| matches!(row.owner, Some(Owner::ArgoCd { .. } | Owner::Flux { .. })));
    if !kept(&headless.app) {
        remark("neither Argo CD nor Flux keeps it: there is nothing to hold off");
        return Ok(());
    }
    for _ in 0..FLOORS {
        let key = plan(headless, Verb::Hold, workload).await?;
        let Some(single) = headless.app.operations.single(key) else { return Ok(()) };
        if let Stand::Closed { why } = &single.stand {
            // Held off already, or nothing that can be: the checks of the rollback judge what that means.
            remark(&format!("nothing more is held off: {why}"));
            return Ok(());
        }
        let title = crate::clean!("{} for {}", single.keeper(), single.title());
        if let Some(block) = single.form().and_then(|form| form.findings.values().find(|finding| finding.outcome == Outcome::Block)) {
            return Err(Failed::new(Exit::No, format!("{title} can not be held off: {}: {}", CheckKind::word(block.kind), block.sentence)));
        }
        if args.dry_run || !args.yes {
            for finding in single.form().into_iter().flat_map(|form| form.findings.values()) {
                remark(&format!("{}: {}", finding.kind.word(), finding.sentence));
            }
            remark(&format!("--hold would hold off {title} first: the plan is made as if it were not"));
            return Ok(());
        }
        permitted(&headless.app, &single.environment, single.service.raw(), args)?;
        held(headless, key, &title, args).await?;
    }
    Err(Failed::new(Exit::No, format!("what keeps it in {} goes round in a circle: it was held off {FLOORS} times", environment(args))))
}

/// Confirms one hold and waits until it stands still.
async fn held(headless: &mut Headless, key: OperationKey, title: &Clean, args: &Rollback) -> Result<(), Failed> {
    let effects = headless.app.confirm_single_headless(key, &typed(args), &args.reason);
    let effects = effects.map_err(|why| Failed::new(Exit::Forbidden, format!("{title} was not held off: {why}")))?;
    headless.carry_out(effects);
    let over = |app: &App| app.operations.single(key).is_none_or(|single| !single.under_way_now());
    headless.until(STILL, over).await;
    headless.settle().await;
    match headless.app.operations.single(key).map(|single| &single.stand) {
        Some(Stand::Done { end: End::Complete, .. }) => {
            remark(&format!("held off: {title}; H in the console lets it go"));
            Ok(())
        }
        Some(Stand::Done { .. } | Stand::Closed { .. } | Stand::Sending { .. } | Stand::Unclear { .. } | Stand::UnderWay(_)) => {
            let why = headless.app.notices.newest().map(|notice| notice.text.clone()).unwrap_or_default();
            Err(Failed::new(Exit::Unknown, format!("whether {title} is held off could not be told, and nothing was rolled back: {why}")))
        }
        Some(Stand::Reading { .. } | Stand::Planned(_) | Stand::Confirming { .. }) | None => {
            Err(Failed::new(Exit::Conflict, format!("{title} changed meanwhile: nothing was held off, and nothing was rolled back")))
        }
    }
}

/// Opens the plan of the next one and waits until its checks are made.
pub(super) async fn plan(headless: &mut Headless, verb: Verb, workload: &Id<Workload>) -> Result<OperationKey, Failed> {
    headless.app.screens.clear();
    let effects = headless.app.open_single(verb, workload, None);
    headless.carry_out(effects);
    let late = || Failed::new(Exit::Unknown, "what is to be done could not be read in time; pilothouse doctor says what does not answer");
    let key = shown(&headless.app).ok_or_else(late)?;
    let ready = |app: &App| match app.operations.single(key).map(|single| &single.stand) {
        Some(Stand::Planned(form)) => form.checks == Checks::Over,
        Some(Stand::Reading { .. }) => false,
        _ => true,
    };
    if headless.until(PLAN, ready).await { Ok(key) } else { Err(late()) }
}
