//! Traffic that is led by hand, on the real API server: blue and green by a Service, a canary by a VirtualService. Endpoints, pods and their
//! readiness are real; no mesh is there, and nothing is said of one.

use super::{
    acts::{act, checks, insist, operation, subject},
    lab::{self, Space},
};
use pilothouse::{
    domain::{Arm, CheckKind, Evidence, Finding, Id, Operation, Outcome, Reach, Route, Stage, Subject, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, sync::Arc};

/// Pods that end again and again, and are never ready.
const CRASHES: &[(&str, &str)] = &[("APP_CRASH_AFTER", "0.1"), ("APP_READY_AFTER", "never")];

/// A Deployment of `web` whose pods carry one label more.
fn web(name: &str, version: u32, environment: &[(&str, &str)], (key, value): (&str, &str)) -> String {
    let mut manifest: Value = serde_json::from_str(&lab::deployment(name, &format!("lab/app:{version}"), environment, "")).expect("JSON");
    let labels = json!({ "app": "web", key: value });
    for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        *manifest.pointer_mut(pointer).expect("it has labels") = labels.clone();
    }
    manifest["metadata"]["labels"] = json!({ "app": "web" });
    manifest.to_string()
}

fn service(selector: &Value) -> String {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" }, "spec": { "selector": selector, "ports": [{ "port": 80, "targetPort": 8080 }] } }).to_string()
}

/// Blue serves, and green stands beside it, not switched to yet.
fn blue_and_green(about: &str, green: &[(&str, &str)]) -> Space {
    let space = Space::new(about);
    space.apply(&web("web-blue", 1, &[], ("color", "blue")));
    lab::feed_kubectl(&["-n", &space.name, "create", "-f", "-"], &service(&json!({ "app": "web", "color": "blue" })));
    space.rolled_out("web-blue");
    space.apply(&web("web-green", 2, green, ("color", "green")));
    space
}

fn switch_to(space: &Space, color: &str) {
    space.kubectl(&["patch", "service", "web", "-p", &json!({ "spec": { "selector": { "color": color } } }).to_string()]);
}

fn selected(space: &Space) -> String {
    space.kubectl(&["get", "service", "web", "-o", "jsonpath={.spec.selector.color}"])
}

/// The routes of a workload, once its controller has looked at all that they lead to.
async fn known(source: &Arc<dyn Source>, id: &Id<Workload>) -> Subject {
    lab::eventually("its route", async || Some(subject(source, id).await).filter(|subject| !subject.routes.is_empty())).await
}

fn other<'a>(route: &'a Route, subject: &Subject) -> &'a Arm {
    route.arms.iter().find(|arm| arm.workload != subject.workload).expect("there are two")
}

/// The operation that switches away from a workload.
fn back(subject: &Subject) -> Operation {
    let route = subject.served_by().unwrap_or_else(|| panic!("a route leads to it: {:?}", subject.routes));
    Operation { from: route.seen.clone(), ..operation(Verb::SwitchBack, subject, Some(&other(route, subject).revision)) }
}

async fn check(source: &Arc<dyn Source>, operation: Operation, kind: CheckKind) -> Finding {
    checks(source, operation).await.2.remove(&kind).expect("it is made")
}

