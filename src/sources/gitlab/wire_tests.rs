use super::*;
use crate::domain::Id;
use serde_json::{Value, json};

fn gates() -> Gates {
    Gates::new(&crate::config::Config::default().gates)
}

fn pipeline(value: Value) -> WirePipeline {
    serde_json::from_value(value).expect("a pipeline")
}

fn job(value: Value) -> WireJob {
    serde_json::from_value(value).expect("a job")
}

#[test]
fn every_word_of_gitlab_has_one_of_ours_and_what_we_do_not_know_is_kept() {
    for (word, expected) in [
        ("created", "queued"),
        ("pending", "queued"),
        ("preparing", "queued"),
        ("running", "running"),
        ("canceling", "running"),
        ("waiting_for_resource", "waiting"),
        ("waiting_for_callback", "waiting"),
        ("manual", "waiting"),
        ("scheduled", "waiting"),
        ("success", "ok"),
        ("failed", "failed"),
        ("canceled", "cancelled"),
        ("skipped", "skipped"),
        ("hibernating", "hibernating"),
    ] {
        assert_eq!(&*pipeline(json!({ "id": 1, "status": word })).status().word(), expected, "{word}");
        assert_eq!(&*job(json!({ "id": 1, "status": word })).status().word(), expected, "{word}");
    }
    assert_eq!(&*pipeline(json!({ "id": 1, "status": null })).status().word(), "no status");
}

#[test]
fn what_was_allowed_to_fail_warns_and_what_need_not_be_played_waits_for_nobody() {
    let of = |status: &str, allowed: bool| job(json!({ "id": 1, "status": status, "allow_failure": allowed })).status();
    assert_eq!((of("failed", true), of("failed", false)), (RunStatus::Warn, RunStatus::Failed));
    assert_eq!(of("manual", true), RunStatus::Neutral);
    assert!(matches!(of("manual", false), RunStatus::Waiting(_)));
    let group = |group: &str| pipeline(json!({ "id": 1, "status": "success", "detailed_status": { "group": group } })).status();
    assert_eq!((group("success-with-warnings"), group("success")), (RunStatus::Warn, RunStatus::Success));
}

#[test]
fn the_samples_of_several_versions_are_read() {
    let whole = pipeline(serde_json::from_str(include_str!("../../../tests/fixtures/gitlab/pipeline.json")).unwrap());
    let source = SourceId::new("gitlab");
    let run = whole.run(&source, &Name::new("foo/bar"), None, None);
    assert_eq!((run.number, &*run.workflow, run.branch.raw(), &*run.actor, &*run.title), (46, "Custom pipeline name", "main", "root", "a91957a8"));
    assert_eq!((run.id.key(), run.status.over(), run.ended.is_some()), ("foo/bar/-/pipelines/46", true, true));
    let failed = job(serde_json::from_str(include_str!("../../../tests/fixtures/gitlab/job.json")).unwrap());
    let id: Id<Run> = run.id;
    let told = failed.job((&source, "foo/bar"), &id, "", &gates());
    assert_eq!(
        (&*told.name, told.status, told.started.is_some(), told.gate),
        ("test: teaspoon", RunStatus::Failed, true, Some(crate::domain::GateKind::Build))
    );
    assert_eq!(&*failed.failure(), "script failure");
    let bridge = job(serde_json::from_str(include_str!("../../../tests/fixtures/gitlab/bridge.json")).unwrap());
    let told = bridge.bridge((&source, "foo/bar"), &id, "", &gates());
    assert_eq!((&*told.name, told.status), ("test: teaspoon → pipeline #5", RunStatus::Queued));
    assert!(bridge.downstream_pipeline.is_some_and(|child| child.is_of("diaspora/diaspora-client") && !child.is_of("foo/bar")));
    let cars: Vec<WireCar> = serde_json::from_str(include_str!("../../../tests/fixtures/gitlab/merge_trains.json")).unwrap();
    assert!(cars[0].told().is_none(), "it was merged");
}

#[test]
fn a_pipeline_of_a_request_is_called_by_its_number() {
    for (reference, expected) in [("main", "main"), ("refs/merge-requests/59/head", "!59"), ("refs/merge-requests/59/train", "!59"), ("v1", "v1")] {
        assert_eq!(branch(reference).raw(), expected);
    }
    assert!(pipeline(json!({ "id": 1, "ref": "refs/merge-requests/59/train" })).on_train());
    assert!(pipeline(json!({ "id": 1, "ref": "hot/fix" })).fits(&["hot/*".into()]) && !pipeline(json!({ "id": 1, "ref": "main" })).fits(&["hot/*".into()]));
    let car: WireCar = serde_json::from_value(
        json!({ "merge_request": { "iid": 59, "title": "Faster" }, "pipeline": { "id": 7 }, "target_branch": "main", "status": "fresh" }),
    )
    .unwrap();
    assert_eq!(car.told().map(|(id, words)| (id, words.to_string())), Some((7, "train to main: !59 Faster".into())));
}

#[test]
fn what_a_list_does_not_tell_is_kept_as_long_as_nothing_has_changed() {
    let at = |updated: &str| json!({ "id": 1, "status": "success", "updated_at": updated });
    let mut whole = at("2026-11-24T03:00:00Z");
    whole["user"] = json!({ "username": "kim" });
    whole["detailed_status"] = json!({ "group": "success-with-warnings" });
    let known = pipeline(whole);
    assert_eq!(pipeline(at("2026-11-24T03:00:00Z")).with_details_of(&known).status(), RunStatus::Warn);
    let moved = pipeline(at("2026-11-24T03:05:00Z")).with_details_of(&known);
    assert_eq!((moved.status(), &*who(moved.user.as_ref())), (RunStatus::Success, "kim"));
}

#[test]
fn anything_may_be_missing_or_null() {
    for value in [json!({}), json!({ "id": 3, "status": null, "ref": null, "sha": null, "user": null, "created_at": "soon", "detailed_status": null })] {
        let run = pipeline(value).run(&SourceId::new("gitlab"), &Name::new("a/b"), None, None);
        assert!(run.started.is_none() && !run.status.over(), "{run:?}");
    }
    let bare = job(json!({ "id": 7, "name": null, "commit": null, "pipeline": null, "user": null, "downstream_pipeline": null }));
    assert!(!bare.over() && !bare.ran() && bare.name().is_empty());
}
