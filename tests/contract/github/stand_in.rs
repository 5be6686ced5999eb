//! The stand-in for GitHub: one server for all tests of this process, behind the lab's proxy, with a repository for each test; and the storage of
//! logs, another server, which nobody may tell who they are.

use super::world::{World, told};
use crate::asked::Asked;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header::HeaderMap, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// What filtered lists hold at most (GitHub's documentation of them).
const FILTERED: usize = 1_000;
/// How long another test process may hold the port that the proxy speaks to.
const PATIENCE: Duration = Duration::from_secs(300);

/// No status of anybody's: the answer is lost on its way.
const LOST: u16 = 599;

type Answer = Response<Full<Bytes>>;

/// The server.
pub struct GitHub {
    /// Where the proxy is.
    pub proxy: String,
    storage: SocketAddr,
    repositories: Mutex<HashMap<String, World>>,
    /// What was told to the storage that it must not know.
    leaks: Mutex<Vec<String>>,
}

/// The server of this process; none when the tests are left out on purpose.
pub fn github() -> Option<&'static GitHub> {
    static SERVER: OnceLock<GitHub> = OnceLock::new();
    let proxy = crate::gateway::server("LAB_GITHUB")?;
    Some(SERVER.get_or_init(|| start(proxy)))
}

/// The servers outlive the runtime of the test that comes first.
fn start(proxy: String) -> GitHub {
    let port: u16 = std::env::var("LAB_GITHUB_PORT").ok().and_then(|port| port.parse().ok()).expect("lab.env sets LAB_GITHUB_PORT");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let api = bind(SocketAddr::from(([127, 0, 0, 1], port))).await;
            let storage = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
            tell.send(storage.local_addr().expect("it is bound")).expect("somebody waits");
            tokio::join!(serve(api, |github, request| github.api(request)), serve(storage, |github, request| github.stored(request)))
        });
    });
    let storage = told.recv().expect("the servers start");
    GitHub { proxy, storage, repositories: Mutex::default(), leaks: Mutex::default() }
}