/// `pilothouse rollback web` of one workload, with a home of its own.
async fn roll_back(kubeconfig: &Path, space: &Space, workload: &str, more: &[&str]) -> (Option<i32>, Value, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a folder");
    let config = "[[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{ context = 'lab' }]\n";
    std::fs::write(home.path().join("c.toml"), config).expect("a file");
    let out = tokio::process::Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .env("KUBECONFIG", kubeconfig)
        .args(["--config", &home.path().join("c.toml").display().to_string(), "--context", "lab", "-n", &space.name])
        .args(["rollback", "web", "-e", "development", "--workload", workload, "--json"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("it runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let told = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr)));
    (out.status.code(), told, home)
}

/// All texts below a folder.
fn texts(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { texts(&path) } else { std::fs::read_to_string(path).unwrap_or_default() }).collect()
}

/// Green was switched to and crashes: the traffic goes back to blue, which stands ready, and that is proven on the pods of blue.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_green_is_switched_back_to_blue_and_not_forward_again_unasked() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = blue_and_green("bluegreen", CRASHES);
    lab::eventually("green crashes", async || space.kubectl(&["get", "pods", "-l", "color=green"]).contains("CrashLoopBackOff").then_some(())).await;
    switch_to(&space, "green");
    let (code, done, home) = roll_back(&kubeconfig, &space, "Deployment/web-green", &["--yes", "--reason", "it crashes"]).await;
    assert_eq!((code, &done["verdict"]), (Some(0), &"RECOVERED".into()), "{done:#}");
    assert_eq!((&done["to"]["workload"], &done["to"]["version"], &done["to"]["class"]), (&"web-blue".into(), &"1".into(), &"proven".into()), "{done:#}");
    assert!(done["to"]["why"].to_string().contains("instant, 2 of 2 of its pods stand ready, active until"), "{done:#}");
    let difference = done["difference"].as_array().expect("a list");
    assert_eq!(difference[0], json!({ "part": "route", "path": "Service web: selector color", "before": "green", "after": "blue" }), "{done:#}");
    assert!(
        done["command"].to_string().contains("kubectl patch service web")
            && done["proofs"][0]["text"].to_string().contains("Service web reaches 2 of them and nothing else"),
        "{done:#}"
    );
    assert!(done["still_open"].to_string().contains("web-green was not changed and still runs 2"), "{done:#}");
    assert_eq!(selected(&space), "blue");
    let journal = texts(&home.path().join(".local"));
    assert!(["switch back", "Service web", "RECOVERED"].iter().all(|words| journal.contains(words)), "it is in the journal: {journal}");

    let source = lab::source(&kubeconfig, "lab", "");
    let green = known(&source, &space.deployment(&source, "web-green")).await;
    assert!(green.served_by().is_none() && matches!(green.routes[0].reach, Reach::Endpoints { own: 2, other: 0 }), "{:?}", green.routes[0].reach);
    let traffic = check(&source, operation(Verb::RollBack, &green, None), CheckKind::Traffic).await;
    assert!(traffic.outcome == Outcome::Warn && traffic.sentence.contains("web-green serves nothing of Service web, which leads to web-blue"), "{traffic:?}");

    // Another console, which has no journal of it.
    let (code, plan, _) = roll_back(&kubeconfig, &space, "Deployment/web-blue", &["--dry-run"]).await;
    assert_eq!((code, &plan["state"]), (Some(1), &"no target".into()), "{plan:#}");
    let forward = ["--to", "web-green", "--yes", "--reason", "again"];
    let (code, plan, _) = roll_back(&kubeconfig, &space, "Deployment/web-blue", &forward).await;
    assert_ne!(code, Some(0), "{plan:#}");
    assert!(plan["to"]["why"].to_string().contains("rolled back from"), "{plan:#}");
    assert_eq!(selected(&space), "blue", "{plan:#}");
}

/// Two good colours: what is checked, what forbids it, and what somebody else does meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_refused_where_it_would_serve_nobody_or_be_written_over_and_tells_who_was_faster() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("flagger.app", "v1beta1", ("canaries", "Canary"), true);
    let space = blue_and_green("switches", &[]);
    space.rolled_out("web-green");
    let source = lab::source(&kubeconfig, "lab", "");
    let (blue, green) = (space.deployment(&source, "web-blue"), space.deployment(&source, "web-green"));
    let before = known(&source, &blue).await;
    assert!(before.served_by().is_some_and(|route| route.switched.is_none() && &*route.name == "Service web"), "{:?}", before.routes);
    switch_to(&space, "green");
    let now = known(&source, &green).await;
    let wish = back(&now);
    let evidence = &other(&now.routes[0], &now).revision.evidence;
    assert!(evidence.iter().any(|evidence| matches!(evidence, Evidence::StandsReady { ready: 2, wanted: 2, until: Some(_) })), "{evidence:?}");
    let (expected, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made");
    let worst = made.values().max_by_key(|finding| finding.outcome).expect("some are made");
    assert_eq!(worst.outcome, Outcome::Ok, "{worst:?}");
    assert_eq!(&*made[&CheckKind::Strategy].sentence, "instant: 2 of 2 pods of web-blue are ready");
    assert!(command.is_some_and(|command| command.ends_with(r#"-p '[{"op":"add","path":"/spec/selector/color","value":"blue"}]'"#)));
    assert_eq!(selected(&space), "green", "looking changes nothing");

    // Somebody switches at the same moment: what they did stays, and they are named.
    switch_to(&space, "blue");
    let stages = act(&source, wish.clone()).await;
    let Some(Stage::Conflict { what, same: false }) = stages.last() else { panic!("{stages:?}") };
    assert!(what.contains("Service web was changed by kubectl") && what.contains("it now leads to web-blue"), "{what}");
    switch_to(&space, "green");

    // Controllers that would write it again.
    space.kubectl(&["annotate", "service", "web", "argo-rollouts.argoproj.io/managed-by-rollouts=shop"]);
    let traffic = check(&source, wish.clone(), CheckKind::Traffic).await;
    assert!(traffic.outcome == Outcome::Block && traffic.sentence.contains("Rollout shop steers Service web"), "{traffic:?}");
    space.kubectl(&["annotate", "service", "web", "argo-rollouts.argoproj.io/managed-by-rollouts-"]);
    let canary = json!({ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": { "name": "shop" }, "spec": { "targetRef": { "kind": "Deployment", "name": "web" } } });
    lab::eventually("a Canary can be made", async || {
        let out = std::process::Command::new("kubectl").args(["-n", &space.name, "get", "canaries"]).output().expect("kubectl is there");
        out.status.success().then(|| space.apply(&canary.to_string()))
    })
    .await;
    let traffic = check(&source, wish.clone(), CheckKind::Traffic).await;
    assert!(traffic.outcome == Outcome::Block && traffic.sentence.contains("Flagger canary shop"), "{traffic:?}");
    space.kubectl(&["delete", "canary", "shop"]);

    // Fewer than what is left are a warning, none are refused, whatever was planned before.
    for (replicas, outcome) in [("1", Outcome::Warn), ("0", Outcome::Block)] {
        space.kubectl(&["scale", "deployment", "web-blue", "--replicas", replicas]);
        lab::eventually("the checks see it", async || {
            let found = check(&source, wish.clone(), CheckKind::Strategy).await;
            (found.outcome == outcome).then_some(()).filter(|()| found.remedy.is_some_and(|remedy| remedy.contains("kubectl scale deployment/web-blue")))
        })
        .await;
    }
    let stages = insist(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("no pod of web-blue is ready")), "{stages:?}");
    assert_eq!(selected(&space), "green");
}

/// The weights of a canary go back in one request, and nothing else of the object is touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_by_weights_gives_all_of_the_traffic_back_to_the_older_one() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    for kind in [("virtualservices", "VirtualService"), ("destinationrules", "DestinationRule")] {
        lab::serve("networking.istio.io", "v1beta1", kind, false);
    }
    let space = Space::new("weights");
    space.apply(&web("web-v1", 1, &[], ("version", "v1")));
    space.apply(&service(&json!({ "app": "web" })));
    space.rolled_out("web-v1");
    space.apply(&web("web-v2", 2, &[], ("version", "v2")));
    space.rolled_out("web-v2");
    let subset = |name: &str| json!({ "name": name, "labels": { "version": name } });
    let rule = json!({ "apiVersion": "networking.istio.io/v1beta1", "kind": "DestinationRule", "metadata": { "name": "web" },
        "spec": { "host": format!("web.{}.svc.cluster.local", space.name), "subsets": [subset("v1"), subset("v2")] } });
    let to = |subset: &str, weight: u32| json!({ "destination": { "host": "web", "subset": subset }, "weight": weight, "headers": { "response": { "add": { "x": subset } } } });
    let header = json!({ "match": [{ "headers": { "x-canary": { "exact": "1" } } }], "route": [{ "destination": { "host": "web", "subset": "v2" } }] });
    let http = json!([header, { "name": "all", "retries": { "attempts": 3 }, "route": [to("v1", 70), to("v2", 30)] }]);
    let object = json!({ "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService", "metadata": { "name": "web" }, "spec": { "hosts": ["web"], "http": http } });
    lab::eventually("they can be made", async || {
        let out =
            std::process::Command::new("kubectl").args(["-n", &space.name, "get", "virtualservices,destinationrules"]).output().expect("kubectl is there");
        out.status.success().then_some(())
    })
    .await;
    lab::feed_kubectl(&["-n", &space.name, "create", "-f", "-"], &rule.to_string());
    lab::feed_kubectl(&["-n", &space.name, "create", "-f", "-"], &object.to_string());

    let source = lab::source(&kubeconfig, "lab", "");
    let canary = known(&source, &space.deployment(&source, "web-v2")).await;
    let route = &canary.routes[0];
    let shares: Vec<(&str, u32, u32)> = route.arms.iter().map(|arm| (arm.name.raw(), arm.share, arm.ready)).collect();
    assert_eq!((&*route.name, route.reach, shares), ("VirtualService web", Reach::Mesh, vec![("web-v1", 70, 2), ("web-v2", 30, 2)]));
    let (code, plan, _) = roll_back(&kubeconfig, &space, "Deployment/web-v2", &["--dry-run"]).await;
    assert_eq!((code, &plan["to"]["workload"]), (Some(0), &"web-v1".into()), "{plan:#}");
    let (_, stable, _) = roll_back(&kubeconfig, &space, "Deployment/web-v1", &["--dry-run"]).await;
    assert_eq!(stable["state"], "no target", "nobody is led to the canary unasked: {stable:#}");

    let wish = back(&canary);
    let made = checks(&source, wish.clone()).await.2;
    assert_eq!(made[&CheckKind::DryRun].outcome, Outcome::Ok, "{:?}", made[&CheckKind::DryRun]);
    assert!(
        made[&CheckKind::Traffic].sentence.contains("1 more route of VirtualService web leads to one of them by a match"),
        "{:?}",
        made[&CheckKind::Traffic]
    );
    let stages = insist(&source, wish.clone()).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    let after: Value = serde_json::from_str(&space.kubectl(&["get", "virtualservice", "web", "-o", "json"])).expect("JSON");
    let mut wanted = object["spec"].clone();
    (wanted["http"][1]["route"][0]["weight"], wanted["http"][1]["route"][1]["weight"]) = (100.into(), 0.into());
    assert_eq!(after["spec"], wanted, "the weights, and nothing else");
    assert_eq!(after["metadata"]["annotations"]["pilothouse.dev/operation"], wish.id.as_str());
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Conflict { same: false, .. }]), "it happens once: {stages:?}");
    let stable = known(&source, &space.deployment(&source, "web-v1")).await;
    let evidence = &other(&stable.routes[0], &stable).revision.evidence;
    assert!(evidence.iter().any(|evidence| matches!(evidence, Evidence::RolledBackFrom { .. })), "it is guarded: {evidence:?}");
}
