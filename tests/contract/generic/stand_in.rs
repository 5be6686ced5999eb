//! The stand-in for systems that are asked over HTTP: a server for each test, which wants its system's token where that system wants it, at that
//! system's path, answers page by page and only what has changed.

use super::world::{Build, System, World};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use pilothouse::{
    config::SourceConfig,
    sources::{
        Made, Source,
        generic::{Pace, paced},
    },
};
use serde_json::{Value, json};
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;

type Answer = Response<Full<Bytes>>;

const BRISK: Pace = Pace { busy: Duration::from_millis(100), idle: Duration::from_millis(200), jobs: Duration::from_millis(100) };

/// A server.
pub struct Server {
    pub url: String,
    world: Arc<Mutex<World>>,
}

impl Server {
    /// One with these builds.
    pub fn of(system: System, builds: Vec<Build>) -> Self {
        let world = World { system, builds, page: 100, refusal: None, says: Vec::new(), asked: Vec::new() };
        let world = Arc::new(Mutex::new(world));
        let own = world.clone();
        let url = serve(move |url, request| {
            let world = &mut own.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = conditional(answer(world, url, request), request);
            world.asked.push((request.uri().to_string(), answer.status().as_u16()));
            answer
        });
        Self { url, world }
    }

    /// Looks at what it knows, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The table of a source for it.
    pub fn table(&self, more: &str) -> String {
        let preset = match self.with(|world| world.system) {
            System::Buildkite => "preset = 'buildkite'\nvalues = { organization = 'acme', pipeline = 'cart' }",
            System::CircleCi => "preset = 'circleci'\nvalues = { vcs = 'gh', organization = 'acme', project = 'cart' }",
            System::Drone => "preset = 'drone'\nvalues = { owner = 'acme', name = 'cart' }",
            System::Woodpecker => "preset = 'woodpecker'\nvalues = { id = '3' }\nrepository = 'acme/cart'",
            System::Azure => "preset = 'azure'\nvalues = { organization = 'acme', project = 'shop' }\nrepository = 'acme/cart'",
            System::Own => "repository = 'acme/cart'\ntoken_header = 'X-Key'",
        };
        let below = if self.with(|world| world.system == System::Own) { "/api/list" } else { "" };
        format!("kind = 'http'\nurl = '{}{below}'\n{preset}\ntoken_command = ['echo', 't0ken']\n{more}\n", self.url)
    }

    /// A source for it.
    pub fn source(&self, more: &str) -> Arc<dyn Source> {
        source(&self.table(more))
    }
}

/// The source of a table.
pub fn source(table: &str) -> Arc<dyn Source> {
    match paced(&SourceConfig::from_toml(table).expect("a table"), BRISK, env!("CARGO_BIN_EXE_pilothouse").into()) {
        Made::Source(source) => source,
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        _ => panic!("it is made"),
    }
}

/// Answers requests at a port of its own, also to a test that has no runtime: where.
pub fn serve(answer: impl Fn(&str, &Request<Incoming>) -> Answer + Send + Sync + 'static) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("it is bound"));
            tell.send(url.clone()).expect("somebody waits");
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, url) = (answer.clone(), url.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&url, &request);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    told.recv().expect("the server starts")
}

/// The header in which each system wants its token, and how.
fn key(system: System) -> (&'static str, &'static str) {
    match system {
        System::Buildkite | System::Drone | System::Woodpecker => ("authorization", "Bearer t0ken"),
        System::CircleCi => ("circle-token", "t0ken"),
        // `:t0ken`.
        System::Azure => ("authorization", "Basic OnQwa2Vu"),
        System::Own => ("x-key", "t0ken"),
    }
}

