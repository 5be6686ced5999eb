use super::*;
use crate::sources::docker::wire::{Inspected, Listed};
use serde_json::{Value, json};

fn container(value: Value) -> Container {
    serde_json::from_value::<Inspected>(value).unwrap().into()
}

fn of_compose(id: &str, service: &str, image: &str, created: &str, state: Value) -> Container {
    container(json!({
        "Id": id, "Name": format!("/shop-{service}-{id}"), "Created": created, "Image": format!("sha256:{image}"), "State": state,
        "Config": { "Image": format!("shop/{service}:{image}"), "Labels": {
            "com.docker.compose.project": "shop", "com.docker.compose.service": service, "com.docker.compose.oneoff": "False",
            "com.docker.compose.config-hash": image, "app.kubernetes.io/part-of": "shop", "env": "prod" } },
    }))
}

fn rows(containers: impl IntoIterator<Item = Container>) -> Vec<Workload> {
    workloads(&SourceId::new("docker"), &World::of("lab", containers))
}

#[test]
fn containers_of_a_compose_service_are_one_workload() {
    let up = json!({ "Status": "running", "StartedAt": "2026-11-24T02:00:00Z" });
    let rows = rows([
        of_compose("a", "web", "1", "2026-11-24T01:00:00Z", up.clone()),
        of_compose("b", "web", "2", "2026-11-24T02:00:00Z", up.clone()),
        of_compose("c", "db", "1", "2026-11-24T01:00:00Z", json!({ "Status": "exited", "ExitCode": 1 })),
    ]);
    assert_eq!(rows.iter().map(|row| row.name.raw()).collect::<Vec<_>>(), ["db", "web"]);
    let web = &rows[1];
    assert_eq!((web.kind, &web.place), (Kind::ComposeService, &Place::new("lab", "shop")));
    assert_eq!(web.replicas, Replicas { wanted: 2, total: 2, updated: 1, ready: 2, available: 2 });
    assert_eq!((&*web.version.0, web.changed.unwrap().to_string()), ("2", "2026-11-24T02:00:00Z".into()));
    assert_eq!(web.created.unwrap().to_string(), "2026-11-24T01:00:00Z");
    assert_eq!(web.labels.get("com.docker.compose.service").unwrap().raw(), "web");
    assert_eq!((web.labels.get("env").unwrap().raw(), web.labels.get("com.docker.compose.config-hash")), ("prod", None));
    assert_eq!((rows[0].replicas.ready, rows[0].remark.as_deref()), (0, Some("exit 1")));
}

#[test]
fn a_service_whose_container_is_still_being_checked_is_rolling() {
    let starting = of_compose("a", "web", "1", "2026-11-24T01:00:00Z", json!({ "Status": "running", "Health": { "Status": "starting" } }));
    assert_eq!(rows([starting])[0].progress, Progress::Rolling);
}

#[test]
fn what_others_own_is_left_to_them() {
    let pod =
        container(json!({ "Id": "k", "Name": "/k8s_app_x", "Config": { "Labels": { "io.kubernetes.pod.name": "x" } }, "State": { "Status": "running" } }));
    let once = container(json!({ "Id": "o", "Name": "/shop-web-run-1", "State": { "Status": "running" }, "Config": { "Labels": {
        "com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True" } } }));
    let quadlet = container(
        json!({ "Id": "q", "Name": "/systemd-web", "State": { "Status": "running" }, "Config": { "Labels": { "PODMAN_SYSTEMD_UNIT": "web.service" } } }),
    );
    let found = rows([pod, once, quadlet]);
    assert_eq!(found.iter().map(|row| row.name.raw()).collect::<Vec<_>>(), ["systemd-web"]);
    assert_eq!(found[0].owner.as_ref().unwrap().words().as_str(), "systemd unit web.service");
}

fn named(name: &str, image: &str, created: &str, status: &str) -> Container {
    container(
        json!({ "Id": format!("{name}-{image}"), "Name": format!("/{name}"), "Created": created, "Image": format!("sha256:{image}"), "Config": { "Image": format!("web:{image}") },
        "State": { "Status": status, "ExitCode": if status == "exited" { 143 } else { 0 } } }),
    )
}

#[test]
fn a_container_that_was_set_aside_stands_for_nothing_once_another_took_its_place() {
    let now = named("web", "1", "2026-11-24T03:00:00Z", "running");
    let kept = named("web.pilothouse-7f3a-2", "2", "2026-11-24T02:00:00Z", "exited");
    let found = rows([now.clone(), kept.clone()]);
    assert_eq!(found.iter().map(|row| (row.name.raw(), &*row.version.0, row.replicas.ready, row.replicas.wanted)).collect::<Vec<_>>(), [("web", "1", 1, 1)]);
    let (source, world) = (SourceId::new("docker"), World::of("lab", [now, kept.clone()]));
    let pods = pods(&source, &world, &Scope::All);
    let revisions = revisions(&source, &world);
    assert_eq!((pods.len(), revisions.len(), revisions[0].current), (1, 1, true));
    assert_eq!(pods[0].template, revisions[0].template, "a pod is held against its revision by the image");
    // Half-way it is all that there is, and says that it is down.
    let found = rows([kept, named("web.pilothouse-7f3a-2.next", "1", "2026-11-24T03:00:00Z", "created")]);
    assert_eq!(
        found.iter().map(|row| (row.name.raw(), row.replicas.ready, row.remark.as_deref())).collect::<Vec<_>>(),
        [("web", 0, Some("exit 143 (stopped)"))]
    );
}

