//! What our GitLab knows: pipelines with their jobs, children, trains and deployments, which go on when a test says so, in the shapes of an old
//! and of a new version. What the new one tells is held against a schema of the fields that GitLab's own tests insist on.

use crate::asked::Asked;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("../../fixtures/gitlab/schema-v4.json")).expect("JSON"));

/// Whose fields are told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Version 15: no names of pipelines, no reasons, nothing archived, no project beside a child.
    Old,
    /// Version 18.
    New,
}

/// A pipeline and its jobs.
#[derive(Clone)]
pub struct Pipeline {
    pub id: u64,
    pub status: &'static str,
    pub group: &'static str,
    pub reference: String,
    pub sha: String,
    pub source: &'static str,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub jobs: Vec<Job>,
    /// Jobs that began pipelines: number, name, and which.
    pub bridges: Vec<(u64, &'static str, u64)>,
    /// Its project, where that is another one.
    pub elsewhere: bool,
    /// Only what must be told, and nothing where nothing may stand.
    pub sparse: bool,
}

/// A job, and what it has said.
#[derive(Clone)]
pub struct Job {
    pub id: u64,
    pub name: String,
    pub stage: &'static str,
    pub status: &'static str,
    pub allowed: bool,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub archived: bool,
    pub retried: bool,
    pub by: &'static str,
    pub log: Option<Vec<u8>>,
    /// The files that it left behind.
    pub artifacts: Value,
}

impl Job {
    pub fn new(id: u64, stage: &'static str, name: &str, status: &'static str) -> Self {
        let now = Timestamp::now();
        let began = (!matches!(status, "created" | "pending" | "manual" | "skipped")).then_some(now);
        let ended = began.filter(|_| matches!(status, "success" | "failed" | "canceled"));
        let (allowed, archived, retried, by, log, artifacts) = (false, false, false, "kim", None, json!([]));
        Self { id, name: name.into(), stage, status, allowed, created: now, started: began, finished: ended, archived, retried, by, log, artifacts }
    }

    /// It is over.
    pub fn ends(&mut self, status: &'static str) {
        self.started.get_or_insert_with(Timestamp::now);
        (self.status, self.finished) = (status, Some(Timestamp::now()));
    }
}

impl Pipeline {
    pub fn new(id: u64, status: &'static str, jobs: Vec<Job>) -> Self {
        let now = Timestamp::now();
        let (reference, sha) = ("main".into(), format!("{id:0<40}"));
        Self {
            id,
            status,
            group: status,
            reference,
            sha,
            source: "push",
            created: now,
            updated: now,
            jobs,
            bridges: Vec::new(),
            elsewhere: false,
            sparse: false,
        }
    }

    /// It stands so from now on.
    pub fn stands(&mut self, status: &'static str) {
        (self.status, self.group, self.updated) = (status, status, Timestamp::now());
    }

    fn over(&self) -> bool {
        matches!(self.status, "success" | "failed" | "canceled" | "skipped")
    }
}

/// A deployment of a job.
#[derive(Clone)]
pub struct Deployment {
    pub id: u64,
    pub environment: String,
    pub sha: String,
    pub status: &'static str,
    pub job: Option<u64>,
    pub by: &'static str,
    pub created: Timestamp,
}

/// One project.
pub struct World {
    pub shape: Shape,
    pub project: String,
    pub token: (&'static str, &'static str),
    pub pipelines: BTreeMap<u64, Pipeline>,
    pub deployments: Vec<Deployment>,
    /// Merge requests on trains: number, pipeline; none where this GitLab has no trains.
    pub trains: Option<Vec<(u64, u64)>>,
    pub titles: bool,
    /// The coverage of each pipeline, and what its tests came to; none where no job reports any.
    pub coverage: Value,
    pub tests: Option<Value>,
    pub role: u32,
    pub scopes: Vec<&'static str>,
    pub approvals: u64,
    pub rollback_allowed: bool,
    pub files: Vec<&'static str>,
    /// Refuses with this: status, text, headers.
    pub refusal: Option<(u16, &'static str, Vec<(&'static str, String)>)>,
    /// A limit that is told, and what is left of it.
    pub limit: Option<(u64, u64)>,
    /// What was asked, and what came of it.
    pub asked: Vec<Asked>,
    pub retries: Vec<u64>,
    /// What was asked of pipelines, and of jobs that wait.
    pub changes: Vec<String>,
    /// What was written along with them: branch and variables of a start, variables of a job.
    pub written: Vec<Value>,
    /// What the configuration declares as inputs, in the words of GraphQL; none where this GitLab does not tell that yet.
    pub declared: Option<Value>,
    /// Why no pipeline is started.
    pub rules: Option<&'static str>,
    /// The next retry is carried out, and its answer lost.
    pub cut: bool,
    /// How a deployment ends that a retry makes; none where the test ends it.
    pub ends: Option<&'static str>,
}

