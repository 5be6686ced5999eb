//! Written answers of several versions, and peers that fail.

use super::*;
use crate::{
    domain::{AlertState, Change, Fact, Severity},
    sources::http::{
        openapi,
        stage::{Act, Stage},
    },
};

macro_rules! written {
    ($path:literal) => {
        include_str!(concat!("../../../tests/fixtures/alertmanager/", $path))
    };
}

const OLD: (&str, &str) = (written!("0.25.0/alerts.json"), written!("0.25.0/silences.json"));
const NEW: (&str, &str) = (written!("0.34.0/alerts.json"), written!("0.34.0/silences.json"));

fn rows((alerts, silences): (&str, &str), context: Option<&str>) -> Vec<crate::domain::Alert> {
    let contexts = Contexts { only: context.map(String::from), ..Contexts::default() };
    let silences: Vec<wire::Silence> = serde_json::from_str(silences).unwrap();
    wire::alerts(&SourceId::new("alertmanager"), &contexts, serde_json::from_str(alerts).unwrap(), &silences)
}

fn named(rows: &[crate::domain::Alert], name: &str) -> crate::domain::Alert {
    rows.iter().find(|alert| alert.name.raw() == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

fn source(config: &str) -> Result<Arc<dyn Source>, String> {
    match made(&SourceConfig::from_toml(config).unwrap()) {
        Made::Source(source) => Ok(source),
        Made::Broken(_, why) => Err(why.words.to_string()),
        Made::Aside(_) | Made::Listed(..) | Made::Sought(_) | Made::Absent(..) => unreachable!("it is configured"),
    }
}

fn server(alerts: &'static str, silences: &'static str) -> impl FnMut(&str) -> Act + Send + 'static {
    move |request| match request.split(' ').nth(1) {
        Some("/api/v2/alerts") => Act::json(alerts),
        Some("/api/v2/silences") => Act::json(silences),
        Some("/-/healthy") => Act::answer("200 OK", &[], "OK"),
        _ => Act::answer("404 Not Found", &[], "404 page not found"),
    }
}

async fn first(source: &Arc<dyn Source>) -> Result<Batch, SourceError> {
    source.watch(Feed::Alerts, None).next().await.expect("it says something")
}

fn names(batch: &Batch) -> Vec<String> {
    batch.facts.iter().filter_map(|fact| if let Fact::Alert(Change::Upsert(alert)) = fact { Some(alert.name.to_string()) } else { None }).collect()
}

#[test]
fn an_alert_is_told_with_what_it_says_of_itself() {
    let alert = named(&rows(OLD, None), "CartErrorRate");
    assert_eq!((alert.severity, &alert.state), (Severity::Critical, &AlertState::Firing));
    assert_eq!(alert.since, Some("2026-08-01T02:41:07.175Z".parse().unwrap()));
    assert_eq!(alert.value, Some(0.174));
    assert_eq!(alert.expression.as_deref(), Some("sum by (service) (rate(http_requests_total{code=~\"5..\"}[5m])) > 0.05"));
    assert_eq!(alert.runbook.as_deref(), Some("https://runbooks.example/cart-error-rate"));
    assert!(alert.summary.starts_with("cart answers 17.4%"));
    assert_eq!(alert.labels.get("service").unwrap().raw(), "cart");
    assert_eq!(alert.id.key().len(), 16, "its fingerprint, by which reports of several sources are merged");
}

#[test]
fn what_keeps_an_alert_quiet_is_named() {
    let old = rows(OLD, None);
    let until = Some("2026-08-02T08:00:00Z".parse().unwrap());
    assert_eq!(named(&old, "DiskFillsUp").state, AlertState::Silenced { by: "mara: moved to the larger volume tomorrow".into(), until });
    assert_eq!(named(&old, "CartLatencyHigh").state, AlertState::Inhibited { by: "CartErrorRate".into() });
    assert_eq!(named(&old, "Watchdog").state, AlertState::Firing);
    let new = rows(NEW, None);
    assert_eq!(named(&new, "DiskFillsUp").state, AlertState::Silenced { by: "the time interval nights, weekends".into(), until: None });
    assert_eq!(named(&new, "Odd").state, AlertState::Silenced { by: "a rule of its route".into(), until: None });
    assert_eq!(named(&new, "Odd2").state, AlertState::Silenced { by: "a silence that can not be read".into(), until: None });
    assert_eq!(named(&new, "Odd3").state, AlertState::Inhibited { by: "alert 0123456789abcdef".into() });
}

#[test]
fn what_others_write_is_harmless() {
    let new = rows(NEW, None);
    let evil = new.iter().find(|alert| alert.name.raw().contains("Evil")).unwrap();
    for text in [evil.name.clean().as_str(), &evil.summary] {
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text}");
    }
    assert!(named(&new, "CartErrorRate").summary.contains("cart fails"));
}

