//! The way through an API server of our own making.

use super::*;
use crate::{
    config::Config,
    domain::Trouble,
    sources::{
        Made,
        http::stage::{Act, Stage},
        kubernetes::{
            id_of,
            kubeconfig::Place as Files,
            leads::{self, Wanted},
        },
    },
};
use futures::StreamExt;

/// A context whose API server is `stage`.
fn cluster(stage: &Stage) -> (tempfile::TempDir, Arc<Cluster>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("config");
    let text = format!("clusters:\n- name: c\n  cluster: {{server: '{}'}}\ncontexts:\n- name: one\n  context: {{cluster: c, namespace: shop}}\n", stage.url());
    std::fs::write(&file, text).expect("a temporary file");
    let files = Files::Files(vec![file]);
    let known = files.known(&files.read().expect("it is a kubeconfig"), "one").expect("it is whole");
    (dir, Arc::new(Cluster::new(id_of("one"), files, known, Vec::new(), true)))
}

fn proxy(cluster: &Arc<Cluster>) -> Proxy {
    let place = Place { namespace: "monitoring".into(), name: "prometheus-operated".into(), port: "web".into(), secure: false, under: "", among: 2 };
    Proxy::new(cluster.clone(), "prometheus", place)
}

fn status(code: &str, reason: &str, message: &str) -> Act {
    let number: u16 = code.split(' ').next().and_then(|code| code.parse().ok()).expect("a code");
    let body = serde_json::json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": number });
    Act::answer(code, &[("Content-Type", "application/json")], &body.to_string())
}

#[tokio::test]
async fn every_question_is_a_get_below_the_service() {
    let stage = Stage::of([Act::json("{}")]).await;
    let (_dir, cluster) = cluster(&stage);
    let proxy = proxy(&cluster);
    let sent = async |ask: Ask| proxy.send(ask).await.map(|reply| reply.status.as_u16());
    assert_eq!(sent(Ask::get("api/v1/query").with("query", "a b{c=\"d\"}")).await, Ok(200));
    assert_eq!(sent(Ask::post_form("api/v1/query", vec![("query".into(), "up".into())])).await, Ok(200));
    let change = sent(Ask::change(Method::POST, "api/v2/silences", Some("{}".into()))).await;
    assert!(matches!(change, Err(SourceError::Unsupported(_))), "{change:?}");
    let lines: Vec<String> = stage.asked().iter().filter_map(|request| request.lines().next().map(str::to_owned)).collect();
    let below = "GET /api/v1/namespaces/monitoring/services/prometheus-operated:web/proxy/api/v1/query?query=";
    assert_eq!(lines, [format!("{below}a+b%7Bc%3D%22d%22%7D HTTP/1.1"), format!("{below}up HTTP/1.1")]);
    assert_eq!(proxy.found().as_deref(), Some("found in one, monitoring/prometheus-operated (one of 2 that would do)"));
}

