//! Written answers of several versions and look-alikes, and a server that tells what it is asked.

use super::*;
use crate::{
    domain::{Alert, AlertState, Change, Evidence, Fact, Id, Labels, Metric, Rule, Sample, Window},
    sources::http::{
        Url, openapi,
        stage::{Act, Stage},
    },
    text::Name,
};
use jiff::Timestamp;
use std::sync::Mutex;

macro_rules! written {
    ($path:literal) => {
        include_str!(concat!("../../../tests/fixtures/prometheus/", $path))
    };
}

const EMPTY: &str = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}";
const FAMILY: &[&str] = &["http_requests_total", "http_request_duration_seconds_bucket"];
const LABELS: &[&str] = &["__name__", "code", "namespace", "app", "version"];

fn groups(text: &str) -> wire::Groups {
    serde_json::from_str::<wire::Envelope<wire::Groups>>(text).unwrap().data.unwrap()
}

fn lines(text: &str) -> Vec<api::Line> {
    api::lines(&serde_json::from_str::<wire::Envelope<wire::Result>>(text).unwrap().data.unwrap()).unwrap()
}

fn quiet() -> Prometheus {
    at("http://127.0.0.1:9", &[], Contexts::default())
}

fn at(url: &str, services: &[Service], contexts: Contexts) -> Prometheus {
    let http = Http::new(Settings { url: url.to_owned(), ..Settings::default() }).unwrap();
    Prometheus::new(SourceId::new("prometheus"), Arc::new(http), contexts, services)
}

fn cart_service(error_rate: &str) -> Service {
    Service { name: Name::new("cart"), error_rate: Some(error_rate.to_owned()), ..Service::default() }
}

/// What a server is asked: the path and the parameter that matters.
fn asked(request: &str) -> (String, String) {
    let url = Url::parse("http://h").unwrap().join(request.split(' ').nth(1).unwrap_or_default()).unwrap();
    let parameter = url.query_pairs().find(|(key, _)| key == "query" || key == "match[]").map(|(_, value)| value.into_owned());
    (url.path().to_owned(), parameter.unwrap_or_default())
}

fn list(items: &[&str]) -> Act {
    Act::json(&serde_json::json!({"status": "success", "data": items}).to_string())
}

/// A server with these families and labels, whose queries `answer` answers.
async fn server(names: &'static [&'static str], labels: &'static [&'static str], mut answer: impl FnMut(&str, &str) -> Act + Send + 'static) -> Stage {
    Stage::with(move |request| match asked(request) {
        (path, _) if path == "/api/v1/label/__name__/values" => list(names),
        (path, _) if path == "/api/v1/labels" => list(labels),
        (path, _) if path == "/api/v1/status/config" => {
            Act::json("{\"status\":\"success\",\"data\":{\"yaml\":\"global:\\n  external_labels:\\n    cluster: prod-eu\\n\"}}")
        }
        (path, query) => answer(&path, &query),
    })
    .await
}

async fn first(source: &Prometheus, feed: Feed) -> Result<Batch, SourceError> {
    source.watch(feed, None).next().await.expect("it says something")
}

fn samples(batch: &Batch) -> Vec<Sample> {
    batch.facts.iter().filter_map(|fact| if let Fact::Sample(Change::Upsert(sample)) = fact { Some(sample.clone()) } else { None }).collect()
}

fn named<'a>(rules: &'a [Rule], name: &str) -> Vec<&'a Rule> {
    rules.iter().filter(|rule| rule.name.raw() == name).collect()
}

fn prod() -> wire::Pairs {
    [("cluster".to_owned(), "prod-eu".to_owned())].into()
}