#[test]
fn a_configured_context_is_told_where_no_cluster_is() {
    let rows = rows(NEW, Some("prod-eu"));
    assert_eq!(named(&rows, "Odd").labels.get("context").unwrap().raw(), "prod-eu");
    assert!(named(&rows, "CartErrorRate").labels.get("context").is_none(), "it has a cluster of its own");
}

#[test]
fn the_written_answers_are_as_the_system_describes_them() {
    let cases = [("alertmanager/openapi-v2-0.24.0.yaml", OLD), ("alertmanager/openapi-v2-0.34.0.yaml", NEW)];
    for (spec, (alerts, silences)) in cases {
        for (path, answer) in [("/alerts", alerts), ("/silences", silences)] {
            let faults = openapi::faults(spec, path, &serde_json::from_str(answer).unwrap());
            assert_eq!(faults.unwrap_or_default(), Vec::<String>::new(), "{spec} {path}");
        }
    }
}

#[test]
fn a_configuration_that_can_not_work_is_told() {
    assert!(source("kind = \"alertmanager\"\nurl = \"https://am.example/alertmanager\"").is_ok());
    for (config, words) in [
        ("kind = \"alertmanager\"", "no url"),
        ("kind = \"alertmanager\"\nurl = \"am:9093\"", "not the URL"),
        ("kind = \"alertmanager\"\nurll = \"https://am\"", "urll"),
        ("kind = \"alertmanager\"\nurl = \"http://am\"\ntoken_env = \"T\"", "in the clear"),
        ("kind = \"alertmanager\"\nurl = \"https://am\"\ncert_file = \"/x\"", "key_file"),
    ] {
        let error = source(config).err().unwrap_or_else(|| panic!("{config}"));
        assert!(error.contains(words), "{config}: {error}");
    }
    let named = made(&SourceConfig::from_toml("kind = \"alertmanager\"\nname = \"eu\"\nurl = \"https://am\"").unwrap());
    assert!(matches!(named, Made::Source(source) if source.id().as_str() == "alertmanager/eu"));
}

#[tokio::test]
async fn silences_are_read_only_where_one_explains_something() {
    let quiet = "[{\"fingerprint\":\"f\",\"status\":{\"state\":\"active\"},\"labels\":{\"alertname\":\"A\"}}]";
    let stage = Stage::with(server(quiet, "[]")).await;
    let alone = source(&format!("kind = \"alertmanager\"\nurl = \"{}\"", stage.url())).unwrap();
    let batch = first(&alone).await.unwrap();
    assert_eq!(names(&batch), ["A"]);
    assert!(matches!((batch.facts.first(), batch.facts.last()), (Some(Fact::Alert(Change::Begin)), Some(Fact::Alert(Change::Done)))));
    assert_eq!(stage.asked().len(), 1);
    let stage = Stage::with(server(OLD.0, OLD.1)).await;
    let alone = source(&format!("kind = \"alertmanager\"\nurl = \"{}\"", stage.url())).unwrap();
    assert_eq!(names(&first(&alone).await.unwrap()).len(), 4);
    assert_eq!(stage.asked().len(), 2);
}

