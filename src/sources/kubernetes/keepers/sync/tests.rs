//! What an application says of what it was synced to, and what is asked of it.

use super::*;
use crate::{
    domain::{CheckKind, Evidence, OpId, Outcome, Revision, RevisionRef, SourceId, Verb},
    sources::kubernetes::keepers::SORTS,
};

const GOOD: &str = "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c";
const BAD: &str = "9a8b7c6d5e4f30219a8b7c6d5e4f30219a8b7c6d";

fn source() -> Value {
    json!({ "repoURL": "https://git.example/shop", "path": "cart", "targetRevision": "main" })
}

/// The entry `id`, deployed at that hour of a day.
fn entry(id: u64, revision: &str, hour: u32) -> Value {
    json!({ "id": id, "revision": revision, "source": source(), "deployedAt": format!("2026-11-20T{hour:02}:00:00Z"), "initiatedBy": { "username": "alice" } })
}

fn with(history: Value, more: Value) -> Sync {
    let mut raw = json!({
        "metadata": { "name": "shop", "namespace": "argocd", "uid": "u", "resourceVersion": "7" },
        "spec": { "source": source(), "syncPolicy": { "syncOptions": ["CreateNamespace=true"] } },
        "status": { "history": history, "resources": [{ "kind": "Deployment", "name": "cart" }, { "kind": "Deployment", "name": "stock" }] },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        match key.as_str() {
            "operationState" => raw["status"][key] = value.clone(),
            "automated" => raw["spec"]["syncPolicy"][key] = value.clone(),
            "deletionTimestamp" => raw["metadata"][key] = value.clone(),
            _ => raw[key] = value.clone(),
        }
    }
    let keeper = Keeper::new(SORTS[0], "v1alpha1".into(), Owner::ArgoCd { application: Name::new("shop") }, raw);
    let seen = Seen { uid: Raw::new("cart"), template: Raw::new("t"), paused: false };
    Sync { keeper, others: Vec::new(), workload: ("cart".into(), seen) }
}

fn two() -> Value {
    json!([entry(3, GOOD, 8), entry(4, BAD, 14)])
}

fn rows(sync: &Sync) -> Vec<Revision> {
    sync.keeper.synced_to(&SourceId::new("kubernetes/prod"), &Id::new(&SourceId::new("kubernetes/prod"), "deployments/shop/cart"))
}

fn told(sync: &Sync) -> Vec<(u64, String, bool)> {
    rows(sync).into_iter().map(|row| (row.number, row.version.0.to_string(), row.current)).collect()
}

fn to(number: u64) -> Operation {
    let source = SourceId::new("kubernetes/prod");
    let to = RevisionRef { id: Id::new(&source, "application"), number, template: Raw::default(), version: crate::domain::Version::default() };
    Operation {
        id: OpId::new("7f3a", 1),
        verb: Verb::SyncBack,
        subject: Id::new(&source, "deployments/shop/cart"),
        title: "cart in production".into(),
        from: with(two(), json!({})).keeper.synced_seen(&with(two(), json!({})).workload.1),
        to: Some(to),
        scaling: None,
        inputs: Vec::new(),
        reason: "errors".into(),
        by: "oncall".into(),
    }
}

#[test]
fn the_history_is_told_newest_first_each_once() {
    let own = |id, revision: &str, current| (id, revision[..7].to_owned(), current);
    assert_eq!(told(&with(two(), json!({}))), [own(4, BAD, true), own(3, GOOD, false)]);
    let again = json!([entry(2, GOOD, 6), entry(3, GOOD, 8), entry(4, BAD, 14), entry(5, BAD, 15)]);
    assert_eq!(told(&with(again, json!({}))), [own(5, BAD, true), own(3, GOOD, false)], "a sync of the same once more is no other revision");
    assert!(told(&with(Value::Null, json!({}))).is_empty());
    let mut elsewhere = entry(5, BAD, 15);
    elsewhere["source"]["path"] = "basket".into();
    assert_eq!(told(&with(json!([entry(4, BAD, 14), elsewhere]), json!({}))).len(), 2, "the same commit of another folder is something else");
    let without = json!([{ "id": 3, "revision": GOOD, "source": { "repoURL": "" } }, { "id": 4, "revision": "" , "source": source() }, entry(5, BAD, 15)]);
    assert_eq!(told(&with(without, json!({}))), [own(5, BAD, true)], "what does not say where it came from can not be gone back to");
}

#[test]
fn what_it_failed_to_come_to_is_what_one_goes_back_from() {
    let state = |phase: &str, hour: u32, sync: Value| {
        json!({ "operationState": { "phase": phase, "startedAt": format!("2026-11-20T{hour:02}:00:00Z"), "operation": { "sync": sync },
            "syncResult": { "revision": BAD, "source": source() } } })
    };
    let currents = |more| told(&with(json!([entry(3, GOOD, 8)]), more)).into_iter().map(|(_, version, current)| (version, current)).collect::<Vec<_>>();
    let (good, bad) = (GOOD[..7].to_owned(), BAD[..7].to_owned());
    for phase in ["Failed", "Error", "Running"] {
        assert_eq!(currents(state(phase, 9, json!({}))), [(bad.clone(), true), (good.clone(), false)], "{phase}");
    }
    assert_eq!(currents(state("Succeeded", 9, json!({}))), [(good.clone(), true)]);
    assert_eq!(currents(state("Failed", 7, json!({}))), [(good.clone(), true)], "it failed before the one that came about");
    assert_eq!(currents(state("Failed", 9, json!({ "dryRun": true }))), [(good.clone(), true)], "it only tried");
    assert_eq!(currents(state("Failed", 9, json!({ "resources": [{ "name": "x" }] }))), [(good, true)], "a part of it");
}

#[test]
fn what_speaks_for_and_against_an_entry_is_in_the_history() {
    let evidence = |history: Value, number: u64| rows(&with(history, json!({}))).into_iter().find(|row| row.number == number).expect("it is there").evidence;
    let served = |evidence: &[Evidence]| evidence.iter().find_map(|e| if let Evidence::Served { held } = e { Some(held.as_hours()) } else { None });
    let left = |evidence: &[Evidence]| evidence.iter().any(|e| matches!(e, Evidence::RolledBackFrom { .. }));
    assert_eq!((served(&evidence(two(), 3)), left(&evidence(two(), 3))), (Some(6), false));
    assert_eq!(served(&evidence(two(), 4)), None, "it is what is there now");
    let back = json!([entry(3, GOOD, 8), entry(4, BAD, 14), entry(5, GOOD, 15)]);
    assert!(left(&evidence(back.clone(), 4)), "somebody went back from it");
    assert!(!left(&evidence(back, 5)), "and not from where that led to");
    let thrice = json!([entry(3, GOOD, 8), entry(4, GOOD, 9), entry(5, GOOD, 10), entry(6, BAD, 14)]);
    assert!(!left(&evidence(thrice, 5)), "a sync of the same once more is no way back");
    let forward = json!([entry(3, GOOD, 8), entry(4, BAD, 14), entry(5, "2.0.1", 15)]);
    assert!(!left(&evidence(forward, 4)), "what is new is no way back");
}

#[test]
fn what_an_entry_is_is_told_leaf_by_leaf_without_secrets() {
    let mut one = entry(3, GOOD, 8);
    one["source"]["helm"] = json!({ "values": "greeting: hunter2\n",
        "parameters": [{ "name": "image.tag", "value": "2.7.3" }, { "name": "db.password", "value": "hunter3" }] });
    one["source"]["repoURL"] = "https://bot:hunter4@git.example/shop".into();
    let row = rows(&with(json!([one]), json!({}))).swap_remove(0);
    let leaves: Vec<String> = row.outline.0.iter().map(|leaf| format!("{} = {}", leaf.path, leaf.value)).collect();
    for words in [
        "shop: revision = 1f2e3d4c5b6a",
        "shop: helm.parameters image.tag = 2.7.3",
        "shop: synced = 2026-11-20 08:00 UTC",
        "shop: synced by = alice",
        "shop: path = cart",
    ] {
        assert!(leaves.iter().any(|leaf| leaf == words), "{words}: {leaves:#?}");
    }
    assert!(!leaves.iter().any(|leaf| leaf.contains("hunter")), "{leaves:#?}");
    assert_eq!(row.created.map(|at| at.to_string()).as_deref(), Some("2026-11-20T08:00:00Z"));
}

#[test]
fn of_several_sources_all_go_back_together() {
    let many = |id: u64, chart: &str| {
        let sources = json!([{ "repoURL": "https://charts.example", "chart": "cart" }, source()]);
        json!({ "id": id, "revisions": [chart, GOOD], "sources": sources, "source": {}, "deployedAt": "2026-11-20T08:00:00Z" })
    };
    let sync = with(json!([many(1, "1.2.0"), many(2, "1.3.0")]), json!({}));
    assert_eq!(told(&sync), [(2, "1.3.0+1f2e3d4".into(), true), (1, "1.2.0+1f2e3d4".into(), false)]);
    let patch = patched(sync.change(&to(1)).unwrap_or_else(|stage| panic!("{stage:?}")));
    let asked = &patch["operation"]["sync"];
    assert_eq!((&asked["revisions"], asked["sources"][0]["chart"].as_str()), (&json!(["1.2.0", GOOD]), Some("cart")));
    let mut torn = many(1, "1.2.0");
    torn["revisions"] = json!(["1.2.0"]);
    assert_eq!(told(&with(json!([torn, many(2, "1.3.0")]), json!({}))).len(), 1, "a revision is missing for a source");
}

fn patched(change: Change) -> Value {
    match change.does {
        Does::Patch(patch) => patch,
        Does::Delete(options) => panic!("{options}"),
    }
}

#[test]
fn one_request_asks_for_it_as_its_own_server_does() {
    let change = with(two(), json!({})).change(&to(3)).unwrap_or_else(|stage| panic!("{stage:?}"));
    assert_eq!(change.path, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop");
    let operation = json!({
        "initiatedBy": { "username": "oncall" },
        "info": [{ "name": "Reason", "value": "errors" }, { "name": "pilothouse.dev/operation", "value": "7f3a-1" }],
        "sync": { "revision": GOOD, "source": source(), "syncOptions": ["CreateNamespace=true"], "syncStrategy": { "apply": {} } },
    });
    assert_eq!(patched(change), json!({ "metadata": { "resourceVersion": "7" }, "operation": operation }));
    assert_eq!(with(two(), json!({})).command(&to(3)).as_deref(), Some("argocd app rollback shop 3"));
}

#[test]
fn it_is_not_asked_while_it_syncs_by_itself_is_at_work_goes_or_has_forgotten_it() {
    let state = |phase: &str| json!({ "operationState": { "phase": phase, "message": "one of two", "operation": { "initiatedBy": { "username": "bob" } } } });
    let refused = |more: Value, number: u64| match with(two(), more).change(&to(number)) {
        Err(Stage::Refused { why }) => why.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => String::new(),
    };
    for (more, number, words) in [
        (json!({ "automated": {} }), 3, "hold it off first (H)"),
        (json!({ "automated": { "enabled": false, "selfHeal": true } }), 3, ""),
        (json!({ "operation": { "sync": {} } }), 3, "somebody is at work"),
        (state("Running"), 3, "bob is at work on Argo CD application shop, Argo CD works on it: one of two"),
        (state("Terminating"), 3, "bob is at work"),
        (state("Pondering"), 3, "bob is at work"),
        (state("Failed"), 3, ""),
        (json!({ "operation": null }), 3, ""),
        (json!({ "deletionTimestamp": "2026-11-20T08:00:00Z" }), 3, "being deleted"),
        (json!({}), 9, "no more in its history"),
    ] {
        let why = refused(more.clone(), number);
        assert!(if words.is_empty() { why.is_empty() } else { why.contains(words) }, "{more}: {why}");
    }
}

#[test]
fn the_checks_say_so_and_what_to_do() {
    let on = checks::owner(&with(two(), json!({ "automated": {} })));
    assert_eq!((on.kind, on.outcome), (CheckKind::Owner, Outcome::Block));
    assert!(on.remedy.as_ref().is_some_and(|remedy| remedy.starts_with("press H first")), "{on:?}");
    let mut made = with(two(), json!({ "automated": {} }));
    made.keeper.meta.owner_references =
        serde_json::from_value(json!([{ "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "all", "uid": "x", "controller": true }])).ok();
    let remedy = checks::owner(&made).remedy.expect("a way");
    assert!(remedy.contains("ApplicationSet all") && !remedy.contains("press H"), "{remedy}");
    assert_eq!(checks::owner(&with(two(), json!({}))).outcome, Outcome::Warn, "git still says what is left");
    let parent = |automated: Value| {
        Keeper::new(
            SORTS[0],
            "v1alpha1".into(),
            Owner::ArgoCd { application: Name::new("apps") },
            json!({ "spec": { "syncPolicy": { "automated": automated } } }),
        )
    };
    let under = |automated| Sync { others: vec![parent(automated)], ..with(two(), json!({})) };
    assert_eq!(checks::owner(&under(json!({ "selfHeal": true }))).outcome, Outcome::Block, "it would be switched on again");
    let busy = checks::paused(&with(two(), json!({ "operation": { "sync": {} } })));
    assert!(busy.outcome == Outcome::Block && busy.remedy.is_some_and(|remedy| remedy.contains("terminate-op shop")));
    assert!(checks::together(&with(two(), json!({}))).sentence.ends_with("with cart stock"));
}

#[test]
fn what_was_seen_is_what_it_is_synced_to_and_not_what_its_controller_counts() {
    let seen = |sync: &Sync| sync.keeper.synced_seen(&sync.workload.1);
    let from = seen(&with(two(), json!({})));
    let mut counted = with(two(), json!({}));
    counted.keeper.raw["status"]["reconciledAt"] = "2026-11-20T15:00:00Z".into();
    counted.keeper.raw["metadata"]["resourceVersion"] = "8".into();
    counted.keeper.raw["status"]["sync"] = json!({ "revision": "a newer commit" });
    assert_eq!((seen(&counted), counted.moved(&from)), (from.clone(), None));
    let moved = |more| with(two(), more).moved(&from).map(|words| words.to_string()).unwrap_or_default();
    assert!(moved(json!({ "automated": {} })).contains("syncs by itself"));
    assert_eq!(seen(&with(two(), json!({ "automated": {} }))), from, "that it is held off since is no reason to plan again");
    let by = json!({ "operationState": { "phase": "Failed", "startedAt": "x", "message": "no", "operation": { "initiatedBy": { "username": "bob" } } } });
    assert!(moved(by).contains("last by bob, it failed: no"));
    assert!(with(json!([entry(4, BAD, 14)]), json!({})).moved(&from).is_some());
    let mut changed = with(two(), json!({}));
    changed.workload.1.template = Raw::new("another");
    assert!(changed.moved(&from).is_some_and(|words| words.contains("cart was changed")));
    let mut anew = with(two(), json!({}));
    anew.keeper.meta.uid = Some("v".into());
    assert!(anew.moved(&from).is_some_and(|words| words.contains("made anew")));
}

#[test]
fn whose_operation_it_is_and_how_it_stands_is_read_from_either_place() {
    let info = json!([{ "name": "Reason", "value": "errors" }, { "name": "pilothouse.dev/operation", "value": "7f3a-1" }]);
    let ours = json!({ "initiatedBy": { "username": "oncall" }, "info": info, "sync": {} });
    let state = |phase: &str| json!({ "phase": phase, "message": "said", "operation": ours });
    let other = json!({ "phase": "Succeeded", "operation": { "initiatedBy": { "automated": true } } });
    let read = |more: Value| with(two(), more).keeper.operation().map(|last| (last.phase, last.mark.map(|mark| mark.to_string()), last.by.to_string()));
    let own = |phase| Some((phase, Some("7f3a-1".to_owned()), "oncall".to_owned()));
    assert_eq!(read(json!({})), None);
    assert_eq!(read(json!({ "operation": ours, "operationState": other })), own(Phase::Asked), "the state is that of the one before");
    assert_eq!(read(json!({ "operation": ours, "operationState": state("Running") })), own(Phase::Running));
    assert_eq!(read(json!({ "operationState": state("Running") })), own(Phase::Running));
    assert_eq!(read(json!({ "operationState": state("Succeeded") })), own(Phase::Succeeded));
    assert_eq!(read(json!({ "operationState": state("Error") })), own(Phase::Failed));
    assert_eq!(read(json!({ "operationState": other })), Some((Phase::Succeeded, None, "Argo CD itself".into())));
}
