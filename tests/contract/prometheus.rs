//! The Prometheus source against a real server, fed through the push gateway.

use crate::gateway::{ALARM, Pushed, now, server, source, until};
use pilothouse::{
    config::{Config, Service},
    domain::{Answer, Change, Evidence, Fact, Feed, Id, Labels, Metric, Question, Rule, Sample, Window},
    sources::{Source, SourceError},
    text::Name,
};
use std::{collections::BTreeSet, sync::Arc};

fn prometheus(url: &str, config: Config) -> Arc<dyn Source> {
    source(&format!("kind = 'prometheus'\nurl = '{url}'"), config)
}

fn sample(fact: &Fact) -> Option<&Sample> {
    if let Fact::Sample(Change::Upsert(sample)) = fact { Some(sample) } else { None }
}

#[tokio::test]
async fn rules_are_read_with_their_state_and_limit() {
    let Some(url) = server("LAB_PROMETHEUS") else { return };
    let source = prometheus(&url, Config::default());
    let find = |name: &'static str| {
        move |fact: &Fact| if let Fact::Rule(Change::Upsert(rule)) = fact { (rule.name.raw() == name).then(|| rule.clone()) } else { None }
    };
    let watchdog: Rule = until(&source, Feed::Rules, "the watchdog's rule", find("Watchdog")).await;
    assert_eq!((watchdog.state.as_deref(), watchdog.limit), (Ok("firing"), None));
    let cart: Rule = until(&source, Feed::Rules, "cart's rule", find("CartErrorRate")).await;
    assert_eq!(cart.limit, Some(0.05));
    let state = |alert: &str| source.ask(Question::RuleState { alert: Name::new(alert), labels: Labels::default() });
    assert_eq!(state("Watchdog").await, Ok(Answer::RuleState { firing: Some(true) }));
    assert_eq!(state("CertificateExpiresSoon").await, Ok(Answer::RuleState { firing: Some(false) }), "it is pending");
    assert_eq!(state("NoSuchAlert").await, Ok(Answer::RuleState { firing: None }));
}

#[tokio::test]
async fn a_configured_query_is_read_and_one_that_fails_is_named() {
    let (Some(url), Some(gateway)) = (server("LAB_PROMETHEUS"), server("LAB_PUSHGATEWAY")) else { return };
    let _alone = ALARM.lock().await;
    let name = format!("configured-{}", std::process::id());
    let service = |name: &str, query: String| Service { name: Name::new(name), error_rate: Some(query), ..Service::default() };
    let services = vec![service(&name, format!("max_over_time(service_error_ratio{{service=\"{name}\"}}[$window])")), service("broken", "up{".into())];
    let source = prometheus(&url, Config { services, ..Config::default() });
    let pushed = Pushed::new(&gateway, "configured");
    pushed.push(&format!("service_error_ratio{{service=\"{name}\"}} 0.04")).await;
    let found = until(&source, Feed::Samples, "the error rate", |fact| {
        sample(fact).filter(|found| found.labels.get("service").is_some_and(|own| own.raw() == name)).cloned()
    })
    .await;
    assert_eq!((found.metric, found.now(), found.guessed), (Metric::ErrorRate, Some(0.04), None));
    let window = Window { metric: Metric::ErrorRate, service: Name::new(&name), namespace: Name::default(), seconds: 60 };
    assert_eq!(source.ask(Question::Window(window)).await, Ok(Answer::Window { value: Some(0.04), requests: None, guessed: None }));
    assert!(source.offers().lacks.iter().any(|words| words.contains("errors of broken")), "{:?}", source.offers().lacks);
    pushed.take_back().await;
}

