//! What such controllers say of themselves, and what holding them off writes.

use super::*;
use crate::{
    domain::{CheckKind, OpId, Outcome, SourceId},
    sources::kubernetes::checks::kept_verdict,
};

fn argo(name: &str, automated: Value) -> Keeper {
    let raw = json!({ "metadata": { "name": name, "namespace": "argocd", "uid": name, "resourceVersion": "7" }, "spec": { "syncPolicy": { "automated": automated } } });
    Keeper::new(SORTS[0], "v1alpha1".into(), Owner::ArgoCd { application: crate::text::Name::new(name) }, raw)
}

fn flux(kind: &'static str, spec: Value) -> Keeper {
    let sort = if kind == "HelmRelease" { SORTS[2] } else { SORTS[1] };
    let owner = Owner::Flux { kind: Clean::from_static(kind), name: crate::text::Name::new("flux/apps") };
    Keeper::new(sort, "v1".into(), owner, json!({ "metadata": { "name": "apps", "namespace": "flux", "uid": "u" }, "spec": spec }))
}

fn operation(verb: Verb) -> Operation {
    let source = SourceId::new("kubernetes/prod");
    Operation {
        id: OpId::new("7f3a", 1),
        verb,
        subject: Id::new(&source, "deployments/shop/cart"),
        title: "cart in production".into(),
        from: argo("shop", json!({})).seen(),
        to: None,
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: "ops".into(),
    }
}

#[test]
fn one_that_heals_itself_blocks_and_names_the_key_that_holds_it_off() {
    let outcome = |keeper: Keeper| kept_verdict(&keeper, &[]).outcome;
    assert_eq!(outcome(argo("shop", json!({ "selfHeal": true }))), Outcome::Block);
    assert_eq!(outcome(argo("shop", json!({ "selfHeal": true, "enabled": false }))), Outcome::Warn);
    assert_eq!(outcome(argo("shop", json!({}))), Outcome::Warn);
    assert_eq!(outcome(argo("shop", Value::Null)), Outcome::Warn);
    assert_eq!(outcome(flux("Kustomization", json!({}))), Outcome::Block);
    assert_eq!(outcome(flux("Kustomization", json!({ "suspend": true }))), Outcome::Warn);
    assert_eq!(outcome(flux("HelmRelease", json!({ "driftDetection": { "mode": "enabled" } }))), Outcome::Block);
    assert_eq!(outcome(flux("HelmRelease", json!({}))), Outcome::Warn);
    let remedy = kept_verdict(&flux("Kustomization", json!({})), &[]).remedy.expect("a way");
    assert!(remedy.contains("H in the console") && remedy.contains("flux suspend kustomization apps -n flux"), "{remedy}");
}

#[test]
fn one_that_is_off_blocks_where_another_above_it_would_switch_it_on_again() {
    let parent = || argo("apps", json!({ "selfHeal": true }));
    let found = kept_verdict(&argo("shop", Value::Null), &[parent()]);
    assert_eq!((found.kind, found.outcome), (CheckKind::Owner, Outcome::Block));
    assert!(found.sentence.contains("apps") && found.sentence.contains("on again"), "{}", found.sentence);
    assert_eq!(kept_verdict(&argo("shop", Value::Null), &[argo("apps", json!({}))]).outcome, Outcome::Warn, "without a commit it changes nothing");
}