async fn bind(address: SocketAddr) -> TcpListener {
    let began = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{address}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn serve(listener: TcpListener, answer: fn(&GitHub, &Request<Bytes>) -> Answer) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(move |request: Request<Incoming>| async move {
            let (head, body) = request.into_parts();
            let request = Request::from_parts(head, body.collect().await?.to_bytes());
            let answer = answer(github().expect("the lab is up"), &request);
            // Whoever closes the connection instead of answering.
            if answer.status().as_u16() == LOST { Err("lost".into()) } else { Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl GitHub {
    /// Looks at a repository, or changes it.
    pub fn with<T>(&self, repository: &str, act: impl FnOnce(&mut World) -> T) -> T {
        act(self.repositories().get_mut(repository).expect("a repository"))
    }

    /// Makes a repository that wants this token.
    pub fn make(&self, repository: &str, token: &'static str) {
        assert!(self.repositories().insert(repository.into(), World::new(token)).is_none(), "{repository} belongs to another test");
    }

    /// What the storage was told and must not know.
    pub fn leaks(&self) -> Vec<String> {
        self.leaks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn repositories(&self) -> MutexGuard<'_, HashMap<String, World>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request at the API, below `/api/v3/repos/OWNER/NAME`.
    fn api(&self, request: &Request<Bytes>) -> Answer {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let ["api", "v3", "repos", owner, name, rest @ ..] = path.as_slice() else { return said(404, "Not Found", &[]) };
        let (repository, query) = (format!("{owner}/{name}"), request.uri().query().unwrap_or_default());
        let mut repositories = self.repositories();
        let Some(world) = repositories.get_mut(&repository) else { return said(404, "Not Found", &[]) };
        let changes = *request.method() == hyper::Method::POST;
        let refused = changes.then(|| world.refusal.clone()).flatten().is_some();
        let answer = match rest {
            ["actions", what, number, "rerun"] if changes && !refused => rerun(world, what, number.parse().unwrap_or_default()),
            ["actions", "workflows", workflow, "dispatches"] if changes && !refused => start_workflow(world, workflow, request.body()),
            ["actions", "runs", number, what] if changes && !refused => {
                let body = serde_json::from_slice(request.body()).unwrap_or_default();
                match world.change(number.parse().unwrap_or_default(), what, &body) {
                    Ok(_) if std::mem::take(&mut world.cut) => answer(LOST, &[], Bytes::new()),
                    Ok(status) if *what == "pending_deployments" => json_answer(status, &json!([])),
                    Ok(status) => json_answer(status, &json!({})),
                    Err(why) => said(409, why, &[]),
                }
            }
            _ => self.of(world, &repository, rest, query, request.headers()),
        };
        let (mut answer, spent) = conditional(answer, request.headers());
        if let Some(scopes) = world.scopes {
            answer.headers_mut().insert("x-oauth-scopes", scopes.parse().expect("a header"));
        }
        world.left -= u64::from(spent);
        let what = rest.strip_prefix(&["actions"]).unwrap_or(rest).join("/");
        world.asked.push(Asked::now(format!("{what}?{query}"), answer.status().as_u16()));
        budget(answer, world.left)
    }

    fn of(&self, world: &World, repository: &str, path: &[&str], query: &str, headers: &HeaderMap) -> Answer {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header("authorization") != format!("Bearer {}", world.token) {
            return said(401, "Bad credentials", &[]);
        }
        if let Some(refusal) = &world.refusal {
            let headers: Vec<_> = refusal.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            return said(refusal.status, refusal.message, &headers);
        }
        if header("x-github-api-version") != "2022-11-28" || !header("user-agent").starts_with("pilothouse/") {
            return said(403, "who are you, and which version do you want?", &[]);
        }
        let query = Query::of(query);
        let ["actions", path @ ..] = path else { return self.of_repository(world, repository, path, &query) };
        match path {
            ["runs"] => self.runs(world, repository, path, &query, None),
            ["workflows", id, "runs"] => self.runs(world, repository, path, &query, id.parse().ok()),
            ["runs", id] => found(id.parse().ok().and_then(|id: u64| world.runs.get(&id)).map(|run| run.json(repository))),
            ["runs", id, "jobs"] => match id.parse().ok().and_then(|id: u64| world.runs.get(&id)) {
                Some(run) => self.page(repository, path, &query, "jobs", &run.jobs.iter().collect::<Vec<_>>(), |job| job.json(run)),
                None => found(None),
            },
            ["runs", id, "artifacts"] => {
                let Some(run) = id.parse().ok().and_then(|id: u64| world.runs.get(&id)) else { return found(None) };
                let expires = (run.updated + SignedDuration::from_hours(24)).to_string();
                let example = told("artifact-paginated", json!({}), false)["artifacts"][0].clone();
                let one = |(name, bytes, gone): &(String, u64, bool)| {
                    let mut row = example.clone();
                    (row["name"], row["size_in_bytes"], row["expired"], row["expires_at"]) = (json!(name), json!(bytes), json!(gone), json!(expires));
                    row
                };
                self.page(repository, path, &query, "artifacts", &world.artifacts.iter().collect::<Vec<_>>(), |row| one(row))
            }
            ["runs", id, "pending_deployments"] => found(id.parse().ok().and_then(|id: u64| world.runs.get(&id)).map(World::pending)),
            ["jobs", id, rest @ ..] => self.job(world, repository, id, rest),
            _ => said(404, "Not Found", &[]),
        }
    }

    /// What is not about Actions.
    fn of_repository(&self, world: &World, repository: &str, path: &[&str], query: &Query) -> Answer {
        let found_one = |id: &str| world.deployments.iter().find(|one| one.id.to_string() == id);
        match path {
            [] => {
                let rights = json!({ "admin": false, "maintain": false, "push": world.may_write, "triage": true, "pull": true });
                // The description's own example has a fork that lacks what the description asks for.
                let own = json!({ "full_name": repository, "permissions": rights, "language": null });
                let mut whole = told("full-repository", own, false);
                _ = whole.as_object_mut().map(|whole| whole.remove("source"));
                json_answer(200, &whole)
            }
            ["deployments"] => {
                let wanted = query.get("environment");
                let rows: Vec<_> = world.deployments.iter().filter(|one| wanted.is_none_or(|wanted| one.environment == wanted)).collect();
                self.list(repository, path, query, &rows, |one| one.json(false))
            }
            ["deployments", id, "statuses"] => match found_one(id) {
                Some(one) => self.list(repository, path, query, &one.statuses.iter().collect::<Vec<_>>(), |status| one.status(status)),
                None => found(None),
            },
            ["environments", name] => {
                let name = name.replace("%2F", "/");
                let own = json!({ "name": name, "protection_rules": world.rules });
                found(world.deployments.iter().any(|one| one.environment == name).then(|| told("environment", own, false)))
            }
            ["commits", commit, "status"] => {
                let example = told("combined-commit-status", json!({}), false);
                let one = |(context, words): &(&str, Option<&str>)| {
                    let mut row = example["statuses"][0].clone();
                    (row["context"], row["description"]) = (json!(context), json!(words));
                    row
                };
                let rows: Vec<Value> = world.statuses.iter().map(one).collect();
                let own = json!({ "sha": commit, "state": "pending", "total_count": rows.len(), "statuses": rows });
                json_answer(200, &told("combined-commit-status", own, false))
            }
            ["commits", _, "check-runs"] => {
                let example = told("check-run-paginated", json!({}), false)["check_runs"][0].clone();
                let one = |(name, title): &(&str, Option<&str>)| {
                    let mut row = example.clone();
                    (row["name"], row["output"]["title"]) = (json!(name), json!(title));
                    row
                };
                let rows: Vec<_> = world.checks.iter().collect();
                self.cut(repository, path, query, &rows, one, |shown| json!({ "total_count": rows.len(), "check_runs": shown }))
            }
            ["contents", path @ ..] => {
                let path = path.join("/").replace("%2F", "/");
                // The text comes in lines of base64.
                let told_of = |text: &str| {
                    let packed = BASE64_STANDARD.encode(text);
                    let lines: Vec<&str> = packed.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).expect("base64")).collect();
                    told("content-file-response-if-content-is-a-file", json!({ "path": path, "content": lines.join("\n") }), false)
                };
                found(world.file.filter(|_| path == ".github/workflows/deploy.yml" && query.get("ref").is_some()).map(told_of))
            }
            ["compare", _] => {
                let file = |name: &&'static str| {
                    let example = told("commit-comparison", json!({}), false)["files"][0].clone();
                    let mut file = example;
                    file["filename"] = json!(name);
                    file
                };
                let files: Vec<Value> = world.files.iter().map(file).collect();
                json_answer(200, &told("commit-comparison", json!({ "total_commits": 3, "ahead_by": 3, "behind_by": 0, "files": files }), false))
            }
            _ => found(None),
        }
    }

    fn runs(&self, world: &World, repository: &str, path: &[&str], query: &Query, workflow: Option<u64>) -> Answer {
        if let Some(nonsense) = &world.nonsense {
            return json_answer(200, nonsense);
        }
        let (branch, status, event) = (query.get("branch"), query.get("status"), query.get("event"));
        let so = |wanted: Option<&str>, has: &[Option<&str>]| wanted.is_none_or(|wanted| has.contains(&Some(wanted)));
        let mut runs: Vec<_> = world.runs.values().rev().collect();
        runs.retain(|run| so(branch, &[Some(&run.branch)]) && so(status, &[Some(run.status), run.conclusion]));
        runs.retain(|run| event.is_none_or(|event| run.event == event));
        runs.retain(|run| workflow.is_none_or(|workflow| run.workflow == workflow));
        let until: Option<Timestamp> =
            query.get("created").map(|range| range.strip_prefix("<=").and_then(|at| at.parse().ok()).expect("a range that this server knows"));
        runs.retain(|run| until.is_none_or(|until| run.created <= until));
        if branch.or(status).is_some() || until.is_some() {
            runs.truncate(FILTERED);
        }
        self.page(repository, path, query, "workflow_runs", &runs, |run| run.json(repository))
    }

    /// One page of a list, with the way to the next one.
    fn page<T>(&self, repository: &str, path: &[&str], query: &Query, key: &str, rows: &[&T], json: impl Fn(&T) -> Value) -> Answer {
        let path = [&["actions"], path].concat();
        self.cut(repository, &path, query, rows, json, |shown| json!({ "total_count": rows.len(), key: shown }))
    }

    /// The same of a list that comes as it is.
    fn list<T>(&self, repository: &str, path: &[&str], query: &Query, rows: &[&T], json: impl Fn(&T) -> Value) -> Answer {
        self.cut(repository, path, query, rows, json, Value::from)
    }

    fn cut<T>(
        &self,
        repository: &str,
        path: &[&str],
        query: &Query,
        rows: &[&T],
        json: impl Fn(&T) -> Value,
        whole: impl FnOnce(Vec<Value>) -> Value,
    ) -> Answer {
        let number = |key: &str, default: usize| query.get(key).and_then(|value| value.parse().ok()).unwrap_or(default);
        let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
        let shown: Vec<Value> = rows.iter().skip((page - 1) * size).take(size).map(|row| json(row)).collect();
        let mut answer = json_answer(200, &whole(shown));
        if page * size < rows.len() {
            let url = |page: usize| format!("{}/api/v3/repos/{repository}/{}?{}", self.proxy, path.join("/"), query.at_page(page));
            let link = format!("<{}>; rel=\"next\", <{}>; rel=\"last\"", url(page + 1), url(rows.len().div_ceil(size)));
            answer.headers_mut().insert("link", link.parse().expect("a header"));
        }
        answer
    }

    fn job(&self, world: &World, repository: &str, id: &str, rest: &[&str]) -> Answer {
        let mut all = world.runs.values().flat_map(|run| run.jobs.iter().map(move |job| (run, job)));
        let job = id.parse().ok().and_then(|id: u64| all.find(|(_, job)| job.id == id));
        match (job, rest) {
            (Some((run, job)), []) => json_answer(200, &job.json(run)),
            (Some((_, job)), ["logs"]) if job.log.is_some() => {
                let place = format!("http://{}/signed/{repository}/{}?signature=1", self.storage, job.id);
                answer(302, &[("location", &place)], Bytes::new())
            }
            _ => said(404, "Not Found", &[]),
        }
    }

    /// A request at the storage.
    fn stored(&self, request: &Request<Bytes>) -> Answer {
        let secret = |name: &&str| matches!(*name, "authorization" | "cookie" | "proxy-authorization") || name.starts_with("x-github");
        let told: Vec<String> = request.headers().keys().map(|name| name.as_str()).filter(secret).map(String::from).collect();
        if !told.is_empty() {
            self.leaks.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {told:?}", request.uri()));
            return said(400, "only one way to know who you are, please", &[]);
        }
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let ["signed", owner, name, job] = path.as_slice() else { return said(404, "no such log", &[]) };
        let mut repositories = self.repositories();
        let log = repositories.get_mut(&format!("{owner}/{name}")).and_then(|world| world.job(job.parse().ok()?).log.clone());
        answer(200, &[("content-type", "text/plain")], Bytes::from(log.expect("nobody is sent for a log that is not there")))
    }
}

/// The parameters of a URL; none of ours needs to be decoded but the slash of a branch and the range of a time.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Self {
        Self(
            text.split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.into(), value.replace("%2F", "/").replace("%3C%3D", "<=").replace("%3A", ":")))
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn at_page(&self, page: usize) -> String {
        let kept = self.0.iter().filter(|(key, _)| key != "page").map(|(key, value)| format!("{key}={}", value.replace("<=", "%3C%3D")));
        kept.chain([format!("page={page}")]).collect::<Vec<_>>().join("&")
    }
}