impl World {
    pub fn new(project: &str, shape: Shape) -> Self {
        Self {
            shape,
            project: project.into(),
            token: ("private-token", "t0ken-test"),
            pipelines: BTreeMap::new(),
            deployments: Vec::new(),
            trains: Some(Vec::new()),
            titles: true,
            coverage: json!("88.4"),
            tests: None,
            role: 30,
            scopes: vec!["api"],
            approvals: 0,
            rollback_allowed: true,
            files: vec!["src/price.rs"],
            refusal: None,
            limit: None,
            asked: Vec::new(),
            retries: Vec::new(),
            changes: Vec::new(),
            written: Vec::new(),
            declared: (shape == Shape::New).then(|| json!([])),
            rules: None,
            cut: false,
            ends: None,
        }
    }

    pub fn add(&mut self, pipeline: Pipeline) {
        self.pipelines.insert(pipeline.id, pipeline);
    }

    pub fn pipeline(&mut self, id: u64) -> &mut Pipeline {
        self.pipelines.get_mut(&id).expect("a pipeline")
    }

    pub fn job(&mut self, id: u64) -> &mut Job {
        self.pipelines.values_mut().flat_map(|pipeline| &mut pipeline.jobs).find(|job| job.id == id).expect("a job")
    }

    /// A pipeline that deployed a version some hours ago, and how that ended.
    pub fn deployed(&mut self, number: u64, version: &str, environment: &str, status: &'static str, hours: i64) {
        let created = Timestamp::now() - SignedDuration::from_hours(hours);
        let mut job = Job::new(number * 10, "deploy", &format!("deploy to {environment}"), status);
        job.created = created;
        let mut pipeline = Pipeline::new(number, status, vec![Job::new(number * 10 + 1, "build", "compile", "success"), job]);
        (pipeline.created, pipeline.updated, pipeline.sha) = (created, created, format!("{version:0<40}"));
        let deployment =
            Deployment { id: number, environment: environment.into(), sha: pipeline.sha.clone(), status, job: Some(number * 10), by: "kim", created };
        self.add(pipeline);
        self.deployments.push(deployment);
    }

    /// Retries or cancels a pipeline, in whatever state it is, as GitLab does.
    pub fn change(&mut self, id: u64, what: &str) -> Option<Value> {
        let pipeline = self.pipelines.get_mut(&id)?;
        self.changes.push(format!("{what}/{id}"));
        if what == "cancel" && !pipeline.over() {
            pipeline.jobs.iter_mut().filter(|job| job.finished.is_none()).for_each(|job| job.ends("canceled"));
            pipeline.stands("canceled");
        }
        let failed: Vec<Job> = pipeline.jobs.iter().filter(|job| !job.retried && matches!(job.status, "failed" | "canceled")).cloned().collect();
        if what == "retry" && !failed.is_empty() {
            pipeline.jobs.iter_mut().filter(|job| failed.iter().any(|one| one.id == job.id)).for_each(|job| job.retried = true);
            pipeline.jobs.extend(failed.iter().map(|job| Job::new(job.id + 1_000, job.stage, &job.name, "running")));
            pipeline.stands("running");
        }
        let pipeline = self.pipelines[&id].clone();
        Some(self.told(&pipeline, true))
    }