#[test]
fn what_was_only_made_does_not_speak_for_what_runs() {
    let found = rows([named("web.pilothouse-7f3a-2", "2", "2026-11-24T02:00:00Z", "running"), named("web", "1", "2026-11-24T03:00:00Z", "created")]);
    assert_eq!(found.iter().map(|row| (&*row.version.0, row.replicas.ready)).collect::<Vec<_>>(), [("2", 1)]);
}

#[test]
fn a_container_is_a_pod_with_one_container() {
    let died = container(json!({ "Id": "c1", "Name": "/web", "RestartCount": 0, "State": {
        "Status": "exited", "ExitCode": 137, "OOMKilled": true, "StartedAt": "2026-11-24T02:00:00Z", "FinishedAt": "2026-11-24T02:01:00Z" } }));
    let row = pod(&SourceId::new("docker"), "lab", &died);
    assert_eq!((&*row.reason, &*row.message, row.ready, row.node.unwrap().raw()), ("OOMKilled", "exit 137 (OOM)", false, "lab"));
    let ContainerState::Ended { code, ended, began, .. } = &row.containers[0].state else { panic!("{:?}", row.containers[0]) };
    assert_eq!((*code, ended.is_some(), began.is_some()), (137, true, true));
    let failed = container(json!({ "Id": "c2", "Name": "/web", "State": { "Status": "created", "ExitCode": 127, "Error": "exec: no such file" } }));
    let row = pod(&SourceId::new("docker"), "lab", &failed);
    assert!(matches!(&row.containers[0].state, ContainerState::Waiting { reason, message } if &**reason == "StartError" && message.contains("no such file")));
}

#[test]
fn a_scope_holds_only_its_own_pods() {
    let up = json!({ "Status": "running" });
    let world = World::of(
        "lab",
        [of_compose("a", "web", "1", "", up.clone()), of_compose("b", "db", "1", "", up.clone()), container(json!({ "Id": "c", "Name": "/x", "State": up }))],
    );
    let source = SourceId::new("docker");
    let count = |scope: &Scope| pods(&source, &world, scope).len();
    assert_eq!(count(&Scope::All), 3);
    assert_eq!(count(&Scope::Namespace(Raw::new("shop"))), 2);
    assert_eq!(count(&Scope::Workload(Id::new(&source, "compose/shop/web"))), 1);
}

/// What engines answer, by the version of the API that they answer in.
const ANSWERS: [(&str, &str, &str); 3] = [
    ("1.41", include_str!("../../../tests/fixtures/docker/1.41/list.json"), include_str!("../../../tests/fixtures/docker/1.41/inspect.json")),
    ("1.44", include_str!("../../../tests/fixtures/docker/1.44/list.json"), include_str!("../../../tests/fixtures/docker/1.44/inspect.json")),
    ("1.55", include_str!("../../../tests/fixtures/docker/1.55/list.json"), include_str!("../../../tests/fixtures/docker/1.55/inspect.json")),
];

#[test]
fn every_version_of_the_api_says_the_same_of_the_same_container() {
    for (version, list, inspect) in ANSWERS {
        let listed: Vec<Listed> = serde_json::from_str(list).unwrap();
        let row = Container::from(listed.into_iter().next().unwrap());
        let whole = container(serde_json::from_str(inspect).unwrap());
        assert_eq!((&row.id, &row.name, row.owner(), row.run), (&whole.id, &whole.name, whole.owner(), whole.run), "{version}");
        let found = rows([whole]).remove(0);
        assert_eq!((found.name.raw(), &*found.version.0, found.replicas.ready), ("cart", "2.8.0", 0), "{version}");
        assert_eq!(found.remark.as_deref(), Some("unhealthy: connection refused"), "{version}");
    }
}

#[test]
fn podman_answers_in_words_of_its_own() {
    let listed: Vec<Listed> = serde_json::from_str(include_str!("../../../tests/fixtures/docker/podman/list.json")).unwrap();
    let containers: Vec<Container> = listed.into_iter().map(Container::from).collect();
    assert_eq!(
        containers.iter().map(|one| (&*one.name, one.run, one.owner() == Owner::Elsewhere)).collect::<Vec<_>>(),
        [("web", Run::Running, false), ("5f3c-infra", Run::Running, true)]
    );
    let whole = container(serde_json::from_str(include_str!("../../../tests/fixtures/docker/podman/inspect.json")).unwrap());
    assert_eq!((whole.ready(), whole.remark(), whole.check), (true, None, Check::None));
}
