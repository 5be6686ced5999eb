//! The stand-in for Jenkins: a controller for each test, below a prefix, which wants an API token, leaves out what `tree` does not name, and sends a
//! console as Jenkins does: without its hidden notes, with other line ends, and with its own count of bytes.

use super::{
    acts,
    world::{Asked, Build, PIPELINE, Plugins, Stage, World},
};
use crate::reader::reader;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, http::request::Parts, service::service_fn};
use hyper_util::rt::TokioIo;
use pilothouse::{
    config::{Config, SourceConfig},
    sources::{
        Made, Source,
        jenkins::{Pace, paced},
    },
};
use serde_json::{Map, Value, json};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;

const BRISK: Pace = Pace { busy: Duration::from_millis(100), idle: Duration::from_millis(200), jobs: Duration::from_millis(100) };
/// `kim:t0ken`, which is an API token, and `kim:pa55`, which is a password.
const KEY: &str = "Basic a2ltOnQwa2Vu";
const PASSWORD: &str = "Basic a2ltOnBhNTU=";

/// A controller.
#[derive(Clone)]
pub struct Jenkins {
    pub url: String,
    world: Arc<Mutex<World>>,
}

impl Jenkins {
    /// Starts one.
    pub async fn new(plugins: Plugins) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let world = Arc::new(Mutex::new(World::new(plugins)));
        let own = Self { url: format!("http://{}/ci", listener.local_addr().expect("an address")), world };
        let served = own.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let jenkins = served.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let jenkins = jenkins.clone();
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.map(|body| body.to_bytes()).map_err(io::Error::other)?;
                        jenkins.answer(&parts, &String::from_utf8_lossy(&body))
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        own
    }

    /// Looks at what it knows, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A source for it.
    pub fn source(&self, more: &str) -> Arc<dyn Source> {
        self.known_as("t0ken", more)
    }

    /// The same with another token.
    pub fn known_as(&self, token: &str, more: &str) -> Arc<dyn Source> {
        source(&self.url, &format!("username = 'kim'\ntoken_command = ['echo', '{token}']\n{more}"))
    }

    fn answer(&self, request: &Parts, body: &str) -> io::Result<Response<Full<Bytes>>> {
        let answer = self.with(|world| {
            let answer = world.answer(request, body);
            world.asked.push(crate::asked::Asked::now(request.uri.path().to_owned(), answer.status().as_u16()));
            answer
        });
        // Whoever changed something may never be told.
        let cut = request.method == Method::POST && self.with(|world| std::mem::take(&mut world.cut));
        if cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(answer) }
    }
}

impl World {
    fn answer(&mut self, request: &Parts, body: &str) -> Response<Full<Bytes>> {
        let query = pairs(request.uri.query().unwrap_or_default());
        let wanted = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let segments: Vec<String> = request.uri.path().split('/').skip(1).map(decoded).collect();
        let world = self;
        if let Some((status, headers, body)) = &world.refusal {
            let mut answer = answered(*status, headers, Bytes::from_static(body.as_bytes()));
            if world.nameless {
                answer.headers_mut().remove("x-jenkins");
            }
            return answer;
        }
        let key = request.headers.get("authorization").and_then(|key| key.to_str().ok());
        if !matches!(key, Some(KEY | PASSWORD)) {
            return answered(401, &[("www-authenticate", "Basic".into())], Bytes::from_static(b"<html>401</html>"));
        }
        if world.broken.iter().any(|part| request.uri.path().contains(part)) {
            return answered(500, &[("content-type", "text/html".into())], Bytes::from_static(b"<html>Oops!</html>"));
        }
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["ci", rest @ ..] = segments.as_slice() else { return missing() };
        if request.method == Method::POST {
            return acts::act(world, request, key == Some(KEY), rest, (&query, &pairs(body)));
        }
        route(world, rest, &wanted)
    }
}

/// The fields of a query or a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let plain = |text: &str| decoded(&text.replace('+', " "));
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (plain(key), plain(value))).collect()
}