#[test]
fn rules_are_told_with_their_limit_and_the_error_that_stops_them() {
    for text in [written!("2.42.0/rules.json"), written!("3.14.0/rules.json")] {
        let rules = quiet().rules(&groups(text));
        let cart = named(&rules, "CartErrorRate")[0];
        assert_eq!((cart.limit, cart.holds, cart.state.as_deref()), (Some(0.05), 120.0, Ok("firing")));
        assert_eq!(cart.labels.get("severity").unwrap().raw(), "critical");
        assert!(named(&rules, "Broken")[0].state.as_ref().unwrap_err().contains("duplicate series"));
        assert!(named(&rules, "service_error_ratio").is_empty(), "it records and never fires");
        let twins: std::collections::BTreeSet<&str> = named(&rules, "Twin").iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(twins.len(), 3, "in one group, and in another file");
    }
    assert_eq!(quiet().rules(&groups(written!("victoriametrics-1.79.5/rules.json"))).len(), 1);
}

#[test]
fn the_limit_is_the_number_of_the_last_comparison_that_means_more() {
    let cases: &[(&str, Option<f64>)] = &[
        ("a > 0.05", Some(0.05)),
        ("sum(rate(a{code=~\"5..\"}[5m])) / sum(rate(a[5m])) >= 5e-2", Some(0.05)),
        ("a>bool 3", Some(3.0)),
        ("(a > 0.05) and b > 10", Some(10.0)),
        ("a > 0.05 and on (job) b", Some(0.05)),
        ("a > 1\n# not > 7", Some(1.0)),
        ("a{x=\"> 9\"} > .5", Some(0.5)),
        ("a > -1", Some(-1.0)),
        ("a < 10", None),
        ("a == 0", None),
        ("a > 5 * 60", None),
        ("a > 0.8 unless b < 2", None),
        ("a > b", None),
        ("vector(1)", None),
        ("a{x=\"> 9\"}", None),
        ("", None),
    ];
    for (expression, expected) in cases {
        assert_eq!(rules::limit(expression), *expected, "{expression}");
    }
}

#[test]
fn an_alert_has_the_identity_by_which_an_alertmanager_knows_it() {
    let known: serde_json::Value = serde_json::from_str(include_str!("../../../tests/fixtures/alertmanager/0.25.0/alerts.json")).unwrap();
    let fingerprint =
        |name: &str| known.as_array().unwrap().iter().find(|alert| alert["labels"]["alertname"] == name).unwrap()["fingerprint"].as_str().unwrap().to_owned();
    let alerts = quiet().alerts(&groups(written!("2.42.0/rules.json")), &prod());
    let find = |name: &str| alerts.iter().find(|alert| alert.name.raw() == name).unwrap();
    for name in ["CartErrorRate", "Watchdog"] {
        assert_eq!(find(name).id.key(), fingerprint(name), "{name}, with the label that is put on outside");
    }
    let cart: &Alert = find("CartErrorRate");
    assert_eq!((cart.value, &cart.state, cart.expression.as_deref()), (Some(0.174), &AlertState::Firing, Some("service_error_ratio{service=\"cart\"} > 0.05")));
    assert!(cart.summary.starts_with("cart answers 17.4%") && cart.runbook.is_some());
    assert_eq!(find("CertificateExpires").state, AlertState::Pending);
    assert_eq!(alerts.len(), 3);
    assert_eq!(quiet().alerts(&groups(written!("victoriametrics-1.79.5/rules.json")), &wire::Pairs::new())[0].value, Some(0.174));
}

#[test]
fn values_that_are_no_numbers_stay_what_they_are_and_gaps_stay_gaps() {
    let vector = lines(written!("2.42.0/vector.json"));
    assert_eq!(vector[0].points, [(Timestamp::from_millisecond(1_785_553_325_500).unwrap(), 0.174)]);
    assert!(vector[1].points[0].1.is_nan() && vector[2].points[0].1.is_infinite());
    assert_eq!(lines(written!("2.42.0/matrix.json"))[0].points.len(), 2);
    assert_eq!(lines(written!("2.42.0/scalar.json"))[0].points[0].1, 3.0);
    assert_eq!(lines(written!("3.14.0/histogram.json")).len(), 1, "a native histogram is no value");
}

