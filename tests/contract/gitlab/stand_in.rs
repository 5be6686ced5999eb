//! The stand-in for GitLab: a server for each test.

use super::world::{Pipeline, Shape, World};
use crate::asked::Asked;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::HeaderMap, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use pilothouse::sources::http::Url;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;

type Answer = Response<Full<Bytes>>;

/// No status of anybody's: the answer is lost on its way.
const LOST: u16 = 599;

/// The server.
#[derive(Clone)]
pub struct GitLab {
    /// Where it is, below a path as companies like it.
    pub url: String,
    pub project: String,
    worlds: Arc<Mutex<BTreeMap<String, World>>>,
}

impl GitLab {
    /// A GitLab with one project in a sub-group.
    pub fn start(name: &str, shape: Shape) -> Self {
        let project = format!("acme/shop/{name}");
        let worlds = Arc::new(Mutex::new(BTreeMap::from([(project.clone(), World::new(&project, shape))])));
        let (tell, told) = std::sync::mpsc::channel();
        let own = worlds.clone();
        // It outlives the runtime of the test, which a test of the program does not have.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let url = format!("http://{}/git", listener.local_addr().expect("it is bound"));
                tell.send(url.clone()).expect("somebody waits");
                while let Ok((stream, _)) = listener.accept().await {
                    let (worlds, url) = (own.clone(), url.clone());
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (worlds, url) = (worlds.clone(), url.clone());
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
                            let request = Request::from_parts(head, body);
                            let answer = answer(&mut worlds.lock().unwrap_or_else(PoisonError::into_inner), &url, &request);
                            if answer.status().as_u16() == LOST { Err(std::io::Error::other("lost")) } else { Ok(answer) }
                        }
                    });
                    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        Self { url: told.recv().expect("the server starts"), project, worlds }
    }

    /// The same GitLab by another of its projects, which is made.
    pub fn beside(&self, name: &str, shape: Shape) -> Self {
        let project = format!("acme/shop/{name}");
        self.worlds.lock().unwrap_or_else(PoisonError::into_inner).insert(project.clone(), World::new(&project, shape));
        Self { project, ..self.clone() }
    }

    /// Looks at the project, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(self.worlds.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.project).expect("a project"))
    }
}

fn answer(worlds: &mut BTreeMap<String, World>, url: &str, request: &Request<Bytes>) -> Answer {
    let path: Vec<String> = request.uri().path().split('/').skip(1).map(|part| part.replace("%2F", "/")).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if path == ["git", "api", "graphql"] {
        return graph(worlds, request);
    }
    let ["git", "api", "v4", rest @ ..] = path.as_slice() else { return said(404, "404 Not Found") };
    // What is about no project, or about none that is there, is asked of any.
    let named = rest.get(1).copied().filter(|name| worlds.contains_key(*name));
    let world = match named {
        Some(name) => worlds.get_mut(name),
        None => worlds.values_mut().next(),
    };
    let world = world.expect("a project");
    let (name, token) = world.token;
    let answer = match request.headers().get(name).and_then(|value| value.to_str().ok()) {
        Some(told) if told == token => refused(world).unwrap_or_else(|| of(world, url, rest, &query, request)),
        _ => said(401, "401 Unauthorized"),
    };
    let answer = conditional(answer, request.headers());
    world.asked.push(Asked::now(format!("{} {}?{query}", request.method(), rest.join("/")), answer.status().as_u16()));
    limited(answer, world)
}

/// What GraphQL is asked: the inputs that a branch of a project declares.
fn graph(worlds: &BTreeMap<String, World>, request: &Request<Bytes>) -> Answer {
    let url = Url::parse(&format!("http://gitlab.example{}", request.uri())).expect("a URL");
    let given = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned()).expect("a parameter");
    let variables: Value = serde_json::from_str(&given("variables")).expect("JSON");
    let world = variables["project"].as_str().and_then(|project| worlds.get(project)).expect("a project");
    let (name, token) = world.token;
    assert!(request.method() == Method::GET && given("query").contains("ciPipelineCreationInputs(ref: $ref)") && variables["ref"] == "main");
    if request.headers().get(name).is_none_or(|told| told != token) {
        return said(401, "401 Unauthorized");
    }
    match &world.declared {
        Some(declared) => ok(&json!({ "data": { "project": { "ciPipelineCreationInputs": declared } } })),
        None => ok(&json!({ "errors": [{ "message": "Field 'ciPipelineCreationInputs' doesn't exist on type 'Project'" }] })),
    }
}

