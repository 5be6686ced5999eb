//! What our GitHub knows: runs with their jobs and steps, which go on when a test says so. What an answer looks like is taken from the examples of
//! GitHub's own description, with our values in it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, sync::LazyLock};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let file = std::env::var("LAB_GITHUB_DESCRIPTION").expect("lab.env sets LAB_GITHUB_DESCRIPTION");
    serde_json::from_str(&fs::read_to_string(file).expect("the description")).expect("it is JSON")
});

/// A run and its jobs.
#[derive(Clone)]
pub struct Run {
    pub id: u64,
    pub number: u64,
    pub attempt: u64,
    pub title: String,
    pub branch: String,
    pub workflow: u64,
    pub status: &'static str,
    pub conclusion: Option<&'static str>,
    pub created: Timestamp,
    pub started: Timestamp,
    pub updated: Timestamp,
    pub jobs: Vec<Job>,
    /// Only what must be told, and nothing where nothing may stand.
    pub sparse: bool,
}

/// A job, its steps, and what it has said.
#[derive(Clone)]
pub struct Job {
    pub id: u64,
    pub name: String,
    pub status: &'static str,
    pub conclusion: Option<&'static str>,
    pub started: Timestamp,
    pub completed: Option<Timestamp>,
    pub steps: Vec<Step>,
    pub log: Option<String>,
}

/// Name, status and conclusion.
pub type Step = (&'static str, &'static str, Option<&'static str>);

impl Run {
    /// A run that waits for a runner.
    pub fn queued(id: u64, jobs: Vec<Job>) -> Self {
        let now = Timestamp::now();
        let (title, branch) = (format!("Change number {id}"), "main".into());
        Self {
            id,
            number: id,
            attempt: 1,
            title,
            branch,
            workflow: 77,
            status: "queued",
            conclusion: None,
            created: now,
            started: now,
            updated: now,
            jobs,
            sparse: false,
        }
    }

    /// A run that is over since a while.
    pub fn over(id: u64, conclusion: &'static str) -> Self {
        let began = Timestamp::now() - jiff::SignedDuration::from_mins(10);
        let (created, started, updated) = (began, began, began + jiff::SignedDuration::from_mins(5));
        Self { status: "completed", conclusion: Some(conclusion), created, started, updated, ..Self::queued(id, Vec::new()) }
    }

    /// It stands so from now on.
    pub fn stands(&mut self, status: &'static str, conclusion: Option<&'static str>) {
        (self.status, self.conclusion, self.updated) = (status, conclusion, Timestamp::now());
    }

    /// One more attempt, with jobs of its own: same number, same time of creation.
    pub fn again(&mut self, jobs: Vec<Job>) {
        self.attempt += 1;
        self.started = Timestamp::now();
        self.jobs = jobs;
        self.stands("queued", None);
    }

    pub fn json(&self, repository: &str) -> Value {
        let own = json!({
            "id": self.id, "run_number": self.number, "run_attempt": self.attempt, "name": "deploy", "display_title": self.title, "head_branch": self.branch,
            "path": ".github/workflows/deploy.yml", "workflow_id": self.workflow, "status": self.status, "conclusion": self.conclusion,
            "created_at": self.created.to_string(), "run_started_at": self.started.to_string(), "updated_at": self.updated.to_string(),
            "html_url": format!("https://github.example/{repository}/actions/runs/{}", self.id), "a_field_of_tomorrow": { "x": [1] },
        });
        told("workflow-run", own, self.sparse)
    }
}

impl Job {
    /// A job that waits for a runner.
    pub fn queued(id: u64, name: &str) -> Self {
        Self { id, name: name.into(), status: "queued", conclusion: None, started: Timestamp::now(), completed: None, steps: Vec::new(), log: None }
    }

    /// A runner took it; these are its steps.
    pub fn runs(&mut self, steps: &[Step]) {
        (self.status, self.started, self.steps) = ("in_progress", Timestamp::now(), steps.to_vec());
    }

    /// It is over, and has said this.
    pub fn ends(&mut self, conclusion: &'static str, log: Option<&str>) {
        (self.status, self.conclusion, self.completed) = ("completed", Some(conclusion), Some(Timestamp::now()));
        self.steps.iter_mut().for_each(|(_, status, ended)| (*status, *ended) = ("completed", Some(ended.unwrap_or(conclusion))));
        self.log = log.map(String::from);
    }

    pub fn json(&self, run: &Run) -> Value {
        // Numbers of steps have gaps, and come in any order.
        let step = |(at, (name, status, conclusion)): (usize, &Step)| json!({ "number": at * 3 + 1, "name": name, "status": status, "conclusion": conclusion });
        let own = json!({
            "id": self.id, "run_id": run.id, "run_attempt": run.attempt, "name": self.name, "status": self.status, "conclusion": self.conclusion,
            "created_at": run.started.to_string(), "started_at": self.started.to_string(), "completed_at": self.completed.map(|at| at.to_string()),
            "steps": self.steps.iter().enumerate().rev().map(step).collect::<Vec<_>>(), "workflow_name": "deploy", "head_branch": run.branch,
        });
        told("job", own, run.sparse)
    }
}

/// The description's example of this schema with our values; where it shall be sparse, without all that the schema does not insist on.
fn told(schema: &str, own: Value, sparse: bool) -> Value {
    let mut whole = DESCRIPTION["components"]["examples"][schema]["value"].as_object().cloned().unwrap_or_else(|| panic!("an example of {schema}"));
    whole.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(if sparse { least(&DESCRIPTION["components"]["schemas"][schema], whole) } else { whole })
}

fn least(schema: &Value, whole: Map<String, Value>) -> Map<String, Value> {
    let required = |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|one| one == key));
    let nullable = |key: &str| schema["properties"][key]["nullable"] == true;
    whole.into_iter().filter(|(key, _)| required(key)).map(|(key, value)| if nullable(&key) { (key, Value::Null) } else { (key, value) }).collect()
}

/// How a repository refuses.
#[derive(Clone)]
pub struct Refusal {
    pub status: u16,
    pub message: &'static str,
    pub headers: Vec<(&'static str, String)>,
}

/// One request, and what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Timestamp,
    /// Path below the repository, and query.
    pub what: String,
    pub status: u16,
}

/// One repository.
pub struct World {
    pub token: &'static str,
    pub runs: BTreeMap<u64, Run>,
    pub refusal: Option<Refusal>,
    /// Answers lists of runs with this instead.
    pub nonsense: Option<Value>,
    pub left: u64,
    pub asked: Vec<Asked>,
}

impl World {
    pub fn new(token: &'static str) -> Self {
        Self { token, runs: BTreeMap::new(), refusal: None, nonsense: None, left: 4_999, asked: Vec::new() }
    }

    pub fn add(&mut self, run: Run) {
        self.runs.insert(run.id, run);
    }

    pub fn run(&mut self, id: u64) -> &mut Run {
        self.runs.get_mut(&id).expect("a run")
    }

    pub fn job(&mut self, id: u64) -> &mut Job {
        self.runs.values_mut().flat_map(|run| &mut run.jobs).find(|job| job.id == id).expect("a job")
    }
}