fn answer(world: &World, url: &str, request: &Request<Incoming>) -> Answer {
    if let Some((status, headers, body)) = &world.refusal {
        return told(*status, headers, body);
    }
    let (name, token) = key(world.system);
    if request.headers().get(name).and_then(|value| value.to_str().ok()) != Some(token) {
        return match world.system {
            System::Azure => told(203, &[("content-type", "text/html; charset=utf-8".into())], "<!DOCTYPE html><html>Sign in</html>"),
            _ => told(401, &json_type(), "{\"message\":\"Authentication required\"}"),
        };
    }
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let query = request.uri().query().unwrap_or_default();
    let get = |key: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key).map(|(_, value)| value);
    let number = |key: &str, default: usize| get(key).and_then(|value| value.parse().ok()).unwrap_or(default);
    let newest: Vec<&Build> = world.builds.iter().rev().collect();
    let shapes = |builds: &[&Build]| builds.iter().map(|build| build.json(world.system)).collect::<Vec<_>>();
    // So many of a page, from a place on, and where the next one begins.
    let part = |from: usize, size: usize| {
        let end = (from + size).min(newest.len());
        (newest[from.min(end)..end].to_vec(), (end < newest.len()).then_some(end))
    };
    let (body, header) = match (world.system, path.as_slice()) {
        (System::Buildkite, ["v2", "organizations", "acme", "pipelines", "cart", "builds"]) => {
            let (size, page) = (number("per_page", 30).min(world.page), number("page", 1));
            let (shown, next) = part((page - 1) * size, size);
            let link = |_| format!("<{url}{}?per_page={size}&page={}>; rel=\"next\"", request.uri().path(), page + 1);
            (Value::from(shapes(&shown)), next.map(link).map(|link| ("link", link)))
        }
        (System::CircleCi, ["api", "v2", "project", "gh", "acme", "cart", "pipeline"]) => {
            let (shown, next) =
                part(get("page-token").and_then(|token| token.strip_prefix('t')).map_or(0, |from| from.parse().expect("a place")), world.page.min(20));
            let items: Vec<Value> = shown.iter().map(|build| build.pipeline()).collect();
            (json!({ "items": items, "next_page_token": next.map(|from| format!("t{from}")) }), None)
        }
        (System::CircleCi, ["api", "v2", "pipeline", id, "workflow"]) => {
            let workflows: Vec<Value> =
                newest.iter().filter(|build| format!("p-{}", build.number) == *id && build.state != "none").map(|build| build.json(world.system)).collect();
            (json!({ "items": workflows, "next_page_token": null }), None)
        }
        (System::Drone, ["api", "repos", "acme", "cart", "builds"]) => {
            let size = number("per_page", 25).min(world.page);
            (Value::from(shapes(&part((number("page", 1) - 1) * size, size).0)), None)
        }
        (System::Woodpecker, ["api", "repos", "3", "pipelines"]) => {
            let size = number("perPage", 50).min(world.page);
            (Value::from(shapes(&part((number("page", 1) - 1) * size, size).0)), None)
        }
        (System::Azure, ["acme", "shop", "_apis", "build", "builds"]) if get("api-version") == Some("7.1") => {
            let from = get("continuationToken").map_or(0, |from| from.parse().expect("a place"));
            let (shown, next) = part(from, number("%24top", 1_000).min(world.page));
            (json!({ "count": shown.len(), "value": shapes(&shown) }), next.map(|from| ("x-ms-continuationtoken", from.to_string())))
        }
        (System::Own, ["api", "list"]) => (json!({ "list": shapes(&newest) }), None),
        _ => return told(404, &json_type(), "{\"message\":\"Not Found\"}"),
    };
    let headers: Vec<_> = json_type().into_iter().chain(header).chain(world.says.clone()).collect();
    told(200, &headers, &body.to_string())
}

fn json_type() -> Vec<(&'static str, String)> {
    vec![("content-type", "application/json".into())]
}

/// An answer.
pub fn told(status: u16, headers: &[(&'static str, String)], body: &str) -> Answer {
    let answer = headers.iter().fold(Response::builder().status(status), |answer, (name, value)| answer.header(*name, value));
    answer.body(Full::new(Bytes::from(body.to_owned()))).expect("an answer")
}

/// "Not modified", where that is so.
fn conditional(mut answer: Answer, request: &Request<Incoming>) -> Answer {
    if answer.status() != 200 {
        return answer;
    }
    let mut hasher = DefaultHasher::new();
    format!("{:?}", answer.body()).hash(&mut hasher);
    let tag = format!("\"{:x}\"", hasher.finish());
    if request.headers().get("if-none-match").and_then(|value| value.to_str().ok()) == Some(&tag) {
        *answer.status_mut() = hyper::StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Full::default();
    }
    answer.headers_mut().insert("etag", tag.parse().expect("a tag"));
    answer
}
