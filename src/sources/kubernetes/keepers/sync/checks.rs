//! What syncing an application back would mean. Changes nothing.

use super::Sync;
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation, Owner},
    sources::{
        SourceError,
        kubernetes::{
            checks::{self, kept_verdict},
            client::Cluster,
            rows,
        },
        steps,
    },
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use serde_json::Value;
use std::sync::Arc;

const CHECKS: [CheckKind; 8] = [
    CheckKind::Rights,
    CheckKind::Paused,
    CheckKind::Owner,
    CheckKind::Deletion,
    CheckKind::Strategy,
    CheckKind::Hooks,
    CheckKind::Migration,
    CheckKind::DryRun,
];

/// Makes the checks.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let sync = Arc::new(Sync::read(&cluster, &operation).await?);
        let command = sync.command(&operation).map(Check::Command);
        let at_once = [paused(&sync), owner(&sync), deletion(&sync), together(&sync), hooks(&sync)];
        let operation = Arc::new(operation);
        let asked: [BoxFuture<'static, Finding>; 3] = [
            rights(cluster.clone(), sync.clone()).boxed(),
            migration(cluster.clone(), sync.clone(), operation.clone()).boxed(),
            dry_run(cluster, sync, operation).boxed(),
        ];
        let asked: FuturesUnordered<_> = asked.into_iter().collect();
        Ok(stream::iter(command).chain(stream::iter(at_once).chain(asked).map(Check::Made)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

async fn rights(cluster: Arc<Cluster>, sync: Arc<Sync>) -> Finding {
    let keeper = &sync.keeper;
    checks::may_patch(&cluster, keeper.sort.group, (keeper.sort.plural, keeper.namespace(), keeper.name()), "").await
}

/// Whether another operation is under way.
pub(super) fn paused(sync: &Sync) -> Finding {
    let kind = CheckKind::Paused;
    match sync.busy() {
        Some((why, remedy)) => kind.block(why, Some(remedy)),
        None => kind.ok(clean!("no operation of {} is under way", sync.name())),
    }
}

/// Whether it would go forward again by itself, or by what is above it.
pub(super) fn owner(sync: &Sync) -> Finding {
    let (kind, who, keeper) = (CheckKind::Owner, sync.name(), &sync.keeper);
    if !keeper.acts() {
        return kept_verdict(keeper, &sync.others);
    }
    let remedy = match rows::owner(&keeper.meta) {
        Some(Owner::Operator { kind: maker, name }) => clean!("{maker} {name} writes its specification: switch auto-sync off there"),
        _ => clean!("press H first: it holds {who} off; {}", keeper.off_by_hand()),
    };
    kind.block(clean!("{who} syncs by itself: it would go forward again at once"), Some(remedy))
}

/// Whether whole objects go with it.
fn deletion(sync: &Sync) -> Finding {
    let kind = CheckKind::Deletion;
    let options = sync.keeper.raw.pointer("/spec/syncPolicy/syncOptions").and_then(Value::as_array);
    match options.into_iter().flatten().filter_map(Value::as_str).find(|option| matches!(*option, "Replace=true" | "Force=true")) {
        Some(option) => kind.warn(clean!("{} has the option {option}: objects are deleted and made anew where they can not be changed", sync.name()), None),
        None => kind.ok("nothing is deleted: what only newer revisions have stays"),
    }
}

/// What else goes back with the workload.
pub(super) fn together(sync: &Sync) -> Finding {
    let (kind, who) = (CheckKind::Strategy, sync.name());
    let own = &sync.workload.0;
    let Some(names) = sync.keeper.keeps() else { return kind.warn(clean!("{who} goes back as a whole, and does not say what it made"), None) };
    match super::super::prepare::listed(names, own) {
        (0, _) => kind.ok(clean!("{who} goes back as a whole: {own} and what it needs")),
        (_, list) => kind.warn(clean!("{who} goes back as a whole: with {own} {list}"), None),
    }
}

/// The hooks of the application, which such a sync leaves out.
fn hooks(sync: &Sync) -> Finding {
    let resources = sync.keeper.raw.pointer("/status/resources").and_then(Value::as_array);
    let hooked = resources.into_iter().flatten().filter(|one| one.get("hook").and_then(Value::as_bool) == Some(true));
    let named: Vec<&str> = hooked.filter_map(|one| one.get("name").and_then(Value::as_str)).collect();
    match named.is_empty() {
        true => CheckKind::Hooks.ok("a rollback of Argo CD runs no hooks"),
        false => CheckKind::Hooks.warn(clean!("a rollback of Argo CD runs no hooks: not {}", named.join(", ")), None),
    }
}

async fn migration(cluster: Arc<Cluster>, sync: Arc<Sync>, operation: Arc<Operation>) -> Finding {
    let Some(address) = rows::Address::of(&operation.subject) else { return CheckKind::Migration.unknown("the workload is not known") };
    match sync.point(&operation) {
        Some(point) => checks::jobs_since(&cluster, &address.namespace, point.at).await,
        None => CheckKind::Migration.unknown("its history has the revision no more"),
    }
}

async fn dry_run(cluster: Arc<Cluster>, sync: Arc<Sync>, operation: Arc<Operation>) -> Finding {
    let dry = match checks::dry(&cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    match sync.change(&operation) {
        Ok(change) => checks::try_out(&cluster, &dry, &change, &format!("{}", sync.name())).await,
        Err(stage) => checks::no_request(stage),
    }
}