fn refused(world: &World) -> Option<Answer> {
    let (status, text, headers) = world.refusal.clone()?;
    let mut answer = if status == 429 { plain(status, text.as_bytes()) } else { said(status, text) };
    headers.into_iter().for_each(|(name, value)| drop(answer.headers_mut().insert(name, value.parse().expect("a value"))));
    Some(answer)
}

fn of(world: &mut World, url: &str, path: &[&str], query: &str, request: &Request<Bytes>) -> Answer {
    let get = |key: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key).map(|(_, value)| value.replace("%2F", "/"));
    if path == ["personal_access_tokens", "self"] {
        return ok(&json!({ "scopes": world.scopes, "active": true }));
    }
    let ["projects", project, rest @ ..] = path else { return said(404, "404 Not Found") };
    if *project != world.project {
        return said(404, "404 Project Not Found");
    }
    let page = |rows: Vec<Value>| page(url, path, query, rows);
    if request.method() == Method::POST {
        let body: Value = if request.body().is_empty() { Value::Null } else { serde_json::from_slice(request.body()).expect("JSON") };
        return match rest {
            ["pipeline"] => match world.start(&body) {
                Ok(_) if std::mem::take(&mut world.cut) => plain(LOST, b""),
                Ok(pipeline) => answer_json(201, &pipeline),
                Err(why) => answer_json(400, &json!({ "message": { "base": [why] } })),
            },
            ["pipelines", id, what @ ("retry" | "cancel")] => match world.change(id.parse().unwrap_or_default(), what) {
                Some(_) if std::mem::take(&mut world.cut) => plain(LOST, b""),
                Some(pipeline) => answer_json(if *what == "retry" { 201 } else { 200 }, &pipeline),
                None => said(404, "404 Not found"),
            },
            ["deployments", id, "approval"] => match world.approve(id.parse().unwrap_or_default(), &body) {
                Ok(_) if std::mem::take(&mut world.cut) => plain(LOST, b""),
                Ok(approval) => answer_json(201, &approval),
                Err(why) => said(400, why),
            },
            ["jobs", id, "play"] => match world.play(id.parse().unwrap_or_default(), &body) {
                Some(_) if std::mem::take(&mut world.cut) => plain(LOST, b""),
                Some(job) => ok(&job),
                None => said(400, "400 Bad request - Unplayable Job"),
            },
            ["jobs", id, "retry"] => match world.retry(id.parse().unwrap_or_default()) {
                Ok(_) if std::mem::take(&mut world.cut) => plain(LOST, b""),
                Ok(job) => answer_json(201, &job),
                Err(why) => said(if why.starts_with("404") { 404 } else { 403 }, why),
            },
            _ => said(404, "404 Not Found"),
        };
    }
    let found = |id: &str| id.parse().ok().and_then(|id: u64| world.pipelines.get(&id)).filter(|pipeline| !pipeline.elsewhere);
    match rest {
        [] => ok(&json!({
            "id": 7, "path_with_namespace": world.project, "archived": false, "ci_forward_deployment_enabled": true,
            "ci_forward_deployment_rollback_allowed": world.rollback_allowed,
            "permissions": { "project_access": null, "group_access": { "access_level": world.role } },
        })),
        ["pipelines"] => {
            // Child pipelines are left out, as GitLab does.
            let mut rows: Vec<&Pipeline> = world.pipelines.values().filter(|row| row.source != "parent_pipeline" && !row.elsewhere).collect();
            rows.retain(|row| get("ref").is_none_or(|wanted| row.reference == wanted) && get("source").is_none_or(|wanted| row.source == wanted));
            // Whether that time itself is among them its documentation does not say: here it is not.
            let until: Option<Timestamp> = get("updated_before").map(|at| at.replace("%3A", ":").parse().expect("a time"));
            rows.retain(|row| until.is_none_or(|until| row.updated < until));
            match get("order_by").as_deref() {
                Some("updated_at") => rows.sort_by_key(|row| std::cmp::Reverse((row.updated, row.id))),
                _ => rows.sort_by_key(|row| std::cmp::Reverse(row.id)),
            }
            page(rows.into_iter().map(|row| world.told(row, false)).collect())
        }
        ["pipelines", id] => found(id).map_or_else(|| said(404, "404 Not found"), |row| ok(&world.told(row, true))),
        ["pipelines", id, "jobs"] => match found(id) {
            Some(row) => {
                let all = get("include_retried").as_deref() == Some("true");
                let mut jobs: Vec<_> = row.jobs.iter().filter(|job| all || !job.retried).collect();
                jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
                page(jobs.into_iter().map(|job| world.job_json(row, job)).collect())
            }
            None => said(404, "404 Not found"),
        },
        ["pipelines", id, "test_report_summary"] => match (found(id), &world.tests) {
            (Some(_), Some(total)) => ok(&json!({ "total": total, "test_suites": [] })),
            _ => said(404, "404 Not found"),
        },
        ["pipelines", id, "bridges"] => match found(id) {
            Some(row) => page(row.bridges.iter().map(|bridge| world.bridge(row, *bridge)).collect()),
            None => said(404, "404 Not found"),
        },
        ["jobs", id, rest @ ..] => {
            let job = world.pipelines.values().find_map(|row| row.jobs.iter().find(|job| job.id.to_string() == *id).map(|job| (row, job)));
            match (job, rest) {
                (Some((row, job)), []) => ok(&world.job_json(row, job)),
                (Some((_, job)), ["trace"]) if job.log.is_some() => plain(200, job.log.as_deref().unwrap_or_default()),
                _ => said(404, "404 Not found"),
            }
        }
        ["repository", "commits"] if world.titles => {
            page(world.pipelines.values().map(|row| json!({ "id": row.sha, "title": format!("Change number {}", row.id) })).collect())
        }
        ["repository", "compare"] => {
            let diffs: Vec<Value> = world.files.iter().map(|file| json!({ "new_path": file, "old_path": file, "diff": "" })).collect();
            ok(&json!({ "commits": [{ "id": "a" }, { "id": "b" }], "diffs": diffs }))
        }
        ["merge_trains"] => match &world.trains {
            Some(cars) => page(
                cars.iter()
                    .map(|(number, pipeline)| {
                        let request = json!({ "iid": number, "title": "Faster prices" });
                        json!({ "id": 1, "merge_request": request, "pipeline": { "id": pipeline }, "target_branch": "main", "status": "fresh" })
                    })
                    .collect(),
            ),
            None => said(403, "403 Forbidden"),
        },
        ["deployments"] => {
            let mut rows: Vec<_> = world.deployments.iter().filter(|one| get("environment").is_none_or(|wanted| one.environment == wanted)).collect();
            rows.retain(|one| get("status").is_none_or(|wanted| one.status == wanted));
            // The oldest first, unless somebody says otherwise.
            rows.sort_by_key(|one| one.id);
            if get("sort").as_deref() == Some("desc") {
                rows.reverse();
            }
            page(rows.into_iter().map(|one| world.deployment(one)).collect())
        }
        ["protected_environments", name] if world.approvals > 0 => ok(&json!({ "name": name, "required_approval_count": world.approvals })),
        _ => said(404, "404 Not found"),
    }
}

