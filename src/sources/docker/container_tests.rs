use super::{
    super::wire::{Inspected, Listed},
    *,
};
use serde_json::json;

fn inspected(value: serde_json::Value) -> Container {
    serde_json::from_value::<Inspected>(value).unwrap().into()
}

fn state(state: serde_json::Value) -> Container {
    inspected(json!({ "Id": "a", "Name": "/web", "State": state, "RestartCount": 3 }))
}

#[test]
fn a_container_says_what_is_wrong_with_it() {
    for (said, wanted, ready, remark) in [
        (json!({"Status": "running", "Running": true}), true, true, None),
        (json!({"Status": "running", "Health": {"Status": "starting"}}), true, false, None),
        (json!({"Status": "running", "Health": {"Status": "", "Log": null}}), true, true, None),
        (
            json!({"Status": "running", "Health": {"Status": "unhealthy", "FailingStreak": 4, "Log": [{"ExitCode": 1, "Output": "\n connection refused\nx"}]}}),
            true,
            false,
            Some("unhealthy: connection refused"),
        ),
        (json!({"Status": "paused", "Running": true, "Paused": true}), true, false, Some("paused")),
        (json!({"Status": "restarting", "Running": true, "ExitCode": 1}), true, false, Some("exit 1, restarting, 3 restarts")),
        (json!({"Status": "exited", "ExitCode": 137, "OOMKilled": true}), true, false, Some("exit 137 (OOM), 3 restarts")),
        (json!({"Status": "exited", "ExitCode": 137}), true, false, Some("exit 137 (killed), 3 restarts")),
        (json!({"Status": "exited", "ExitCode": 0}), false, false, Some("completed")),
        (json!({"Status": "created", "ExitCode": 127, "Error": "exec: \"x\": not found"}), true, false, Some("does not start: exec: \"x\": not found")),
        (json!({"Status": "created"}), false, false, Some("never started")),
        (json!({"Status": "stopped", "ExitCode": 0}), false, false, Some("completed")),
        (json!({"Status": "levitating"}), true, false, None),
    ] {
        let container = state(said.clone());
        assert_eq!((container.wanted(), container.ready(), container.remark().as_deref()), (wanted, ready, remark), "{said}");
    }
}

#[test]
fn whose_a_container_is_is_told_by_its_labels() {
    let of = |labels: serde_json::Value| inspected(json!({ "Config": { "Labels": labels } }));
    let compose = of(json!({"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "False"}));
    assert_eq!(compose.owner(), Owner::Compose { project: "shop", service: "web" });
    let once = of(json!({"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True"}));
    assert_eq!(once.owner(), Owner::OneOff);
    assert_eq!(
        of(json!({"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "shop_web"})).owner(),
        Owner::Swarm { service: "s1", name: "shop_web" }
    );
    assert_eq!(of(json!({"io.kubernetes.pod.name": "web-1", "com.docker.compose.project": "x"})).owner(), Owner::Elsewhere);
    assert_eq!(of(json!(null)).owner(), Owner::Alone);
    let infra = inspected(json!({ "Config": { "Image": "localhost/podman-pause:5.8.2-1" } }));
    assert_eq!(infra.owner(), Owner::Elsewhere);
}

#[test]
fn versions_come_from_the_tag_else_from_the_registry_s_digest() {
    let mut container = inspected(json!({ "Image": "sha256:1111111aaaa", "Config": { "Image": "registry:5000/shop/web:2.8.0" } }));
    assert_eq!(&*container.version().0, "2.8.0");
    container.image = "shop/web".into();
    assert_eq!(&*container.version().0, "1111111");
    container.choose_digest(&["other@sha256:3333333c".into(), "docker.io/shop/web@sha256:2222222b".into()]);
    assert_eq!(&*container.version().0, "2222222");
    container.image = "sha256:4444444dddd".into();
    assert_eq!(&*container.version().0, "4444444", "a bare id has no tag");
}

#[test]
fn runs_are_parted_shortly_after_the_end_of_the_first() {
    let of = |began: &str, finished: &str| state(json!({"Status": "running", "StartedAt": began, "FinishedAt": finished})).parted().map(|at| at.to_string());
    assert_eq!(of("2026-11-24T02:00:00Z", "0001-01-01T00:00:00Z"), None);
    assert_eq!(of("2026-11-24T02:00:00.4Z", "2026-11-24T02:00:00Z").as_deref(), Some("2026-11-24T02:00:00.1Z"));
    assert_eq!(of("2026-11-24T09:00:00Z", "2026-11-24T02:00:00Z").as_deref(), Some("2026-11-24T02:00:01Z"));
    assert_eq!(of("2026-11-24T02:00:00Z", "2026-11-24T02:01:00Z"), None, "it has ended, and none has begun");
}

#[test]
fn the_name_of_a_row_is_the_one_without_a_link() {
    let row: Listed = serde_json::from_value(json!({ "Id": "a", "Names": ["/front/web", "/web"], "Created": 1_800_000_000, "State": "exited" })).unwrap();
    let container = Container::from(row);
    assert_eq!((&*container.name, container.run), ("web", Run::Ended));
}