/// Has it run again, and maybe says nothing of it.
fn rerun(world: &mut World, what: &str, number: u64) -> Answer {
    match world.rerun(what, number) {
        Ok(()) if std::mem::take(&mut world.cut) => answer(LOST, &[], Bytes::new()),
        Ok(()) => json_answer(201, &json!({})),
        Err(why) => said(403, why, &[]),
    }
}

/// Starts a workflow, and maybe says nothing of it.
fn start_workflow(world: &mut World, workflow: &str, body: &Bytes) -> Answer {
    if let Some(why) = world.forbids {
        return said(403, why, &[]);
    }
    let number = world.start(workflow.parse().expect("a number"), &serde_json::from_slice(body).expect("JSON"));
    match (std::mem::take(&mut world.cut), world.names) {
        (true, _) => answer(LOST, &[], Bytes::new()),
        (false, true) => json_answer(200, &told("workflow-dispatch-response", json!({ "workflow_run_id": number }), false)),
        (false, false) => answer(204, &[], Bytes::new()),
    }
}

fn found(row: Option<Value>) -> Answer {
    row.map_or_else(|| said(404, "Not Found", &[]), |row| json_answer(200, &row))
}

fn said(status: u16, message: &str, headers: &[(&str, &str)]) -> Answer {
    let mut answer = json_answer(status, &json!({ "message": message, "documentation_url": "https://docs.github.example/rest" }));
    answer.headers_mut().extend(named(headers));
    answer
}