/// A source of a console that was started with `--read-only`.
pub fn reading(url: &str) -> Arc<dyn Source> {
    reader(&format!("kind = 'jenkins'\nurl = '{url}'\nusername = 'kim'\ntoken_command = ['echo', 't0ken']"), &Config::default())
}

/// A source for the controller at a URL.
pub fn source(url: &str, more: &str) -> Arc<dyn Source> {
    let table = format!("kind = 'jenkins'\nurl = '{url}'\n{more}");
    match paced(&SourceConfig::from_toml(&table).expect("a table"), &Config::default(), BRISK) {
        Made::Source(source) => source,
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        _ => panic!("it is made"),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let code = (*first == b'%').then(|| u8::from_str_radix(std::str::from_utf8(&more[..2]).expect("text"), 16).expect("hex"));
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    String::from_utf8(bytes).expect("text")
}

fn route<'a>(world: &World, segments: &[&str], wanted: &impl Fn(&str) -> Option<&'a str>) -> Response<Full<Bytes>> {
    match segments {
        ["queue", "api", "json"] => return told(&json!({ "_class": "hudson.model.Queue", "items": world.queue }), wanted("tree")),
        ["queue", "item", id, "api", "json"] => {
            let item = id.parse().ok().and_then(|id| world.item(id));
            return item.map_or_else(missing, |item| told(&item, wanted("tree")));
        }
        ["whoAmI", "api", "json"] => return told(&json!({ "name": world.name, "anonymous": false, "authenticated": true }), wanted("tree")),
        ["crumbIssuer", "api", "json"] => return acts::crumb(world),
        _ => {}
    }
    let (mut path, mut rest) = (Vec::new(), segments);
    while let ["job", name, more @ ..] = rest {
        path.push(*name);
        rest = more;
    }
    let path = path.join("/");
    if world.secret.contains(&path) {
        return answered(403, &[("x-required-permission", "hudson.model.Item.Read".into())], Bytes::from_static(b"no"));
    }
    match rest {
        ["api", "json"] => world.folder(&path).map_or_else(missing, |mut folder| {
            // The rest is told to those only who name it.
            if wanted("tree").is_some_and(|tree| tree.contains("allBuilds")) {
                folder["allBuilds"] = world.all(&path);
            }
            told(&folder, wanted("tree"))
        }),
        [number, more @ ..] => {
            let Some((build, class, shape)) = number.parse().ok().and_then(|number| world.one(&path, number)) else { return missing() };
            match more {
                ["api", "json"] => told(&shape, wanted("tree")),
                ["coverage", "api", "json"] => match world.coverage {
                    Some(line) => told(
                        &json!({ "_class": "io.jenkins.plugins.coverage.metrics.restapi.CoverageApi", "projectStatistics": { "line": line, "branch": "82.19%" } }),
                        wanted("tree"),
                    ),
                    None => missing(),
                },
                ["logText", "progressiveText"] => console(build, wanted("start").and_then(|start| start.parse().ok()).unwrap_or(0)),
                ["wfapi", "describe"] if world.plugins == Plugins::StageView && class == PIPELINE => told(&described(build), None),
                ["wfapi", "nextPendingInputAction"] if world.plugins == Plugins::StageView => told(&build.asks.first().map_or(Value::Null, pending), None),
                ["wfapi", "pendingInputActions"] if world.plugins == Plugins::StageView && class == PIPELINE => {
                    told(&build.asks.iter().map(pending).collect(), None)
                }
                ["stages", "allSteps"] if world.plugins == Plugins::GraphView && class == PIPELINE => told(&steps(build), None),
                ["execution", "node", id, "wfapi", "describe"] if world.plugins == Plugins::StageView => {
                    let stage = build.stages.iter().find(|stage| stage.id.to_string() == **id);
                    stage.map_or_else(missing, |stage| told(&nodes(build, stage), None))
                }
                ["execution", "node", id, "wfapi", "log"] if world.plugins == Plugins::StageView => {
                    let said = build.said.iter().find(|(node, _)| **node == **id);
                    said.map_or_else(missing, |(_, text)| told(&json!({ "nodeId": id, "length": text.len(), "hasMore": true, "text": text }), None))
                }
                ["stages", "log"] if world.plugins == Plugins::GraphView && class == PIPELINE => {
                    let said = build.said.iter().find(|(stage, _)| wanted("nodeId") == Some(*stage));
                    said.map_or_else(missing, |(_, text)| answered(200, &[("content-type", "text/plain".into())], Bytes::from_static(text.as_bytes())))
                }
                ["stages", "tree"] if world.plugins == Plugins::GraphView && class == PIPELINE => told(&tree(build), None),
                _ => missing(),
            }
        }
        [] => missing(),
    }
}