#[tokio::test]
async fn what_the_api_server_has_against_it_is_told_with_the_remedy() {
    use Trouble::*;
    let own = |code: &str, body: &str| Act::answer(code, &[("Content-Type", "application/json")], body);
    let cases = [
        (
            status("403 Forbidden", "Forbidden", "services \"prometheus-operated:web\" is forbidden"),
            Denied,
            "`kubectl auth can-i get services --subresource=proxy -n monitoring --context one` checks), or name its own address by [[source]] kind = \"prometheus\"",
        ),
        (
            status("503 Service Unavailable", "ServiceUnavailable", "no endpoints available for service \"prometheus-operated:web\""),
            Unreachable,
            "the Service monitoring/prometheus-operated in one has no ready pod",
        ),
        (status("404 Not Found", "NotFound", "services \"prometheus-operated\" not found"), NotFound, "is gone"),
        (status("500 Internal Server Error", "InternalError", "dial tcp 10.0.0.9:9090: connect refused"), Unreachable, "does not reach"),
        // The server behind it has its own say.
        (own("403 Forbidden", "{\"message\":\"not you\"}"), Denied, "not you"),
        (own("401 Unauthorized", "{}"), Denied, "check the credential"),
    ];
    for (act, trouble, words) in cases {
        let stage = Stage::of([act]).await;
        let (_dir, cluster) = cluster(&stage);
        let said = proxy(&cluster).send(Ask::get("api/v1/rules")).await.and_then(Reply::good).expect_err("it is refused").why();
        assert!(said.trouble == trouble && said.words.contains(words), "{words}: {:?} {}", said.trouble, said.words);
        assert_eq!(stage.asked().len(), 1, "{words}: nothing is asked twice");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_taken() {
    let stage = Stage::of([Act::json(&format!("\"{}\"", "x".repeat(4096)))]).await;
    let (_dir, cluster) = cluster(&stage);
    let said = proxy(&cluster).send(Ask::get("api/v1/rules").up_to(1024)).await.expect_err("it is too long").why();
    assert!(said.trouble == Trouble::Protocol && said.words.contains("more than can be taken"), "{}", said.words);
}

/// What `cluster` leads to after its first answer, until nothing new comes of one look.
async fn first_look(cluster: &Arc<Cluster>) -> Vec<String> {
    let leads = leads::leads(cluster.clone(), Wanted::beside(&Config::default(), "one"));
    cluster.answers.send_replace(None);
    let told = |made: Made| match made {
        Made::Source(source) | Made::Aside(source) => format!("{}: {}", source.id(), source.offers().found.unwrap_or_default()),
        Made::Absent(id, words) => format!("{id}: {words}"),
        Made::Listed(id, _) | Made::Broken(id, _) | Made::Sought(id) => format!("{id}: ?"),
    };
    leads.take(2).map(told).collect().await
}

const SERVICES: &str = r#"{"items":[{"metadata":{"name":"prometheus-operated","namespace":"shop","labels":{"operated-prometheus":"true"}},"spec":{"ports":[{"name":"web","port":9090}]}}]}"#;

#[tokio::test]
async fn one_look_finds_what_is_there_and_says_what_is_not() {
    let stage = Stage::with(|request| Act::json(if request.contains("labelSelector=operated-prometheus") { SERVICES } else { "{\"items\":[]}" })).await;
    let (_dir, cluster) = cluster(&stage);
    let told = first_look(&cluster).await;
    assert_eq!(told[0], "prometheus/one: found in one, shop/prometheus-operated");
    assert!(told[1].starts_with("alertmanager/one: no Service in one is labelled") && told[1].contains("kind = \"alertmanager\""), "{told:?}");
    let looks = ["GET /api/v1/services?resourceVersion=0&labelSelector=", "GET /apis/tekton.dev/v1"];
    assert!(stage.asked().iter().all(|request| looks.iter().any(|look| request.starts_with(look))), "{:?}", stage.asked());
}

#[tokio::test]
async fn without_the_right_to_look_everywhere_the_own_namespace_is_looked_through() {
    let stage = Stage::with(|request| match request {
        request if request.starts_with("GET /api/v1/services") => status("403 Forbidden", "Forbidden", "services is forbidden"),
        request if request.contains("/namespaces/shop/services?") && request.contains("operated-prometheus") => Act::json(SERVICES),
        _ => Act::json("{\"items\":[]}"),
    })
    .await;
    let (_dir, cluster) = cluster(&stage);
    let told = first_look(&cluster).await;
    assert_eq!(told[0], "prometheus/one: found in one, shop/prometheus-operated");
    assert!(told[1].contains("in namespace shop (no right to list services everywhere)"), "{told:?}");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_not_looked_through() {
    let stage = Stage::of([Act::json("{}")]).await;
    let (_dir, cluster) = cluster(&stage);
    let leads = leads::leads(cluster.clone(), Wanted::beside(&Config::default(), "one"));
    cluster.answers.send_replace(Some("it refuses connections".into()));
    let made: Vec<Made> = leads.take(2).collect().await;
    assert!(made.iter().all(|made| matches!(made, Made::Absent(_, words) if words.contains("refuses connections"))));
    assert!(stage.asked().is_empty());
}
