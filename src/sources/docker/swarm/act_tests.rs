//! What must still be so when a service goes back.

use super::*;
use crate::{
    domain::{Id, OpId, RevisionRef, SourceId, Verb},
    sources::docker::swarm::history::revisions,
};
use serde_json::json;

/// The service, whose specifications now and before name these images.
fn whole(now: &str, before: &str) -> Whole {
    let spec = |image: &str| json!({ "Name": "web", "Mode": { "Replicated": { "Replicas": 2 } }, "TaskTemplate": { "ContainerSpec": { "Image": image } } });
    let raw = json!({ "ID": "s1", "Version": { "Index": 7 }, "Spec": spec(now), "PreviousSpec": spec(before) });
    Whole { lean: serde_json::from_value(raw.clone()).expect("a service"), raw }
}

/// The way back that a plan on what was seen leads to.
fn back(seen: &Whole) -> Operation {
    let source = SourceId::new("docker");
    let to = revisions(&source, &seen.lean, &[]).into_iter().find(|row| !row.current).expect("there is one before");
    Operation {
        id: OpId::new("7f3a", 1),
        verb: Verb::RollBack,
        subject: Id::new(&source, "service/s1"),
        title: "web in development".into(),
        from: seen.seen(),
        to: Some(RevisionRef { id: to.id, number: 0, template: to.template, version: to.version }),
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: "oncall".into(),
    }
}

#[test]
fn a_service_that_was_changed_since_the_plan_is_not_taken_back() {
    let saw = whole("shop/web:2", "shop/web:1");
    let said = |now: &Whole| moved(&back(&saw), now).map(|what| what.to_string());
    assert_eq!(said(&saw), None);
    assert_eq!(said(&whole("shop/web:3", "shop/web:2")).as_deref(), Some("web was changed meanwhile: it now asks for shop/web:3"));
    // It is as it was seen, and a way back would lead elsewhere: somebody went away from it and back.
    assert_eq!(said(&whole("shop/web:2", "shop/web:3")).as_deref(), Some("web has another specification before this one now"));
}
