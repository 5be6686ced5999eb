//! `--delete-pod`: where the StatefulSet waits for a pod in vain once its template is back, that pod is deleted, through the same gate. Each pod once.

use super::{Headless, hold, over, permitted, told::Progress, typed, watch_until};
use crate::{
    app::{App, End, OperationKey, Stand},
    cli::{args::Rollback, out::remark},
    domain::{CheckKind, Id, Outcome, Verb, Workload},
    rollback::State,
    store::ailment,
    text::{Clean, Raw},
};
use std::collections::BTreeSet;

/// Watches a rollback to its verdict, and deletes what it waits for in vain; false where this process has to leave.
pub async fn watch(headless: &mut Headless, key: OperationKey, workload: &Id<Workload>, args: &Rollback) -> bool {
    let (progress, mut deleted) = (Progress::default(), BTreeSet::new());
    loop {
        let seen = |app: &App| {
            progress.tell(app, key);
            over(app, key) || in_vain(app, key, workload).is_some_and(|uid| !deleted.contains(&uid))
        };
        if !watch_until(headless, "", seen).await {
            return false;
        }
        match in_vain(&headless.app, key, workload).filter(|uid| !over(&headless.app, key) && !deleted.contains(uid)) {
            None => return true,
            Some(uid) => _ = deleted.insert(uid),
        }
        match delete(headless, workload, args).await {
            Ok(true) => {}
            Ok(false) => return false,
            Err(why) => remark(&format!("the pod that holds it up is not deleted: {why}")),
        }
    }
}

/// The pod for which a rollback that was taken up waits, once waiting will not mend it.
fn in_vain(app: &App, key: OperationKey, workload: &Id<Workload>) -> Option<Raw> {
    let procedure = &app.operations.get(key)?.procedure;
    let State::UnderWay { run, .. } = &procedure.state else { return None };
    let pod = app.awaited(workload).filter(|_| run.taken_up.is_some())?;
    let lasting = ailment(pod).is_some_and(|ill| ill.lasting());
    (lasting || run.stalled(&procedure.timing, app.steady()).is_some()).then(|| pod.uid.clone())
}

/// Plans, confirms as the arguments say, and deletes one pod; what comes of that the rollback shows. False where this process has to leave.
async fn delete(headless: &mut Headless, workload: &Id<Workload>, args: &Rollback) -> Result<bool, Clean> {
    let failed = |failed: crate::cli::Failed| crate::clean!("{}", failed.words);
    let key = hold::plan(headless, Verb::DeletePod, workload).await.map_err(failed)?;
    let single = headless.app.operations.single(key).ok_or_else(|| Clean::from_static("its plan is gone"))?;
    if let Stand::Closed { why } = &single.stand {
        return Err(why.clone());
    }
    let findings = || single.form().into_iter().flat_map(|form| form.findings.values());
    if let Some(block) = findings().find(|finding| finding.outcome == Outcome::Block) {
        return Err(crate::clean!("{}: {}", CheckKind::word(block.kind), block.sentence));
    }
    for finding in findings().filter(|finding| finding.outcome != Outcome::Ok) {
        remark(&format!("{}: {}", finding.kind.word(), finding.sentence));
    }
    permitted(&headless.app, &single.environment, single.service.raw(), args).map_err(failed)?;
    remark(&format!("{}", single.goal()));
    let effects = headless.app.confirm_single_headless(key, &typed(args), &args.reason)?;
    headless.carry_out(effects);
    let answered = |app: &App| !matches!(app.operations.single(key).map(|single| &single.stand), Some(Stand::Sending { .. } | Stand::Unclear { .. }));
    if !watch_until(headless, "", answered).await {
        return Ok(false);
    }
    match headless.app.operations.single(key).map(|single| &single.stand) {
        Some(Stand::UnderWay(_) | Stand::Done { end: End::Complete, .. }) => {
            remark("it is deleted: its controller makes it anew");
            Ok(true)
        }
        Some(Stand::Done { end: End::Incomplete(why) | End::Overtaken(why) | End::CouldNotTell(why), .. }) => Err(why.clone()),
        Some(Stand::Closed { why } | Stand::Confirming { again: Some(why), .. }) => Err(why.clone()),
        _ => Err(Clean::from_static("the world moved on, nothing was sent")),
    }
}