    /// Starts a pipeline on a branch. Why not, else.
    pub fn start(&mut self, body: &Value) -> Result<Value, &'static str> {
        if let Some(why) = self.rules {
            return Err(why);
        }
        self.written.push(body.clone());
        let id = self.pipelines.keys().max().copied().unwrap_or_default() + 1;
        self.changes.push(format!("start/{id}"));
        let reference = body["ref"].as_str().expect("a branch").to_owned();
        let pipeline = Pipeline { reference, source: "api", ..Pipeline::new(id, "running", vec![Job::new(id * 10, "test", "unit", "running")]) };
        self.add(pipeline.clone());
        Ok(self.told(&pipeline, true))
    }

    /// Approves or rejects a deployment that waits for that. Its job does not begin by that; where it is rejected, it fails.
    pub fn approve(&mut self, id: u64, body: &Value) -> Result<Value, &'static str> {
        let one = self.deployments.iter_mut().find(|one| one.id == id && one.status == "blocked").ok_or("This deployment is not waiting for approval.")?;
        let (approved, job) = (body["status"] == "approved", one.job.expect("a job"));
        if self.role < 30 {
            return Err("You don't have permission to approve this deployment.");
        }
        one.status = if approved { "created" } else { "failed" };
        self.changes.push(format!("{}/{id}", body["status"].as_str().expect("a word")));
        self.written.push(body.clone());
        if !approved {
            self.job(job).ends("failed");
        }
        Ok(json!({ "user": { "id": 1, "username": "sam" }, "status": body["status"], "comment": body["comment"] }))
    }

    /// Plays a job that waits; none if it does not.
    pub fn play(&mut self, id: u64, body: &Value) -> Option<Value> {
        let pipeline = self.pipelines.values_mut().find(|pipeline| pipeline.jobs.iter().any(|job| job.id == id))?;
        let job = pipeline.jobs.iter_mut().find(|job| job.id == id && job.status == "manual")?;
        *job = Job::new(id, job.stage, &job.name.clone(), "running");
        let job = job.clone();
        pipeline.stands("running");
        let pipeline = pipeline.clone();
        self.changes.push(format!("play/{id}"));
        self.written.push(body.clone());
        Some(self.job_json(&pipeline, &job))
    }

    /// Retries a job: a new one of its name, and a deployment where it deploys. Why not, else.
    pub fn retry(&mut self, id: u64) -> Result<Value, &'static str> {
        let pipeline = self.pipelines.values_mut().find(|pipeline| pipeline.jobs.iter().any(|job| job.id == id)).ok_or("404 Not found")?;
        let next = pipeline.jobs.iter().map(|job| job.id).max().unwrap_or_default() + 1_000;
        let old = pipeline.jobs.iter_mut().find(|job| job.id == id).ok_or("404 Not found")?;
        if old.retried || old.archived || old.finished.is_none() {
            return Err("403 Forbidden - Job is not retryable");
        }
        old.retried = true;
        let new = Job { by: "sam", ..Job::new(next, old.stage, &old.name.clone(), "running") };
        let (reference, sha) = (old.id, pipeline.sha.clone());
        pipeline.jobs.push(new);
        pipeline.stands("running");
        let number = pipeline.id;
        self.retries.push(id);
        let before = self.deployments.iter().find(|one| one.job == Some(reference) || one.sha == sha).cloned();
        if let Some(before) = before {
            let id = self.deployments.iter().map(|one| one.id).max().unwrap_or_default() + 1;
            self.deployments.push(Deployment { id, job: Some(next), by: "sam", status: "running", created: Timestamp::now(), ..before });
        }
        if let Some(status) = self.ends {
            self.finish(number, status);
        }
        Ok(json!({ "id": next }))
    }

    /// A pipeline ends, and the newest deployment with it.
    pub fn finish(&mut self, number: u64, status: &'static str) {
        let pipeline = self.pipeline(number);
        pipeline.jobs.iter_mut().filter(|job| job.finished.is_none()).for_each(|job| job.ends(status));
        pipeline.stands(status);
        if let Some(newest) = self.deployments.last_mut() {
            newest.status = status;
        }
    }

    /// A pipeline as lists tell it, or as an answer about it does.
    pub fn told(&self, pipeline: &Pipeline, whole: bool) -> Value {
        if pipeline.sparse {
            return json!({ "id": pipeline.id, "iid": pipeline.id, "ref": null, "sha": null, "status": null, "source": null, "created_at": null, "updated_at": null });
        }
        let project = if pipeline.elsewhere { "other/place" } else { &self.project };
        let mut value = json!({
            "id": pipeline.id, "iid": pipeline.id, "project_id": if pipeline.elsewhere { 8 } else { 7 }, "sha": pipeline.sha, "ref": pipeline.reference,
            "status": pipeline.status, "source": pipeline.source, "created_at": pipeline.created.to_string(), "updated_at": pipeline.updated.to_string(),
            "web_url": format!("https://gitlab.example/{project}/-/pipelines/{}", pipeline.id), "a_field_of_tomorrow": [{ "x": 1 }],
        });
        if whole {
            let more = json!({
                "before_sha": null, "tag": false, "yaml_errors": null, "user": { "id": 1, "username": "kim" }, "started_at": pipeline.created.to_string(),
                "finished_at": pipeline.over().then(|| pipeline.updated.to_string()), "duration": null, "coverage": self.coverage,
                "detailed_status": { "group": pipeline.group, "text": pipeline.group },
            });
            value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        }
        if self.shape == Shape::New {
            value["name"] = Value::Null;
            hold("pipeline_basic", &value);
        }
        value
    }

    /// A job of a pipeline.
    pub fn job_json(&self, pipeline: &Pipeline, job: &Job) -> Value {
        let mut value = json!({
            "id": job.id, "status": job.status, "stage": job.stage, "name": job.name, "ref": pipeline.reference, "tag": false, "coverage": null,
            "allow_failure": job.allowed, "created_at": job.created.to_string(), "started_at": job.started.map(|at| at.to_string()),
            "finished_at": job.finished.map(|at| at.to_string()), "duration": null, "queued_duration": null, "user": { "id": 1, "username": job.by },
            "commit": { "id": pipeline.sha, "title": "x" }, "pipeline": self.told(pipeline, false), "web_url": "https://gitlab.example/x", "artifacts": job.artifacts,
            "artifacts_expire_at": job.finished.map(|at| (at + SignedDuration::from_hours(24)).to_string()), "tag_list": [], "runner": null, "erased_at": null, "project": { "ci_job_token_scope_enabled": false },
        });
        if self.shape == Shape::New {
            value["archived"] = json!(job.archived);
            if job.status == "failed" {
                value["failure_reason"] = json!("script_failure");
            }
            hold("job", &value);
        }
        value
    }

    /// A job that began another pipeline.
    pub fn bridge(&self, pipeline: &Pipeline, (id, name, child): (u64, &str, u64)) -> Value {
        let child = &self.pipelines[&child];
        let mut begun = self.told(child, false);
        if self.shape == Shape::Old {
            begun.as_object_mut().expect("an object").remove("project_id");
        }
        let job = Job::new(id, "deploy", name, "success");
        let mut value = self.job_json(pipeline, &job);
        value["downstream_pipeline"] = begun;
        value
    }

    /// A deployment with its job.
    pub fn deployment(&self, one: &Deployment) -> Value {
        let job = self.pipelines.values().find_map(|pipeline| pipeline.jobs.iter().find(|job| Some(job.id) == one.job).map(|job| self.job_json(pipeline, job)));
        let value = json!({
            "id": one.id, "iid": one.id, "ref": "main", "sha": one.sha, "created_at": one.created.to_string(), "updated_at": one.created.to_string(),
            "status": one.status, "user": { "id": 1, "username": one.by }, "environment": { "id": 9, "name": one.environment }, "deployable": job,
        });
        if self.shape == Shape::New {
            hold("deployment", &value);
        }
        value
    }
}

/// Holds what is told against the schema.
fn hold(name: &str, value: &Value) {
    let mut faults = Vec::new();
    check(&SCHEMA["$defs"][name], value, name, &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        return check(SCHEMA.pointer(target.trim_start_matches('#')).expect("it is there"), value, at, faults);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut inner = Vec::new();
            check(choice, value, at, &mut inner);
            inner.is_empty()
        };
        if choices.iter().find(fits).is_none() {
            faults.push(format!("{at}: {value}"));
        }
        return;
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) && !NEW_WORDS.contains(&value.as_str().unwrap_or_default()) {
        faults.push(format!("{at}: {value} is none of its words"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(&kind)) {
        faults.push(format!("{at}: {value} is no {types:?}"));
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(key).is_none() {
            faults.push(format!("{at}: {key} is missing"));
        }
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(key) {
            check(inner, value, &format!("{at}.{key}"), faults);
        }
    }
}

/// Words that a test says on purpose and no version knows yet.
const NEW_WORDS: [&str; 1] = ["hibernating"];
