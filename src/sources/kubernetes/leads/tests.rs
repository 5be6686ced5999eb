//! Which Services are taken for a Prometheus and an Alertmanager.

use super::*;
use serde_json::json;

/// A Service: `namespace/name`, its labels as `key=value`, its ports as `name:number`.
fn service(place: &str, labels: &[&str], ports: &[&str]) -> Service {
    let (namespace, name) = place.split_once('/').expect("namespace/name");
    let labels: BTreeMap<&str, &str> = labels.iter().map(|label| label.split_once('=').expect("key=value")).collect();
    let port = |port: &&str| {
        let (name, number) = port.split_once(':').expect("name:number");
        json!({ "name": name, "port": number.parse::<u16>().expect("a number") })
    };
    let ports: Vec<_> = ports.iter().map(port).collect();
    serde_json::from_value(json!({ "metadata": { "namespace": namespace, "name": name, "labels": labels }, "spec": { "ports": ports } })).expect("a Service")
}

fn chosen(sort: Sort, services: &[Service]) -> String {
    choose(sort, services).map_or_else(String::new, |place| {
        let scheme = if place.secure { "https:" } else { "" };
        format!("{}/{scheme}{}:{}/{} {}", place.namespace, place.name, place.port, place.under, place.among)
    })
}

#[test]
fn the_usual_installations_are_known_by_their_labels() {
    use Sort::{Alertmanager, Prometheus};
    type Case<'a> = (Sort, &'a str, &'a [&'a str], &'a [&'a str], &'a str);
    let cases: &[Case<'_>] = &[
        (Prometheus, "m/prometheus-operated", &["operated-prometheus=true"], &["web:9090", "grpc:10901"], "m/prometheus-operated:web/ 1"),
        (
            Prometheus,
            "m/kps-prometheus",
            &["app=kube-prometheus-stack-prometheus", "app.kubernetes.io/part-of=kube-prometheus-stack"],
            &["reloader-web:8080", "http-web:9090"],
            "m/kps-prometheus:http-web/ 1",
        ),
        (
            Prometheus,
            "m/prometheus-k8s",
            &["app.kubernetes.io/name=prometheus", "app.kubernetes.io/component=prometheus", "app.kubernetes.io/part-of=kube-prometheus"],
            &["web:9090", "reloader-web:8080"],
            "m/prometheus-k8s:web/ 1",
        ),
        (Prometheus, "m/server", &["app.kubernetes.io/name=prometheus", "app.kubernetes.io/component=server"], &["http:80"], "m/server:http/ 1"),
        (Prometheus, "m/own", &["app=prometheus"], &[":9090"], "m/own:9090/ 1"),
        (Prometheus, "m/safe", &["app=prometheus"], &["https:9090"], "m/https:safe:https/ 1"),
        (Prometheus, "m/vmsingle-x", &["app.kubernetes.io/name=vmsingle", "app.kubernetes.io/component=monitoring"], &["http:8429"], "m/vmsingle-x:http/ 1"),
        (Prometheus, "m/vmselect-x", &["app.kubernetes.io/name=vmselect"], &["http:8481"], "m/vmselect-x:http/select/0/prometheus/ 1"),
        (Alertmanager, "m/alertmanager-operated", &["operated-alertmanager=true"], &["web:9093", "tcp-mesh:9094"], "m/alertmanager-operated:web/ 1"),
        (
            Alertmanager,
            "m/alertmanager-main",
            &["app.kubernetes.io/name=alertmanager", "app.kubernetes.io/component=alert-router", "app.kubernetes.io/part-of=kube-prometheus"],
            &["web:9093"],
            "m/alertmanager-main:web/ 1",
        ),
        (Alertmanager, "m/old", &["app=prometheus", "component=alertmanager"], &["http:80"], "m/old:http/ 1"),
        (Prometheus, "m/old", &["app=prometheus", "component=alertmanager"], &["http:80"], ""),
        (Prometheus, "m/push", &["app=prometheus", "component=pushgateway"], &["http:9091"], ""),
        (Prometheus, "m/sidecar", &["app.kubernetes.io/name=prometheus", "app.kubernetes.io/component=thanos-sidecar"], &["grpc:10901", "http:10902"], ""),
        (Prometheus, "m/mesh", &["app=prometheus"], &["grpc:10901"], ""),
        (Prometheus, "m/grafana", &["app=grafana"], &["http:80"], ""),
        (Alertmanager, "m/prometheus-operated", &["operated-prometheus=true"], &["web:9090"], ""),
    ];
    for (sort, place, labels, ports, expected) in cases {
        assert_eq!(chosen(*sort, &[service(place, labels, ports)]), *expected, "{place} {labels:?}");
    }
}