/// One page of a list, with the way to the next one.
fn page(url: &str, path: &[&str], query: &str, rows: Vec<Value>) -> Answer {
    let number = |key: &str, default: usize| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let (size, page) = (number("per_page", 20).clamp(1, 100), number("page", 1).max(1));
    let count = rows.len();
    let shown: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    let mut answer = ok(&Value::from(shown));
    if page * size < count {
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
        let path: Vec<String> = path.iter().map(|part| part.replace('/', "%2F")).collect();
        let link = format!("<{url}/api/v4/{}?{}&page={}>; rel=\"next\"", path.join("/"), kept.join("&"), page + 1);
        answer.headers_mut().insert("link", link.parse().expect("a header"));
    }
    answer
}

fn ok(body: &Value) -> Answer {
    answer_json(200, body)
}

fn said(status: u16, message: &str) -> Answer {
    answer_json(status, &json!({ "message": message }))
}

fn answer_json(status: u16, body: &Value) -> Answer {
    let mut answer = plain(status, body.to_string().as_bytes());
    answer.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
    answer
}

fn plain(status: u16, body: &[u8]) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(body)));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert("content-type", "text/plain".parse().expect("a value"));
    answer
}

/// Marks a good answer, and says "not modified" to whoever has it.
fn conditional(mut whole: Answer, asked: &HeaderMap) -> Answer {
    if whole.status() != StatusCode::OK {
        return whole;
    }
    let mut hasher = DefaultHasher::new();
    format!("{:?}", whole.body()).hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    if asked.get("if-none-match").is_some_and(|known| known == tag.as_str()) {
        return plain(304, b"");
    }
    whole.headers_mut().insert("etag", tag.parse().expect("a header"));
    whole
}

fn limited(mut answer: Answer, world: &mut World) -> Answer {
    if let Some((limit, left)) = &mut world.limit {
        *left = left.saturating_sub(1);
        let reset = (Timestamp::now() + jiff::SignedDuration::from_secs(60)).as_second().unsigned_abs();
        for (name, value) in [("ratelimit-limit", *limit), ("ratelimit-remaining", *left), ("ratelimit-reset", reset)] {
            answer.headers_mut().insert(name, value.into());
        }
    }
    answer
}