#[tokio::test]
async fn one_peer_is_enough_and_the_other_is_named() {
    let (bad, good) = (Stage::of([Act::answer("500 Internal Server Error", &[], "\"broken\"")]).await, Stage::with(server(OLD.0, OLD.1)).await);
    for urls in [[bad.url(), good.url()], [good.url(), bad.url()]] {
        let both = source(&format!("kind = \"alertmanager\"\nurls = {urls:?}")).unwrap();
        assert!(both.offers().lacks.is_empty() && both.offers().members.iter().all(|member| member.down.is_none()));
        for _ in 0..2 {
            assert_eq!(names(&first(&both).await.unwrap()).len(), 4);
            let lacks = both.offers().lacks;
            assert!(lacks.len() == 1 && lacks[0].contains(&bad.address.to_string()) && lacks[0].contains("broken"), "{lacks:?}");
            let members = both.offers().members;
            let down: Vec<_> = members.iter().filter_map(|member| member.down.as_ref().map(|down| (&member.name, down))).collect();
            assert!(members.len() == 2 && down.len() == 1, "one of two is counted as down: {members:?}");
            assert!(down[0].0.contains(&bad.address.to_string()) && down[0].1.next > down[0].1.since, "{down:?}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_well_again_is_no_longer_named() {
    let mut turn = 0;
    let back = Stage::with(move |_| {
        turn += 1;
        if turn == 1 { Act::Reset(Vec::new()) } else { Act::answer("200 OK", &[], "OK") }
    })
    .await;
    let good = Stage::with(server("[]", "[]")).await;
    let both = source(&format!("kind = \"alertmanager\"\nurls = {:?}", [back.url(), good.url()])).unwrap();
    first(&both).await.unwrap();
    assert_eq!(both.offers().lacks.len(), 1);
    first(&both).await.unwrap();
    assert_eq!(both.offers().lacks.len(), 0, "{:?}", both.offers().lacks);
    assert!(both.offers().verbs.is_empty() && both.probe().await);
}

#[tokio::test]
async fn when_no_peer_answers_all_are_named() {
    let gone = [Stage::of([Act::json("[]")]).await.url(), Stage::of([Act::json("[]")]).await.url()];
    let both = source(&format!("kind = \"alertmanager\"\nurls = {gone:?}")).unwrap();
    let Err(SourceError::Unreachable(words)) = first(&both).await else { panic!("nobody is there") };
    assert_eq!(words.matches("refuses the connection").count(), 2, "{words}");
    assert!(!both.probe().await);
}

#[tokio::test]
async fn trouble_is_told_as_what_it_is() {
    use Trouble::*;
    let cases = [
        (Act::answer("503 Service Unavailable", &[], "Limit of concurrent GET requests reached (8), try again later."), RateLimited, "concurrent"),
        (Act::answer("410 Gone", &[("Content-Type", "application/json")], "{\"status\":\"deprecated\",\"error\":\"use v2\"}"), NotFound, "use v2"),
        (Act::answer("400 Bad Request", &[("Content-Type", "application/json")], "\"bad matcher\""), Protocol, "bad matcher"),
        (Act::answer("200 OK", &[("Content-Type", "text/html")], "<!DOCTYPE html>"), Protocol, "web page"),
        (Act::json("{\"status\":\"success\"}"), Protocol, "can not be read"),
    ];
    for (act, trouble, words) in cases {
        let stage = Stage::of([act]).await;
        let source = source(&format!("kind = \"alertmanager\"\nurl = \"{}\"", stage.url())).unwrap();
        let why = first(&source).await.expect_err("it fails").why();
        assert!(why.trouble == trouble && why.words.contains(words), "{why:?}");
        assert!(source.offers().lacks.is_empty(), "with one peer its trouble is the source's own");
    }
}

#[tokio::test]
async fn a_login_in_between_is_named() {
    let login = Stage::of([Act::answer("200 OK", &[("Content-Type", "text/html")], "<html>log in</html>")]).await;
    let stage = Stage::of([Act::answer("302 Found", &[("Location", &format!("{}/oauth2/start", login.url()))], "")]).await;
    let source = source(&format!("kind = \"alertmanager\"\nurl = \"{}\"", stage.url())).unwrap();
    let Err(SourceError::Denied(words)) = first(&source).await else { panic!("a login is no answer") };
    assert!(words.contains("login"), "{words}");
}

#[tokio::test]
async fn it_offers_alerts_and_nothing_that_does_not_work() {
    let source = source("kind = \"alertmanager\"\nurl = \"https://am.example\"").unwrap();
    assert!(matches!(source.watch(Feed::Rules, None).next().await, Some(Err(SourceError::Unsupported(_)))));
    assert_eq!(source.offers(), Offers { feeds: [FeedKind::Alerts].into(), ..Offers::default() });
}