#[test]
fn the_written_answers_are_as_the_system_describes_them() {
    let spec = "prometheus/openapi-3.1-prometheus-3.14.0.yaml";
    let cases = [
        ("/rules", written!("3.14.0/rules.json")),
        ("/query", written!("3.14.0/histogram.json")),
        ("/query", written!("2.42.0/vector.json")),
        ("/query", written!("2.42.0/scalar.json")),
        ("/query_range", written!("2.42.0/matrix.json")),
    ];
    for (path, answer) in cases {
        let faults = openapi::faults(spec, path, &serde_json::from_str(answer).unwrap());
        assert_eq!(faults.unwrap_or_default(), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_configuration_that_can_not_work_is_told() {
    let told = |config: &str| match made(&SourceConfig::from_toml(config).unwrap(), &[]) {
        Made::Broken(id, why) => format!("{id}: {}", why.words),
        Made::Source(source) => source.id().to_string(),
        Made::Aside(_) | Made::Listed(..) | Made::Sought(_) | Made::Absent(..) => unreachable!("it is configured"),
    };
    assert_eq!(
        told("kind = \"prometheus\"\nname = \"eu\"\nurl = \"https://p/prometheus\"\nheaders = { X-Scope-OrgID = \"a\" }\nclusters = { eu-1 = \"prod\" }"),
        "prometheus/eu"
    );
    assert!(told("kind = \"prometheus\"").contains("url"));
    assert!(told("kind = \"prometheus\"\nurl = \"p\"").contains("not the URL"));
    assert!(told("kind = \"prometheus\"\nurl = \"https://p\"\ninterval = 3").contains("interval"));
}

#[tokio::test]
async fn errors_are_told_by_the_family_that_is_there_with_the_past_and_now() {
    let stage = server(FAMILY, LABELS, |path, query| match path {
        "/api/v1/query_range" if query.contains("code=~") && !query.contains("version") => Act::json(written!("2.42.0/matrix.json")),
        "/api/v1/query" if query.contains("code=~") && !query.contains("version") => Act::json(written!("2.42.0/vector.json")),
        _ => Act::json(EMPTY),
    })
    .await;
    let source = at(&stage.url(), &[], Contexts { only: Some("prod".into()), ..Contexts::default() });
    let batch = first(&source, Feed::Samples).await.unwrap();
    let found = samples(&batch);
    assert_eq!(found.len(), 3);
    let cart = found.iter().find(|sample| sample.labels.get("app").unwrap().raw() == "cart").unwrap();
    assert_eq!(cart.guessed.as_deref(), Some("http_requests_total"));
    assert_eq!(
        cart.points.iter().map(|(at, value)| (at.as_second(), *value)).collect::<Vec<_>>(),
        [(1_785_553_020, 0.0), (1_785_553_200, 0.01), (1_785_553_325, 0.174)]
    );
    assert_eq!((cart.metric, cart.labels.get("namespace").unwrap().raw(), cart.labels.get("context").unwrap().raw()), (Metric::ErrorRate, "shop", "prod"));
    assert!(found.iter().all(|sample| sample.labels.get("app").unwrap().raw() != "gone"), "what has no value now has none");
    let ranges = |stage: &Stage| stage.asked().iter().filter(|request| request.contains("query_range")).count();
    let before = ranges(&stage);
    first(&source, Feed::Samples).await.unwrap();
    assert_eq!(ranges(&stage), before, "the past is asked once in a step");
    let range = stage.asked().into_iter().find(|request| request.contains("query_range")).unwrap();
    assert!(range.contains("start=1785551580&end=1785553200&step=180"), "{range}");
    let queries: Vec<String> = stage.asked().iter().map(|request| asked(request).1).collect();
    assert!(queries.iter().any(|query| query.contains("by (namespace, app, version)")), "versions apart");
    assert!(queries.iter().any(|query| query.contains("histogram_quantile")) && stage.asked().iter().all(|request| request.starts_with("GET ")));
}

#[tokio::test]
async fn a_configured_query_is_not_guessed_and_comes_before_a_guess() {
    let stage = server(FAMILY, LABELS, |_, query| match query {
        "own[5m]" => Act::json("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"job\":\"x\",\"namespace\":\"shop\"},\"value\":[1785553325,\"0.5\"]}]}}"),
        query if query.contains("code=~") && !query.contains("version") => Act::json(written!("2.42.0/vector.json")),
        _ => Act::json(EMPTY),
    })
    .await;
    let source = at(&stage.url(), &[cart_service("own[$window]")], Contexts::default());
    let found = samples(&first(&source, Feed::Samples).await.unwrap());
    let cart: Vec<&Sample> = found.iter().filter(|sample| sample.labels.first(&["service", "app"]).unwrap().raw() == "cart").collect();
    assert_eq!(cart.len(), 1);
    assert_eq!((cart[0].guessed.as_ref(), cart[0].now(), cart[0].labels.get("namespace").unwrap().raw()), (None, Some(0.5), "shop"));
    assert!(cart[0].labels.get("job").is_none(), "its own name for the service would stand in the way");
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn a_query_that_fails_is_told_and_stops_no_other() {
    let stage = server(FAMILY, LABELS, |_, query| match query {
        "own{" => Act::answer("400 Bad Request", &[("Content-Type", "application/json")], written!("2.42.0/error.json")),
        "vm{" => Act::answer("422 Unprocessable Entity", &[("Content-Type", "application/json")], written!("victoriametrics-1.79.5/error.json")),
        query if query.contains("code=~") => Act::json(written!("2.42.0/vector.json")),
        _ => Act::json(EMPTY),
    })
    .await;
    let services = [cart_service("own{"), Service { latency: Some("vm{".into()), name: Name::new("search"), ..Service::default() }];
    let source = at(&stage.url(), &services, Contexts::default());
    assert!(!samples(&first(&source, Feed::Samples).await.unwrap()).is_empty());
    let lacks = source.offers().lacks;
    assert!(lacks.iter().any(|words| words.contains("errors of cart") && words.contains("unclosed left brace")), "{lacks:?}");
    assert!(lacks.iter().any(|words| words.contains("latency of search") && words.contains("unexpected token")), "{lacks:?}");
}

#[tokio::test]
async fn a_server_without_known_metrics_says_what_is_missing_and_is_still_asked() {
    let stage = server(&[], &[], |_, _| Act::json(EMPTY)).await;
    let source = at(&stage.url(), &[], Contexts::default());
    assert!(samples(&first(&source, Feed::Samples).await.unwrap()).is_empty());
    assert!(asked(stage.asked().last().unwrap()).1 == "vector(1)");
    let lacks = source.offers().lacks;
    assert!(lacks[0].contains("error rates need [[service]] error_rate") && lacks[1].contains("no kube-state-metrics"), "{lacks:?}");
    let configured = at(&stage.url(), &[cart_service("x")], Contexts::default());
    first(&configured, Feed::Samples).await.unwrap();
    assert!(!configured.offers().lacks.iter().any(|words| words.contains("[[service]]")));
}

#[tokio::test]
async fn the_parts_of_limits_are_read_by_workload_where_they_can_be_joined() {
    const NAMES: &[&str] = &["container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "kube_pod_container_resource_limits", "kube_pod_owner"];
    let answer = |_: &str, query: &str| match query.contains("resource=\"memory\"") {
        true => Act::json(
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"namespace\":\"shop\",\"workload\":\"cart\"},\"value\":[1785553325,\"0.9\"]}]}}",
        ),
        false => Act::json(EMPTY),
    };
    let stage = server(NAMES, &["namespace", "pod", "owner_kind", "owner_name"], answer).await;
    let found = samples(&first(&at(&stage.url(), &[], Contexts::default()), Feed::Samples).await.unwrap());
    assert_eq!((found.len(), found[0].metric, found[0].now()), (1, Metric::Memory, Some(0.9)));
    assert_eq!(found[0].labels.get("workload").unwrap().raw(), "cart");
    let exported = server(NAMES, &["exported_pod", "pod"], answer).await;
    let source = at(&exported.url(), &[], Contexts::default());
    assert!(samples(&first(&source, Feed::Samples).await.unwrap()).is_empty());
    assert!(source.offers().lacks.iter().any(|words| words.contains("honor_labels")));
}

#[tokio::test]
async fn partial_answers_and_missing_rules_are_said() {
    let partial = "{\"status\":\"success\",\"data\":{\"groups\":null},\"warnings\":[\"store eu-2 is not reached\"]}";
    let stage = server(&[], &[], move |_, _| Act::json(partial)).await;
    let source = at(&stage.url(), &[], Contexts::default());
    let batch = first(&source, Feed::Rules).await.unwrap();
    assert_eq!(batch.facts.len(), 2);
    let offers = source.offers();
    assert!(offers.warnings[0].contains("store eu-2"), "{offers:?}");
    assert!(offers.lacks.iter().any(|words| words.contains("nothing can fire")), "{offers:?}");
}

#[tokio::test]
async fn rules_and_alerts_are_read_without_the_path_that_configures_mimir() {
    let stage = server(&[], &[], |_, _| Act::json(written!("2.42.0/rules.json"))).await;
    let source = at(&stage.url(), &[], Contexts::default());
    assert_eq!(first(&source, Feed::Rules).await.unwrap().facts.len(), 9);
    let alerts = first(&source, Feed::Alerts).await.unwrap();
    assert_eq!(alerts.facts.len(), 5);
    assert!(alerts.facts.iter().any(|fact| matches!(fact, Fact::Alert(Change::Upsert(alert)) if alert.labels.get("cluster").is_some())));
    assert!(stage.asked().iter().all(|request| request.starts_with("GET ") && !request.contains("/api/v1/alerts")));
}

#[tokio::test]
async fn a_window_is_answered_with_its_requests() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let one = |value: &str| {
        Act::json(&format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{{\"metric\":{{}},\"value\":[1785553325,\"{value}\"]}}]}}}}"
        ))
    };
    let stage = server(FAMILY, LABELS, move |_, query| {
        noted.lock().unwrap().push(query.to_owned());
        match query {
            query if query.contains("(quiet)") => {
                if query.contains("increase") {
                    one("0")
                } else {
                    one("NaN")
                }
            }
            query if query.contains("(nobody)") => Act::json(EMPTY),
            query if query.contains("increase") => one("612"),
            "own[60s]" => one("0.4"),
            _ => one("0.174"),
        }
    })
    .await;
    let source = at(&stage.url(), &[Service { name: Name::new("own"), error_rate: Some("own[$window]".into()), ..Service::default() }], Contexts::default());
    let ask = async |service: &str| {
        let window = Window { metric: Metric::ErrorRate, service: Name::new(service), namespace: Name::new("shop"), seconds: 60 };
        source.ask(Question::Window(window)).await.unwrap()
    };
    let family = Some(Clean::from_static("http_requests_total"));
    assert_eq!(ask("cart").await, Answer::Window { value: Some(0.174), requests: Some(612.0), guessed: family.clone() });
    assert!(matches!(ask("quiet").await, Answer::Window { value: Some(value), requests: Some(0.0), .. } if value.is_nan()));
    assert_eq!(ask("nobody").await, Answer::Window { value: None, requests: None, guessed: family });
    assert_eq!(ask("own").await, Answer::Window { value: Some(0.4), requests: None, guessed: None });
    assert!(seen.lock().unwrap().iter().any(|query| query.contains("namespace=\"shop\"") && query.contains("[60s]") && query.contains("(cart)")));
    let disk = Window { metric: Metric::Disk, service: Name::new("cart"), namespace: Name::default(), seconds: 60 };
    assert!(matches!(source.ask(Question::Window(disk)).await, Err(SourceError::Unsupported(_))));
}

#[tokio::test]
async fn an_alert_is_judged_by_its_rule() {
    let stage = server(&[], &[], |_, _| Act::json(written!("2.42.0/rules.json"))).await;
    let source = at(&stage.url(), &[], Contexts::default());
    let ask = async |alert: &str, labels: &[(&str, &str)]| match source
        .ask(Question::RuleState { alert: Name::new(alert), labels: Labels::new(labels.iter().copied()) })
        .await
        .unwrap()
    {
        Answer::RuleState { firing } => firing,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask("CartErrorRate", &[("service", "cart"), ("cluster", "prod-eu"), ("context", "prod")]).await, Some(true));
    assert_eq!(ask("CartErrorRate", &[("service", "search")]).await, Some(false));
    assert_eq!(ask("CartErrorRate", &[("cluster", "prod-us")]).await, Some(false));
    assert_eq!(ask("CertificateExpires", &[]).await, Some(false), "it is pending");
    assert_eq!(ask("Broken", &[]).await, None, "a rule that fails tells nothing");
    assert_eq!(ask("NoSuchAlert", &[]).await, None);
}

#[tokio::test]
async fn what_was_ready_before_is_remembered() {
    let sets = |pairs: &[(&str, &str)]| {
        let result: Vec<_> = pairs.iter().map(|(set, value)| serde_json::json!({"metric": {"replicaset": set}, "value": [1_785_553_325, value]})).collect();
        Act::json(&serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string())
    };
    let stage = server(&["kube_replicaset_status_ready_replicas", "kube_replicaset_spec_replicas"], &[], move |_, query| match query {
        query if query.starts_with("count_over_time") => sets(&[("cart-good", "600"), ("cart-brief", "1")]),
        query if query.contains("status_ready") => sets(&[("cart-good", "3"), ("cart-brief", "3"), ("cart-bad", "0")]),
        _ => sets(&[("cart-good", "3"), ("cart-brief", "3"), ("cart-bad", "3")]),
    })
    .await;
    let source = at(&stage.url(), &[], Contexts::default());
    let names = ["cart-good", "cart-brief", "cart-bad", "cart-unknown"].map(Name::new).to_vec();
    let since = Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let question = Question::Memory { workload: Id::restore("kubernetes/a#x"), namespace: Name::new("shop"), names, since };
    let Answer::Memory(evidence) = source.ask(question).await.unwrap() else { panic!("another answer") };
    assert_eq!(evidence.len(), 2, "{evidence:?}");
    assert!(matches!(&evidence[0].1, Evidence::Measured { what, .. } if what.starts_with("3 of 3 ready for 14 h")), "{evidence:?}");
    assert!(evidence[1].0.raw() == "cart-bad" && matches!(&evidence[1].1, Evidence::NeverAvailable { .. }));
}

#[tokio::test]
async fn a_server_that_fails_is_told_as_what_it_is() {
    use Trouble::*;
    let cases = [
        (Act::answer("503 Service Unavailable", &[("Content-Type", "text/plain")], "Service Unavailable"), Unreachable, "Service Unavailable"),
        (Act::answer("404 Not Found", &[("Content-Type", "text/plain")], "404 page not found"), NotFound, "prefix"),
        (Act::answer("200 OK", &[("Content-Type", "text/html")], "<html>"), Protocol, "web page"),
        (Act::json("{\"status\":\"error\",\"errorType\":\"x\",\"error\":\"token=abcdef is bad\"}"), Protocol, "token=••• is bad"),
        (Act::answer("429 Too Many Requests", &[("Retry-After", "3")], "err-mimir-too-many"), RateLimited, "err-mimir"),
    ];
    for (act, trouble, words) in cases {
        let stage = Stage::of([act]).await;
        for feed in [Feed::Samples, Feed::Rules, Feed::Alerts] {
            let why = first(&at(&stage.url(), &[], Contexts::default()), feed).await.expect_err("it fails").why();
            assert!(why.trouble == trouble && why.words.contains(words), "{why:?}");
        }
    }
    assert!(matches!(first(&quiet(), Feed::Runs).await, Err(SourceError::Unsupported(_))));
}