#[test]
fn the_highest_that_heals_is_held_first_and_the_nearest_that_is_held_is_let_go_first() {
    let name = |floors: &[Keeper], verb| first(floors, verb).map(|at| floors[at].name().to_owned());
    let heals = || json!({ "selfHeal": true });
    assert_eq!(name(&[argo("shop", heals()), argo("apps", heals())], Verb::Hold).as_deref(), Some("apps"));
    assert_eq!(name(&[argo("shop", heals()), argo("apps", Value::Null)], Verb::Hold).as_deref(), Some("shop"));
    assert_eq!(name(&[argo("shop", json!({})), argo("apps", Value::Null)], Verb::Hold).as_deref(), Some("shop"));
    assert_eq!(name(&[argo("shop", Value::Null)], Verb::Hold), None);
    let held = |name: &str| {
        let mut raw = argo(name, Value::Null).raw;
        raw["metadata"]["annotations"] = json!({ HELD: r#"{"operation":"7f3a-1","was":{"prune":true}}"# });
        Keeper::new(SORTS[0], "v1alpha1".into(), argo(name, Value::Null).owner, raw)
    };
    assert_eq!(name(&[held("shop"), held("apps")], Verb::Release).as_deref(), Some("shop"));
    assert_eq!(name(&[argo("shop", Value::Null), held("apps")], Verb::Release).as_deref(), Some("apps"));
    assert_eq!(name(&[argo("shop", Value::Null)], Verb::Release), None, "somebody else switched it off: that is not ours to switch on");
}

#[test]
fn what_is_held_keeps_how_it_was_and_gets_just_that_back() {
    let was = json!({ "prune": true, "selfHeal": true });
    let keeper = argo("shop", was.clone());
    let patch = keeper.patch(&operation(Verb::Hold), Timestamp::UNIX_EPOCH);
    assert_eq!(patch["spec"], json!({ "syncPolicy": { "automated": null } }), "nothing else of the specification is named");
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    let mut raw = keeper.raw.clone();
    raw["metadata"]["annotations"] = patch["metadata"]["annotations"].clone();
    raw["spec"]["syncPolicy"]["automated"] = Value::Null;
    let held = Keeper::new(SORTS[0], "v1alpha1".into(), keeper.owner.clone(), raw);
    assert!(held.held() && held.seen() != keeper.seen());
    let back = held.patch(&operation(Verb::Release), Timestamp::UNIX_EPOCH);
    assert_eq!(back["spec"]["syncPolicy"]["automated"], was);
    assert_eq!((&back["metadata"]["labels"][HELD], &back["metadata"]["annotations"][HELD]), (&Value::Null, &Value::Null));
    assert_eq!(flux("Kustomization", json!({})).patch(&operation(Verb::Hold), Timestamp::UNIX_EPOCH)["spec"], json!({ "suspend": true }));
}

#[test]
fn what_does_nothing_by_itself_is_not_held() {
    let wish = |keeper: &Keeper, verb| keeper.change(&operation(verb), Timestamp::UNIX_EPOCH);
    for off in [argo("shop", Value::Null), flux("Kustomization", json!({ "suspend": true }))] {
        assert!(matches!(wish(&off, Verb::Hold), Err(Stage::Refused { why }) if why.contains("does nothing by itself already")), "its own mark would be lost");
        assert!(wish(&off, Verb::Release).is_ok());
    }
    assert!(wish(&argo("shop", json!({})), Verb::Hold).is_ok());
}

#[test]
fn what_stands_still_is_named() {
    let mut keeper = argo("shop", json!({}));
    let one = |kind: &str, name: &str| json!({ "kind": kind, "name": name });
    keeper.raw["status"]["resources"] = json!([one("Deployment", "cart"), one("Service", "cart"), one("StatefulSet", "stock"), one("Application", "pay")]);
    assert_eq!(keeper.keeps().as_deref(), Some(&["cart".to_owned(), "stock".into(), "application pay".into()][..]));
    let mut keeper = flux("Kustomization", json!({}));
    keeper.raw["status"]["inventory"]["entries"] =
        json!([{ "id": "shop_cart_apps_Deployment", "v": "v1" }, { "id": "shop_cart__Service", "v": "v1" }, { "id": "x" }]);
    assert_eq!(keeper.keeps().as_deref(), Some(&["cart".to_owned()][..]));
    assert_eq!(flux("HelmRelease", json!({})).keeps(), None);
}