/// One line of each family and of its histogram, `n` requests in, a tenth of them failed.
fn families(app: &str, n: u32) -> String {
    let mut lines = Vec::new();
    for (total, failed, service, durations) in [
        (
            "istio_requests_total",
            "response_code",
            "reporter=\"destination\",destination_workload_namespace=\"NS\",destination_workload=\"APP-istio\"",
            "istio_request_duration_milliseconds",
        ),
        ("http_server_request_duration_seconds_count", "http_response_status_code", "namespace=\"NS\",app=\"APP-otel\"", ""),
        ("http_server_duration_milliseconds_count", "http_status_code", "namespace=\"NS\",app=\"APP-oldotel\"", ""),
        ("http_requests_total", "code", "namespace=\"NS\",app=\"APP-http\",version=\"2.8.0\"", "http_request_duration_seconds"),
        ("http_server_requests_seconds_count", "status", "namespace=\"NS\",app=\"APP-spring\"", ""),
        ("grpc_server_handled_total", "grpc_code", "namespace=\"NS\",app=\"APP-grpc\"", "grpc_server_handling_seconds"),
        ("rpc_server_call_duration_seconds_count", "error_type", "namespace=\"NS\",app=\"APP-rpc\"", ""),
        (
            "nginx_ingress_controller_requests",
            "status",
            "exported_namespace=\"NS\",exported_service=\"APP-nginx\"",
            "nginx_ingress_controller_request_duration_seconds",
        ),
        ("traefik_service_requests_total", "code", "namespace=\"NS\",service=\"APP-traefik@docker\"", "traefik_service_request_duration_seconds"),
        ("envoy_cluster_upstream_rq_xx", "envoy_response_code_class", "namespace=\"NS\",envoy_cluster_name=\"APP-envoy\"", "envoy_cluster_upstream_rq_time"),
    ] {
        let (good, bad) = match failed {
            "grpc_code" => ("OK", "Internal"),
            "error_type" => ("", "timeout"),
            "envoy_response_code_class" => ("2", "5"),
            _ => ("200", "503"),
        };
        let service = service.replace("APP", app).replace("NS", &format!("{app}-space"));
        lines.push(format!("# TYPE {total} untyped"));
        lines.push(format!("{total}{{{service},{failed}=\"{good}\"}} {}", n * 9));
        lines.push(format!("{total}{{{service},{failed}=\"{bad}\"}} {n}"));
        if !durations.is_empty() {
            lines.push(format!("# TYPE {durations}_bucket untyped"));
            lines.push(format!("{durations}_bucket{{{service},le=\"0.5\"}} {n}"));
            lines.push(format!("{durations}_bucket{{{service},le=\"+Inf\"}} {n}"));
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn every_known_family_is_found_and_measured_by_its_service() {
    let (Some(url), Some(gateway)) = (server("LAB_PROMETHEUS"), server("LAB_PUSHGATEWAY")) else { return };
    let app = format!("family-{}", std::process::id());
    let pushed = Pushed::new(&gateway, "families");
    let wanted: BTreeSet<String> =
        ["istio", "otel", "oldotel", "http", "spring", "grpc", "rpc", "nginx", "traefik", "envoy"].iter().map(|kind| format!("{app}-{kind}")).collect();
    pushed.push(&families(&app, 0)).await;
    let mut turn = tokio::time::interval(std::time::Duration::from_secs(2));
    // The families are looked up at the first reading and then believed: it must come after the first scrape.
    let mut looks = 0;
    let source = loop {
        turn.tick().await;
        looks += 1;
        assert!(looks < 30, "the first push was never scraped");
        let source = prometheus(&url, Config::default());
        let batch = now(&source, Feed::Samples).await;
        let seen: BTreeSet<&str> =
            batch.facts.iter().filter_map(sample).filter_map(|sample| sample.labels.first(&["app", "service", "workload"])).map(|name| name.raw()).collect();
        if wanted.iter().all(|name| seen.contains(name.as_str())) {
            break source;
        }
    };
    let mut n = 0;
    let mut measured: BTreeSet<String> = BTreeSet::new();
    while measured != wanted {
        turn.tick().await;
        n += 10;
        assert!(n < 300, "not measured: {:?}; {:?}", wanted.difference(&measured), source.offers().lacks);
        pushed.push(&families(&app, n)).await;
        let batch = now(&source, Feed::Samples).await;
        let errors =
            batch.facts.iter().filter_map(sample).filter(|sample| sample.metric == Metric::ErrorRate && (sample.now().unwrap_or(f64::NAN) - 0.1).abs() < 0.02);
        measured = errors
            .filter(|sample| sample.guessed.is_some())
            .filter_map(|sample| sample.labels.first(&["app", "service", "workload"]))
            .map(|name| name.raw().to_owned())
            .collect();
        measured.retain(|name| wanted.contains(name));
        if n == 10 {
            assert!(!source.offers().lacks.iter().any(|words| words.contains("fails") || words.contains("not read:")), "{:?}", source.offers().lacks);
        }
    }
    let window = |metric| Window { metric, service: Name::new(&format!("{app}-http")), namespace: Name::new(&format!("{app}-space")), seconds: 60 };
    let Ok(Answer::Window { value: Some(rate), requests: Some(requests), guessed: Some(_) }) = source.ask(Question::Window(window(Metric::ErrorRate))).await
    else {
        panic!("the window is measured")
    };
    assert!((rate - 0.1).abs() < 0.02 && requests > 10.0, "{rate} of {requests}");
    let Ok(Answer::Window { value: Some(latency), .. }) = source.ask(Question::Window(window(Metric::Latency))).await else {
        panic!("the latency is measured")
    };
    assert!(latency > 0.0 && latency <= 0.5, "{latency}");
    let versions = now(&source, Feed::Samples).await;
    assert!(versions.facts.iter().filter_map(sample).any(|sample| sample.labels.get("version").is_some_and(|name| name.raw() == "2.8.0")));
    pushed.take_back().await;
}

#[tokio::test]
async fn what_kube_state_metrics_told_is_remembered_and_limits_are_read() {
    let (Some(url), Some(gateway)) = (server("LAB_PROMETHEUS"), server("LAB_PUSHGATEWAY")) else { return };
    let space = format!("memory-{}", std::process::id());
    let pushed = Pushed::new(&gateway, "memory");
    let pod = format!("namespace=\"{space}\",pod=\"cart-5c7d-q8w2n\"");
    let lines = [
        format!("kube_replicaset_spec_replicas{{namespace=\"{space}\",replicaset=\"cart-bad\"}} 3"),
        format!("kube_replicaset_status_ready_replicas{{namespace=\"{space}\",replicaset=\"cart-bad\"}} 0"),
        format!("kube_pod_owner{{{pod},owner_kind=\"ReplicaSet\",owner_name=\"cart-5c7d\"}} 1"),
        format!("kube_pod_container_resource_limits{{{pod},container=\"app\",resource=\"memory\"}} 100"),
        format!("container_memory_working_set_bytes{{{pod},container=\"app\"}} 90"),
        format!("container_memory_working_set_bytes{{{pod},container=\"\"}} 95"),
    ];
    pushed.push(&lines.join("\n")).await;
    // A source believes for minutes what it found at its connection: each look is by a new one, until the metrics were scraped.
    let mut turn = tokio::time::interval(std::time::Duration::from_millis(500));
    let (source, memory) = loop {
        turn.tick().await;
        let source = prometheus(&url, Config::default());
        let batch = now(&source, Feed::Samples).await;
        let own = batch
            .facts
            .iter()
            .filter_map(sample)
            .find(|sample| sample.metric == Metric::Memory && sample.labels.get("namespace").is_some_and(|name| name.raw() == space));
        if let Some(found) = own {
            break (source, found.clone());
        }
    };
    assert_eq!((memory.now(), memory.labels.get("workload").map(|name| name.raw().to_owned())), (Some(0.9), Some("cart".into())));
    let question = |names: &[&str]| Question::Memory {
        workload: Id::restore("kubernetes/lab#x"),
        namespace: Name::new(&space),
        names: names.iter().map(|name| Name::new(name)).collect(),
        since: jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1),
    };
    let Ok(Answer::Memory(evidence)) = source.ask(question(&["cart-bad", "cart-unknown"])).await else { panic!("it remembers") };
    assert!(matches!(&evidence[..], [(name, Evidence::NeverAvailable { .. })] if name.raw() == "cart-bad"), "{evidence:?}");
    pushed.take_back().await;
}

#[tokio::test]
async fn nobody_at_the_address_is_told() {
    let Some(_) = server("LAB_PROMETHEUS") else { return };
    let gone = prometheus("http://127.0.0.1:1", Config::default());
    assert!(!gone.probe().await);
    let said = futures::StreamExt::next(&mut gone.watch(Feed::Samples, None)).await;
    assert!(matches!(said, Some(Err(SourceError::Unreachable(words))) if words.contains("refuses the connection")));
}