fn json_answer(status: u16, body: &Value) -> Answer {
    answer(status, &[("content-type", "application/json; charset=utf-8")], Bytes::from(body.to_string()))
}

fn answer(status: u16, headers: &[(&str, &str)], body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().extend(named(headers));
    answer
}

fn named(headers: &[(&str, &str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse::<hyper::header::HeaderName>().expect("a name"), value.parse().expect("a value"))).collect()
}

/// Marks a good answer, and says "not modified" to whoever has it; also whether the request counts.
fn conditional(mut whole: Answer, asked: &HeaderMap) -> (Answer, bool) {
    if whole.status() != StatusCode::OK {
        return (whole, true);
    }
    let mut hasher = DefaultHasher::new();
    format!("{:?}", whole.body()).hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    if asked.get("if-none-match").is_some_and(|known| known == tag.as_str()) {
        return (answer(304, &[("etag", &tag)], Bytes::new()), false);
    }
    whole.headers_mut().insert("etag", tag.parse().expect("a header"));
    (whole, true)
}

fn budget(mut answer: Answer, left: u64) -> Answer {
    let reset = (Timestamp::now() + SignedDuration::from_mins(40)).as_second();
    for (name, value) in [("x-ratelimit-limit", 5_000), ("x-ratelimit-remaining", left), ("x-ratelimit-reset", reset.unsigned_abs())] {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().insert(name, value.into());
        }
    }
    answer
}
