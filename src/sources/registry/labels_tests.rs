use super::*;
use crate::{
    domain::Origin,
    sources::http::stage::{Act, Stage as Server, message},
    text::Name,
};
use ring::digest::{SHA256, digest};
use std::sync::Mutex;

const COMMIT: &str = "0f3c9d21aa0f3c9d21aa0f3c9d21aa0f3c9d21aa";

fn named(body: &str) -> String {
    format!("sha256:{}", digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn labels() -> String {
    format!(r#"{{"org.opencontainers.image.revision":"{COMMIT}","org.opencontainers.image.source":"https://github.com/acme/cart","a":7}}"#)
}

/// A registry that has these bodies under their digests, as a manifest or a blob, and the first also under the tag `1`.
async fn holding(bodies: Vec<String>) -> Server {
    Server::with(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let found = bodies.iter().enumerate().find(|(nth, body)| path.ends_with(&named(body)) || (*nth == 0 && path.ends_with("/1")));
        found.map_or_else(|| Act::answer("404 Not Found", &[], "{}"), |(_, body)| Act::answer("200 OK", &[("Content-Type", "application/octet-stream")], body))
    })
    .await
}

async fn ask(server: &Server, which: &str) -> Result<Option<Origin>, SourceError> {
    let Made::Aside(source) = connect() else { panic!("it is asked, never watched") };
    match source.ask(Question::Origin(Name::new(&format!("127.0.0.1:{}/shop/cart{which}", server.address.port())))).await {
        Ok(Answer::Origin(origin)) => Ok(origin),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    }
}

fn whole() -> Option<Origin> {
    Some(Origin { commit: Name::new(COMMIT), source: Name::new("https://github.com/acme/cart") })
}

/// What is said instead.
async fn said(server: &Server, which: &str) -> String {
    ask(server, which).await.expect_err("it is no answer").to_string()
}

#[tokio::test]
async fn labels_are_read_out_of_the_configuration_the_manifest_or_the_index() {
    let configuration = format!(r#"{{"config":{{"Labels":{}}},"history":[{{}}]}}"#, labels());
    let manifest = format!(r#"{{"config":{{"digest":"{}","size":200}}}}"#, named(&configuration));
    let attestation = r#"{"digest":"sha256:00","platform":{"os":"unknown","architecture":"unknown"}}"#;
    let arm = format!(r#"{{"digest":"{}","platform":{{"os":"linux","architecture":"arm64"}}}}"#, named(&manifest));
    let index = format!(r#"{{"manifests":[{attestation},{arm}]}}"#);
    let server = holding(vec![index.clone(), manifest.clone(), configuration]).await;
    assert_eq!(ask(&server, &format!(":x@{}", named(&manifest))).await, Ok(whole()), "by its digest");
    assert_eq!(ask(&server, ":1").await, Ok(whole()), "by a tag that names an index");
    assert_eq!(server.asked().len(), 2 + 3, "what is asked for is read once");
    for body in [format!(r#"{{"annotations":{},"manifests":[{attestation}]}}"#, labels()), format!(r#"{{"annotations":{}}}"#, labels())] {
        let server = holding(vec![body]).await;
        assert_eq!(ask(&server, ":1").await, Ok(whole()));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_image_that_says_nothing_is_no_error() {
    let bare = r#"{"config":{"Labels":null}}"#.to_owned();
    let manifest = format!(r#"{{"annotations":null,"config":{{"digest":"{}"}}}}"#, named(&bare));
    let server = holding(vec![manifest, bare]).await;
    assert_eq!(ask(&server, ":1").await, Ok(None));
    let odd = holding(vec![r#"{"annotations":{"org.opencontainers.image.revision":["x"]}}"#.into()]).await;
    assert_eq!(ask(&odd, ":1").await, Ok(None));
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_nothing_is_read_without_end() {
    let garbage = Server::of([Act::answer("200 OK", &[], "<html>")]).await;
    assert!(said(&garbage, ":1").await.contains("no manifest of an image"));
    let climbing = holding(vec![r#"{"config":{"digest":"sha256:../../../admin"}}"#.into()]).await;
    assert!(said(&climbing, ":1").await.contains("no digest"));
    assert_eq!(climbing.asked().len(), 1, "{:?}", climbing.asked());
    let huge = holding(vec![format!(r#"{{"config":{{"digest":"{}","size":99000000}}}}"#, named(""))]).await;
    assert!(said(&huge, ":1").await.contains("larger than 1 MiB"));
    assert_eq!(huge.asked().len(), 1, "it is not asked for");
    let endless = holding(vec![format!(r#"{{"config":{{"digest":"{}","size":9}}}}"#, named(&"x".repeat(2 << 20))), "x".repeat(2 << 20)]).await;
    assert!(said(&endless, ":1").await.contains("more than 1"), "a registry may say less than it sends");
    let wrong = Server::of([Act::json("{}")]).await;
    assert!(said(&wrong, &format!("@sha256:{}", "a".repeat(64))).await.contains("something else"));
    let gone = holding(vec!["{}".into()]).await;
    assert!(said(&gone, ":2").await.contains("does not have it"));
    let shut = Server::of([Act::answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], "")]).await;
    assert!(matches!(ask(&shut, ":1").await, Err(SourceError::Denied(why)) if why.contains("only those whom it knows")));
    let busy = Server::of([Act::answer("429 Too Many Requests", &[], "")]).await;
    assert!(matches!(ask(&busy, ":1").await, Err(SourceError::RateLimited { .. })));
}

#[tokio::test]
async fn the_token_for_everybody_is_fetched_once_and_goes_nowhere_else() {
    let configuration = format!(r#"{{"config":{{"Labels":{}}}}}"#, labels());
    let manifest = format!(r#"{{"config":{{"digest":"{}","size":9}}}}"#, named(&configuration));
    let store = Server::of([Act::Say(message("200 OK", &[], configuration.as_bytes(), configuration.len()))]).await;
    let token = Server::of([Act::json(r#"{"token":"anybody"}"#)]).await;
    let challenge = format!("Bearer realm=\"{}/token\",service=\"test\"", token.url());
    let (elsewhere, body) = (format!("{}/blob", store.url()), Mutex::new(manifest));
    let registry = Server::with(move |request| {
        let request = request.to_ascii_lowercase();
        match (request.contains("authorization: bearer anybody"), request.contains("/blobs/")) {
            (false, _) => Act::answer("401 Unauthorized", &[("WWW-Authenticate", &challenge)], ""),
            (true, true) => Act::answer("307 Temporary Redirect", &[("Location", &elsewhere)], ""),
            (true, false) => Act::answer("200 OK", &[], &body.lock().expect("nobody panics")),
        }
    })
    .await;
    assert_eq!(ask(&registry, ":1").await, Ok(whole()));
    assert_eq!((registry.asked().len(), token.asked().len(), store.asked().len()), (3, 1, 1));
    let sent = store.asked()[0].to_ascii_lowercase();
    assert!(sent.starts_with("get /blob") && !sent.contains("authorization"), "{sent}");
    assert!(!token.asked()[0].to_ascii_lowercase().contains("authorization"));
}