fn pending(asked: &Asked) -> Value {
    json!({ "id": asked.id, "message": asked.message, "proceedText": "Proceed", "inputs": asked.wants, "proceedUrl": "/ci/wfapi/inputSubmit", "abortUrl": "/ci/abort" })
}

/// The steps as Pipeline Graph View tells them.
fn steps(build: &Build) -> Value {
    let shell = json!({ "id": "7", "name": "Shell Script", "state": "success", "type": "STEP", "title": "sh", "stageId": "6", "inputStep": null });
    let asks = build.asks.iter().map(|asked| {
        let parameters = asked.wants.as_array().is_some_and(|wants| !wants.is_empty());
        json!({ "id": "9", "name": "Wait for interactive input", "state": "paused", "type": "STEP", "title": "input", "stageId": "8",
            "inputStep": { "message": asked.message, "cancel": "Abort", "id": asked.id, "ok": "Proceed", "parameters": parameters } })
    });
    let all: Vec<Value> = [shell].into_iter().chain(asks).collect();
    json!({ "status": "ok", "data": { "steps": all, "runIsComplete": !build.building } })
}

fn timed(build: &Build, stage: &Stage) -> Value {
    let (began, took) = stage.went.unwrap_or((build.began.as_millisecond(), 500));
    json!({ "id": stage.id.to_string(), "name": stage.name, "execNode": "", "status": stage.status, "startTimeMillis": began, "durationMillis": took, "pauseDurationMillis": 0 })
}

fn described(build: &Build) -> Value {
    let stages: Vec<Value> = build.stages.iter().map(|stage| timed(build, stage)).collect();
    json!({ "id": build.number.to_string(), "name": format!("#{}", build.number), "status": "IN_PROGRESS", "stages": stages })
}

fn nodes(build: &Build, stage: &Stage) -> Value {
    let mut shape = timed(build, stage);
    let node = |(at, (name, status, error)): (usize, &(&str, &str, Option<&str>))| {
        json!({ "id": (stage.id * 100 + at as u64).to_string(), "name": name, "status": status, "error": error.map(|message| json!({ "message": message, "type": "hudson.AbortException" })),
            "startTimeMillis": build.began.as_millisecond(), "durationMillis": 400, "parentNodes": [stage.id.to_string()], "parameterDescription": "make test" })
    };
    shape["stageFlowNodes"] = stage.steps.iter().enumerate().map(node).collect();
    shape
}

/// The same as Pipeline Graph View tells it: in other words, and the second half of the stages as branches of one.
fn tree(build: &Build) -> Value {
    let state = |status: &str| match status {
        "IN_PROGRESS" => "running".into(),
        "FAILED" => "failure".into(),
        "PAUSED_PENDING_INPUT" => "paused".into(),
        "NOT_EXECUTED" => "not_built".into(),
        other => other.to_lowercase(),
    };
    let one = |stage: &Stage| {
        json!({ "id": stage.id.to_string(), "name": stage.name, "title": stage.name, "state": state(stage.status), "type": "STAGE", "children": [],
            "startTimeMillis": build.began.as_millisecond(), "totalDurationMillis": 500, "placeholder": false, "synthetic": false })
    };
    let mut stages: Vec<Value> = build.stages.iter().map(one).collect();
    let parallel = stages.split_off(stages.len() / 2);
    stages.push(json!({ "id": 999, "name": "In parallel", "state": "running", "type": "PARALLEL_BLOCK", "children": parallel }));
    json!({ "status": "ok", "data": { "complete": !build.building, "stages": stages } })
}