#[test]
fn of_several_the_best_known_is_taken_whatever_their_order() {
    let plain = service("a/prometheus", &["app=prometheus"], &["web:9090"]);
    let team = service("a-team/prometheus-operated", &["operated-prometheus=true"], &["web:9090"]);
    let operated = service("monitoring/prometheus-operated", &["operated-prometheus=true"], &["http-web:9090"]);
    let stack = service("monitoring/kps-prometheus", &["app=kube-prometheus-stack-prometheus"], &["http-web:9090"]);
    let mut services = vec![plain, team, operated];
    assert_eq!(chosen(Sort::Prometheus, &services), "monitoring/prometheus-operated:http-web/ 3");
    services.reverse();
    assert_eq!(chosen(Sort::Prometheus, &services), "monitoring/prometheus-operated:http-web/ 3");
    services.push(stack);
    assert_eq!(chosen(Sort::Prometheus, &services), "monitoring/kps-prometheus:http-web/ 4");
}

#[test]
fn a_certificate_of_the_platform_means_tls_and_a_name_elsewhere_is_no_server() {
    let mut guarded = service("openshift-monitoring/prometheus-k8s", &["app.kubernetes.io/name=prometheus"], &["web:9091"]);
    guarded.metadata.annotations.insert(SERVING[0].into(), "prometheus-k8s-tls".into());
    assert_eq!(chosen(Sort::Prometheus, &[guarded.clone()]), "openshift-monitoring/https:prometheus-k8s:web/ 1");
    guarded.spec.kind = "ExternalName".into();
    assert_eq!(chosen(Sort::Prometheus, &[guarded]), "");
}

#[test]
fn every_mark_is_asked_for_in_few_requests() {
    assert_eq!(
        selectors(),
        [
            "app in (alertmanager,kube-prometheus-stack-alertmanager,kube-prometheus-stack-prometheus,prometheus)",
            "app.kubernetes.io/name in (alertmanager,prometheus,vmalertmanager,vmselect,vmsingle)",
            "operated-alertmanager in (true)",
            "operated-prometheus in (true)",
        ]
    );
}

#[test]
fn what_is_configured_for_the_context_or_for_none_is_not_looked_for() {
    let wanted = |tables: &[&str]| {
        let sources = tables.iter().map(|table| SourceConfig::from_toml(table).expect("a table")).collect();
        let config = Config { sources, ..Config::default() };
        Wanted::beside(&config, "prod-eu").sorts.iter().map(|sort| sort.kind()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(wanted(&["kind = 'kubernetes'"]), "prometheus alertmanager");
    assert_eq!(wanted(&["kind = 'prometheus'\nurl = 'http://h'"]), "alertmanager");
    assert_eq!(wanted(&["kind = 'prometheus'\nurl = 'http://h'\ncontext = 'prod-eu'"]), "alertmanager");
    assert_eq!(wanted(&["kind = 'prometheus'\nurl = 'http://h'\ncontext = 'staging'"]), "prometheus alertmanager");
    assert_eq!(wanted(&["kind = 'alertmanager'\nurl = 'http://h'\ncontext = 'ops'\nclusters = { eu-1 = 'prod-eu' }"]), "prometheus");
    assert_eq!(wanted(&["kind = 'alertmanager'\nname = 'prod-eu'\nurl = 'http://h'\ncontext = 'ops'"]), "prometheus");
}
