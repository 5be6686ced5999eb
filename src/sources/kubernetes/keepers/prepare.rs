//! What holding one off, or letting it go, would mean. Changes nothing.

use super::{Keeper, named};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation, Owner, Verb},
    sources::{
        SourceError,
        kubernetes::{checks, client::Cluster, rows},
        steps,
    },
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// How many of those that stand still are named.
const NAMED: usize = 12;

const CHECKS: [CheckKind; 4] = [CheckKind::Rights, CheckKind::Owner, CheckKind::Strategy, CheckKind::DryRun];

/// Makes the checks.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let (keeper, others) = named(&cluster, &operation).await?;
        let command = Check::Command(keeper.command(operation.verb, &cluster.known.name));
        let at_once = [above(&keeper, &others, operation.verb), stands_still(&keeper, &operation)];
        let (keeper, context) = (Arc::new(keeper), cluster.clone());
        let own = keeper.clone();
        let rights = async move { checks::may_patch(&context, own.sort.group, (own.sort.plural, own.namespace(), own.name()), "").await };
        let dry_run = async move { dry_run(&cluster, &keeper, &operation).await };
        let asked: [BoxFuture<'static, Finding>; 2] = [rights.boxed(), dry_run.boxed()];
        let asked: FuturesUnordered<_> = asked.into_iter().collect();
        Ok(stream::iter([command]).chain(stream::iter(at_once).chain(asked).map(Check::Made)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether something above it would switch it on again.
fn above(keeper: &Keeper, others: &[Keeper], verb: Verb) -> Finding {
    let kind = CheckKind::Owner;
    let (who, owner) = (keeper.owner.words(), rows::owner(&keeper.meta));
    let parent = owner.as_ref().and_then(|owner| others.iter().find(|other| other.owner == *owner));
    match (verb, owner, parent) {
        (Verb::Hold, Some(Owner::Operator { kind: maker, name }), _) => kind.block(
            clean!("{maker} {name} made {who} and writes its specification again: it would switch it on again"),
            Some(clean!("change {maker} {name} instead")),
        ),
        (Verb::Hold, _, Some(parent)) if parent.heals() => kind.block(
            clean!("{} made {who} and heals itself: it would switch it on again", parent.owner.words()),
            Some(clean!("hold {} off first", parent.owner.words())),
        ),
        (Verb::Hold, Some(owner), None) if !matches!(owner, Owner::Helm { .. }) => kind.warn(
            clean!("{} made {who}, and can not be read from here: if it heals itself, it switches {who} on again", owner.words()),
            Some(clean!("look at {} before you go on", owner.words())),
        ),
        (Verb::Hold, ..) => kind.ok(clean!("nothing above {who} would switch it on again")),
        (_, _, _) => {
            let behind = keeper.raw.pointer("/status/sync/status").and_then(Value::as_str) == Some("OutOfSync");
            let brings = if behind { "it is out of sync: it brings back what git says, at once" } else { "it brings whatever git says then" };
            kind.warn(clean!("when {who} acts again, {brings}"), Some("see that git names the version that runs".into()))
        }
    }
}

/// What stands still meanwhile, by name.
fn stands_still(keeper: &Keeper, operation: &Operation) -> Finding {
    let (kind, who) = (CheckKind::Strategy, keeper.owner.words());
    let own = operation.subject.key().rsplit('/').next().unwrap_or_default();
    let Some(names) = keeper.keeps() else {
        return kind.warn(clean!("{who} does not say what it made: all of it stands still while it is held"), None);
    };
    let (count, list) = listed(names, own);
    match (operation.verb, count) {
        (Verb::Hold, 0) => kind.ok(clean!("{who} made nothing else: nothing but {own} stands still")),
        (Verb::Hold, count) => kind.warn(
            clean!("{count} other{} of {who} stand{} still too, no commit ships them: {list}", s(count), if count == 1 { "s" } else { "" }),
            Some("H lets it go again; until then a line on the main screen says so".into()),
        ),
        (_, 0) => kind.ok(clean!("it made nothing else")),
        (_, count) => kind.ok(clean!("{count} other{} of {who} move again: {list}", s(count))),
    }
}

/// How many there are but `own`, and their names, the first of them.
pub(super) fn listed(mut names: Vec<String>, own: &str) -> (usize, Clean) {
    names.retain(|name| name != own);
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (names.len(), clean!("{}{rest}", names[..names.len() - more].join(", ")))
}

const fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What the server says to the very request.
async fn dry_run(cluster: &Cluster, keeper: &Keeper, operation: &Operation) -> Finding {
    let dry = match checks::dry(cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    match keeper.change(operation, Timestamp::now()) {
        Ok(change) => checks::try_out(cluster, &dry, &change, keeper.name()).await,
        Err(stage) => checks::no_request(stage),
    }
}