/// The console from an offset of the file on.
fn console(build: &Build, start: usize) -> Response<Full<Bytes>> {
    let from = if start > build.log.len() { 0 } else { start };
    let text = String::from_utf8_lossy(&build.log[from..]).into_owned();
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[8mha:") {
        shown.push_str(before);
        rest = after.split_once("\u{1b}[0m").map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    let mut headers = vec![("content-type", "text/plain;charset=utf-8".to_owned()), ("x-text-size", build.log.len().to_string())];
    if build.grows {
        headers.push(("x-more-data", "true".into()));
    }
    answered(200, &headers, Bytes::from(shown.replace('\n', "\r\n")))
}

pub fn missing() -> Response<Full<Bytes>> {
    answered(404, &[("content-type", "text/html".into())], Bytes::from_static(b"<html>Not Found</html>"))
}

pub fn told(value: &Value, tree: Option<&str>) -> Response<Full<Bytes>> {
    let pruned = tree.map_or_else(|| value.clone(), |tree| prune(value, &mut tree.chars().collect::<Vec<_>>().as_slice()));
    answered(200, &[("content-type", "application/json;charset=utf-8".into())], Bytes::from(pruned.to_string()))
}

pub fn answered(status: u16, headers: &[(&'static str, String)], body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::builder().status(StatusCode::from_u16(status).expect("a status")).header("x-jenkins", "2.479.3");
    for (name, value) in headers {
        answer = answer.header(*name, value.as_str());
    }
    answer.body(Full::new(body)).expect("an answer")
}

/// What `tree` names of a value: `name[inner]{from,to},name`. Names that are not there are left out in silence.
fn prune(value: &Value, tree: &mut &[char]) -> Value {
    let own = *tree;
    match value {
        Value::Array(items) => {
            let mut end = own;
            let all = items.iter().map(|item| {
                let mut copy = own;
                let pruned = prune(item, &mut copy);
                end = copy;
                pruned
            });
            let all: Vec<Value> = all.collect();
            *tree = if all.is_empty() { skip(own) } else { end };
            Value::Array(all)
        }
        _ => object(value, tree),
    }
}

fn object(value: &Value, tree: &mut &[char]) -> Value {
    let mut kept = Map::new();
    loop {
        let length = tree.iter().position(|c| "[]{},".contains(*c)).unwrap_or(tree.len());
        let name: String = tree[..length].iter().collect();
        *tree = &tree[length..];
        let mut found = value.get(&name).cloned();
        if let ['[', rest @ ..] = *tree {
            *tree = rest;
            found = Some(prune(&found.unwrap_or(Value::Null), tree))
                .filter(|_| value.get(&name).is_some_and(|value| !value.is_null()))
                .or_else(|| value.get(&name).cloned());
            *tree = tree.get(1..).unwrap_or_default();
        }
        if let ['{', rest @ ..] = *tree {
            let length = rest.iter().position(|c| *c == '}').expect("it ends");
            let range: String = rest[..length].iter().collect();
            let (from, to) = range.split_once(',').expect("two numbers");
            let (from, to): (usize, usize) = (from.parse().unwrap_or(0), to.parse().unwrap_or(usize::MAX));
            if let Some(Value::Array(items)) = &mut found {
                *items = items.iter().take(to).skip(from).cloned().collect();
            }
            *tree = &rest[length + 1..];
        }
        if let Some(found) = found {
            kept.insert(name, found);
        }
        match *tree {
            [',', rest @ ..] => *tree = rest,
            _ => break,
        }
    }
    if value.is_object() { Value::Object(kept) } else { Value::Null }
}

/// What follows the inner part of a list that is empty.
fn skip(tree: &[char]) -> &[char] {
    let mut depth = 0;
    for (at, c) in tree.iter().enumerate() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return &tree[at..],
            ']' => depth -= 1,
            _ => {}
        }
    }
    &tree[tree.len()..]
}
