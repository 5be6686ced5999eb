//! A Prometheus and an Alertmanager that are found in the cluster and asked through its API server.

use super::lab::{Space, eventually, kubeconfig, source};
use crate::gateway::{alert, server, until};
use futures::StreamExt;
use pilothouse::{
    domain::{Answer, Change, Fact, Feed, Labels, Question},
    sources::{Made, Source, SourceError},
    text::Name,
};
use std::sync::Arc;

/// A pod that passes a port of its node on to one of this machine, behind a Service labelled as the operator labels its own.
fn relayed(kind: &str, url: &str) -> String {
    let target = url.rsplit(':').next().expect("a port");
    let port = std::net::TcpListener::bind("0.0.0.0:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": kind, "labels": { "relay": kind } },
        "spec": { "hostNetwork": true, "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
            "containers": [{ "name": "relay", "image": "lab/app:1", "imagePullPolicy": "Never",
                "command": ["busybox", "nc", "-ll", "-p", port.to_string(), "-e", "busybox", "nc", "127.0.0.1", target] }] }
    });
    let service = serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("{kind}-operated"), "labels": { format!("operated-{kind}"): "true" } },
        "spec": { "clusterIP": "None", "selector": { "relay": kind }, "ports": [{ "name": "web", "port": 9090, "targetPort": port }] }
    });
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [pod, service] }).to_string()
}

/// The first two things that a context leads to once its first feed is watched.
async fn led_to(cluster: &Arc<dyn Source>) -> Vec<Made> {
    let leads = cluster.leads().take(2).collect();
    let watching = cluster.watch(Feed::Workloads, None).for_each(|_| async {});
    tokio::select! {
        made = leads => made,
        () = watching => panic!("the cluster broke off"),
    }
}

fn both(made: Vec<Made>) -> (Arc<dyn Source>, Arc<dyn Source>) {
    let source = |made: Made| match made {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, _) | Made::Broken(id, _) | Made::Sought(id) => panic!("{id} is of no use"),
        Made::Absent(id, words) => panic!("{id}: {words}"),
    };
    let mut sources = made.into_iter().map(source);
    (sources.next().expect("a Prometheus"), sources.next().expect("an Alertmanager"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_alerts_and_queries_come_through_the_api_server_to_those_who_may() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let (Some(prometheus), Some(alertmanager)) = (server("LAB_PROMETHEUS"), server("LAB_ALERTMANAGER_1")) else { return };
    let space = Space::new("found");
    for (kind, url) in [("prometheus", &prometheus), ("alertmanager", &alertmanager)] {
        space.apply(&relayed(kind, url));
        space.kubectl(&["wait", "--for=condition=Ready", &format!("pod/{kind}"), "--timeout=120s"]);
    }
    for kind in ["prometheus", "alertmanager"] {
        let endpoints = ["get", "endpoints", &format!("{kind}-operated"), "-o", "jsonpath={.subsets[*].addresses[*].ip}"];
        eventually("the Service has its pod", async || (!space.kubectl(&endpoints).is_empty()).then_some(())).await;
    }

    let (metrics, alerts) = both(led_to(&source(&kubeconfig, "readonly", "")).await);
    assert_eq!((metrics.id().as_str(), alerts.id().as_str()), ("prometheus/readonly", "alertmanager/readonly"));
    assert_eq!(metrics.offers().found.as_deref(), Some(&*format!("found in readonly, {}/prometheus-operated", space.name)));
    let watchdog = |fact: &Fact| alert(fact, "Watchdog").map(|_| ());
    until(&metrics, Feed::Alerts, "the watchdog of Prometheus", watchdog).await;
    until(&alerts, Feed::Alerts, "the watchdog of Alertmanager", watchdog).await;
    until(&metrics, Feed::Rules, "its rule", |fact| matches!(fact, Fact::Rule(Change::Upsert(rule)) if rule.name.raw() == "Watchdog").then_some(())).await;
    until(&metrics, Feed::Samples, "the queries", |fact| matches!(fact, Fact::Sample(Change::Done)).then_some(())).await;
    let state = Question::RuleState { alert: Name::new("Watchdog"), labels: Labels::default() };
    assert_eq!(metrics.ask(state).await, Ok(Answer::RuleState { firing: Some(true) }));

    // Who may see Services and not reach through them is told which right is missing.
    space.kubectl(&["create", "rolebinding", "viewer", "--clusterrole=view", "--user=limited"]);
    let may = || std::process::Command::new("kubectl").args(["--context", "limited", "-n", &space.name, "auth", "can-i", "list", "services"]).output();
    eventually("the right to look holds", async || may().ok().filter(|out| out.status.success())).await;
    let (refused, _) = both(led_to(&source(&kubeconfig, "limited", &format!("namespaces = ['{}']", space.name))).await);
    let said = refused.watch(Feed::Rules, None).next().await;
    let right = format!("kubectl auth can-i get services --subresource=proxy -n {} --context limited", space.name);
    assert!(matches!(&said, Some(Err(SourceError::Denied(words))) if words.contains(&right) && words.contains("[[source]]")), "{said:?}");

    space.kubectl(&["delete", "pod", "prometheus", "--wait=true"]);
    let empty = eventually("the Service is empty", async || metrics.watch(Feed::Rules, None).next().await.and_then(Result::err)).await;
    assert!(matches!(&empty, SourceError::Unreachable(_)), "{empty:?}");
    let no_pod = eventually("its emptiness is told", async || {
        metrics.watch(Feed::Rules, None).next().await.and_then(Result::err).filter(|error| error.to_string().contains("has no ready pod"))
    });
    no_pod.await;
}
