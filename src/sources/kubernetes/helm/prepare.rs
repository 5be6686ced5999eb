//! What is checked before a release goes back.

use super::{Through, manifest::Object, program, record::Record};
use crate::{
    clean,
    domain::{CheckKind, Finding, Outcome},
    sources::kubernetes::{act as plain, checks, client::Call, prepare::Ground},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// Somebody may be at work on what is pending for less.
const AT_WORK: SignedDuration = SignedDuration::from_mins(10);
/// Helm keeps so many revisions unless it is told otherwise, and deletes the oldest on its way.
const HISTORY: usize = 10;

/// The release of a plan and the revision that it goes to.
fn way(ground: &Ground) -> Result<(&Through, &Record), Clean> {
    let through = ground.release.as_deref().ok_or(Clean::from_static("the release is not known"))?;
    let number = super::number(&ground.operation).unwrap_or_default();
    let gone = || clean!("r{number} is no longer there: it was removed from the history; choose another revision");
    through.record(number).map(|record| (through, record)).ok_or_else(gone)
}

/// Makes a finding of what `find` says of the release; a revision that is gone blocks.
fn found(ground: &Ground, made: CheckKind, find: impl FnOnce(&Through, &Record) -> Finding) -> Finding {
    match way(ground) {
        Ok((through, record)) => find(through, record),
        Err(why) => made.block(why, None),
    }
}

/// Whether we may do what helm will do as us.
pub async fn rights(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Rights;
    let Some(through) = ground.release.as_deref() else { return made.unknown("the release is not known") };
    let (plural, namespace) = (through.driver.plural(), through.namespace.raw());
    let own = format!("{}.apps", ground.current.address.plural);
    let prunes = through.records.len() + through.torn.len() >= HISTORY;
    let records = ["get", "create", "update"].into_iter().chain(prunes.then_some("delete")).map(|verb| (verb, plural, namespace));
    let all: Vec<_> = records.chain([("patch", own.as_str(), ground.namespace())]).collect();
    let asked = futures::future::join_all(all.iter().map(|(verb, resource, namespace)| checks::may(&ground, verb, resource, namespace))).await;
    let lacking: Vec<String> = all.iter().zip(&asked).filter(|(_, may)| matches!(may, Ok(false))).map(|((verb, of, _), _)| format!("{verb} {of}")).collect();
    match (lacking.first(), asked.iter().find_map(|may| may.as_ref().err())) {
        (Some(_), _) => {
            let remedy = clean!("check with `kubectl auth can-i --list -n {namespace} --context {}`", ground.cluster.known.name);
            made.block(clean!("helm works with your rights, and you may not {} in {namespace}", lacking.join(", ")), Some(remedy))
        }
        (None, Some(error)) => made.failed(error),
        (None, None) => made.ok(clean!("you may write the records of {} in {namespace} and patch {own}; helm needs it for the rest too", through.release)),
    }
}

/// Whether there is a helm to carry it out.
pub async fn program(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Program;
    match program::find() {
        Some(path) => made.ok(clean!("{} will carry it out; it has no dry run that would say what it does", path.display())),
        None => made.block(
            clean!("there is no helm on PATH: only helm may write the records of a release, so this plan can not be carried out from here"),
            Some(clean!("install helm, or where there is one: {}", ground.command())),
        ),
    }
}

/// Whether somebody is at work on the release, or left it in the middle, or the workload is paused.
pub async fn paused(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Paused;
    if let Some(why) = plain::paused(&ground.current, &ground.sets) {
        return made.block(why, Some(clean!("kubectl rollout resume {}", ground.object())));
    }
    found(&ground, made, |through, _| {
        let newest = through.newest();
        let ours = ground.cluster.left.lock().is_ok_and(|left| left.iter().any(|uid| uid == newest.uid.expose()));
        pending(&through.release, newest, ours, Timestamp::now())
    })
}

/// What a pending newest revision means, and the way out. `ours`: our own helm left it, and is gone.
pub fn pending(release: &crate::text::Name, newest: &Record, ours: bool, now: Timestamp) -> Finding {
    let made = CheckKind::Paused;
    if !newest.pending() {
        return match newest.good() {
            true => made.ok(clean!("nobody is at work on release {release}")),
            false => made.ok(clean!("r{} of release {release} is {}: going back is the usual way out", newest.number, newest.status)),
        };
    }
    let age = newest.at.map(|at| now.duration_since(at));
    let since = newest.at.map(|at| clean!(" since {}", at.strftime("%H:%M:%S UTC"))).unwrap_or_default();
    let stands = clean!("r{} of release {release} is {}{since}", newest.number, newest.status);
    // Helm compares with its newest record, which already is the target's.
    let behind = if newest.status == "pending-rollback" { "; objects that it had still to delete stay behind" } else { "" };
    if newest.status == "uninstalling" {
        return made.block(clean!("{stands}: it is being taken away"), None);
    }
    match age.filter(|age| !ours && *age < AT_WORK).zip(newest.at) {
        Some((_, at)) => {
            let until = (at + AT_WORK).strftime("%H:%M UTC");
            let remedy = clean!("whoever runs helm or the pipeline of {release} can tell; from {until} on it counts as left behind");
            made.block(clean!("{stands}: somebody may be at work on it"), Some(remedy))
        }
        None if ours => made.warn(clean!("{stands}: the helm started here ended in the middle of it; a rollback is the usual way out{behind}"), None),
        None => made.warn(clean!("{stands}: whoever began it went away in the middle; a rollback is the usual way out{behind}"), None),
    }
}

/// What else goes back with the workload, and what Helm makes of changes by hand.
pub async fn owner(ground: Arc<Ground>) -> Finding {
    found(&ground, CheckKind::Owner, |through, target| together(through, target))
}

/// What else goes back with the workload.
pub fn together(through: &Through, target: &Record) -> Finding {
    let made = CheckKind::Owner;
    let others = names(through, &through.changed(target));
    let merges = if through.runs() || !through.newest().good() {
        Clean::EMPTY
    } else {
        clean!("; {} was changed by hand since, and Helm merges: what neither revision names stays", through.current.address.name)
    };
    if others.is_empty() && merges.is_empty() {
        return made.ok(clean!("release {} goes back as a whole, and nothing else in it changes", through.release));
    }
    let what = if others.is_empty() { Clean::from_static("nothing else in it changes") } else { clean!("with it {others}") };
    made.warn(clean!("release {} goes back as a whole: {what}{merges}", through.release), None)
}

/// `Deployment/api, Service/api, ConfigMap/conf and 4 more`.
fn names(through: &Through, objects: &[&Object]) -> String {
    const SHOWN: usize = 4;
    let named: Vec<String> = objects.iter().take(SHOWN).map(|object| through.name(&object.key)).collect();
    let more = objects.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

/// Which objects Helm deletes on the way.
pub async fn deletion(ground: Arc<Ground>) -> Finding {
    let kept = stays(&ground).await;
    found(&ground, CheckKind::Deletion, |through, target| deletions(through, target, &kept))
}

/// The names of the definitions and claims that are marked on the cluster to be kept; Helm asks the same.
async fn stays(ground: &Ground) -> Vec<String> {
    let Ok((through, target)) = way(ground) else { return Vec::new() };
    let mut kept = Vec::new();
    for object in through.deleted(target).into_iter().filter(|object| object.takes_along().is_some()) {
        let (name, namespace) = (&object.key.name, &object.key.namespace);
        let (resource, path) = match object.key.kind.as_str() {
            "CustomResourceDefinition" => ("customresourcedefinitions", format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")),
            "PersistentVolumeClaim" => ("persistentvolumeclaims", format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}")),
            _ => continue,
        };
        let live = ground.cluster.find::<Value>(&Call::get(resource, None, path)).await;
        // What is not there any more is not deleted either.
        let stays = match live {
            Ok(None) => true,
            Ok(Some(live)) => Object { key: object.key.clone(), body: live }.kept(),
            Err(_) => false,
        };
        kept.extend(stays.then(|| through.name(&object.key)));
    }
    kept
}

/// What is deleted on the way to `target`; `kept` are those that the cluster itself says stay.
pub fn deletions(through: &Through, target: &Record, kept: &[String]) -> Finding {
    let made = CheckKind::Deletion;
    let all: Vec<&Object> = through.deleted(target).into_iter().filter(|object| !object.kept() && !kept.contains(&through.name(&object.key))).collect();
    if through.own(target).is_none() {
        return made.block(clean!("r{} has no {}: helm would delete it", target.number, through.name(&through.key())), None);
    }
    if let Some((object, more)) = all.iter().find_map(|object| object.takes_along().map(|more| (object, more))) {
        let name = through.name(&object.key);
        let remedy = clean!("keep it first: kubectl annotate {} {} helm.sh/resource-policy=keep", object.key.kind.to_ascii_lowercase(), object.key.name);
        return made.block(clean!("helm would delete {name} AND WITH IT {more}: no way leads back from that"), Some(remedy));
    }
    let torn = through.newest().torn + target.torn;
    match (all.is_empty(), torn) {
        (true, 0) => made.ok("no object is deleted"),
        (true, torn) => made.unknown(clean!("{torn} objects of the two manifests can not be read: whether they would be deleted is not known")),
        (false, _) => {
            let these = names(through, &all);
            made.warn(
                clean!("helm deletes what r{} does not have: {these}", target.number),
                Some(clean!("helm get manifest {} -n {} shows them", through.release, through.namespace)),
            )
        }
    }
}

/// What runs on the way: the hooks of the revision that is gone back to.
pub async fn hooks(ground: Arc<Ground>) -> Finding {
    found(&ground, CheckKind::Hooks, |_, target| running(target))
}

/// The hooks of a revision that a rollback runs.
pub fn running(target: &Record) -> Finding {
    let made = CheckKind::Hooks;
    let runs = target.hooks.iter().filter(|hook| hook.events.iter().any(|event| event.ends_with("-rollback")));
    let told: Vec<String> = runs.map(|hook| format!("{}/{} ({})", hook.kind, hook.name, hook.events.join(", "))).collect();
    match told.is_empty() {
        true => made.ok(clean!("r{} has no hook that runs on a rollback", target.number)),
        false => made.warn(clean!("hooks of r{} run again: {}", target.number, told.join("; ")), None),
    }
}

/// Whether the schema was changed since: by a hook, a job, or an init container.
pub async fn migration(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Migration;
    let (through, target) = match way(&ground) {
        Ok(way) => way,
        Err(why) => return made.unknown(why),
    };
    if let Some(finding) = migrated(through, target) {
        return finding;
    }
    let found = checks::jobs_since(&ground.cluster, ground.namespace(), target.at).await;
    if found.outcome == Outcome::Ok { made.ok("no hook, job or init container that looks like a migration since that revision") } else { found }
}

/// What in the newer revisions looks like a migration.
pub fn migrated(through: &Through, target: &Record) -> Option<Finding> {
    let newer = || through.records.iter().filter(|record| record.number > target.number);
    let by_hook = newer().find_map(|record| {
        let changes = |event: &String| event.ends_with("-upgrade") || event.ends_with("-install");
        let hook = record.hooks.iter().find(|hook| (checks::migrates(&hook.name) || checks::migrates(&hook.path)) && hook.events.iter().any(changes))?;
        Some(format!("r{} ran the hook {} ({})", record.number, hook.name, hook.events.join(", ")))
    });
    let init = |record: &Record| {
        let list = through.template(record)?.pointer("/spec/initContainers")?.as_array()?;
        let name = list.iter().filter_map(|init| init.get("name")?.as_str()).find(|name| checks::migrates(name))?;
        Some(format!("r{} has the init container {name}", record.number))
    };
    by_hook.or_else(|| newer().find_map(init)).map(checks::not_rolled_back)
}
