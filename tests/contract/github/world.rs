//! What our GitHub knows: runs with their jobs and steps, and deployments, which go on when a test says so. What an answer looks like is taken from the examples of
//! GitHub's own description, with our values in it.

use crate::asked::Asked;
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
    /// What had it run.
    pub event: &'static str,
    pub status: &'static str,
    pub conclusion: Option<&'static str>,
    pub created: Timestamp,
    pub started: Timestamp,
    pub updated: Timestamp,
    pub jobs: Vec<Job>,
    pub commit: String,
    /// Who had it run last.
    pub by: &'static str,
    /// The environments that hold it: number, name, whether we may let it go on.
    pub held: Vec<(u64, &'static str, bool)>,
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
            event: "push",
            status: "queued",
            conclusion: None,
            created: now,
            started: now,
            updated: now,
            jobs,
            commit: commit("acb5820"),
            by: "octocat",
            held: Vec::new(),
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
            "path": ".github/workflows/deploy.yml", "workflow_id": self.workflow, "event": self.event, "status": self.status, "conclusion": self.conclusion,
            "created_at": self.created.to_string(), "run_started_at": self.started.to_string(), "updated_at": self.updated.to_string(),
            "head_sha": self.commit, "triggering_actor": actor(self.by), "html_url": format!("https://github.example/{repository}/actions/runs/{}", self.id), "a_field_of_tomorrow": { "x": [1] },
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

/// Somebody, as the description's example of a run has them.
fn actor(login: &str) -> Value {
    let mut actor = DESCRIPTION["components"]["examples"]["workflow-run"]["value"]["actor"].clone();
    actor["login"] = json!(login);
    actor
}

/// The description's example of this schema with our values; where it shall be sparse, without all that the schema does not insist on.
pub fn told(schema: &str, own: Value, sparse: bool) -> Value {
    let examples = &DESCRIPTION["components"]["examples"];
    let example =
        [schema, &format!("{schema}-items"), &format!("{schema}-default-response")].into_iter().map(|name| &examples[name]["value"]).find(|one| !one.is_null());
    let example = example.map(|example| example.get(0).unwrap_or(example));
    let mut whole = example.and_then(Value::as_object).cloned().unwrap_or_else(|| panic!("an example of {schema}"));
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

/// One repository.
pub struct World {
    pub token: &'static str,
    pub runs: BTreeMap<u64, Run>,
    pub refusal: Option<Refusal>,
    /// Answers lists of runs with this instead.
    pub nonsense: Option<Value>,
    pub left: u64,
    pub asked: Vec<Asked>,
    /// What the token may do, and is known to.
    pub may_write: bool,
    pub scopes: Option<&'static str>,
    /// What an environment asks for before anything is deployed to it.
    pub rules: Value,
    /// Files that differ between any two commits.
    pub files: Vec<&'static str>,
    pub deployments: Vec<Deployment>,
    /// How a deployment ends that is made by a run that was run again; none where the test ends it.
    pub ends: Option<&'static str>,
    /// The next re-run is carried out, and its answer lost.
    pub cut: bool,
    pub reruns: Vec<String>,
    /// What each run uploaded: a name, bytes, and whether it is gone.
    pub artifacts: Vec<(String, u64, bool)>,
    /// What others say of each commit: a context and a sentence.
    pub statuses: Vec<(&'static str, Option<&'static str>)>,
    /// The checks of each commit: name and title.
    pub checks: Vec<(&'static str, Option<&'static str>)>,
    /// The file of the workflow; none where its branch does not hold it.
    pub file: Option<&'static str>,
    /// Whether the answer to a start names the run, and why there is no start.
    pub names: bool,
    pub forbids: Option<&'static str>,
    /// What was started: branch and inputs.
    pub starts: Vec<(String, Value)>,
}

impl World {
    pub fn new(token: &'static str) -> Self {
        Self {
            token,
            runs: BTreeMap::new(),
            refusal: None,
            nonsense: None,
            left: 4_999,
            asked: Vec::new(),
            may_write: true,
            scopes: Some("repo, workflow"),
            rules: json!([]),
            files: vec!["src/price.rs"],
            deployments: Vec::new(),
            ends: None,
            cut: false,
            reruns: Vec::new(),
            artifacts: Vec::new(),
            statuses: Vec::new(),
            checks: Vec::new(),
            file: None,
            names: false,
            forbids: None,
            starts: Vec::new(),
        }
    }

    /// Starts the workflow: a run of its own, by its number.
    pub fn start(&mut self, workflow: u64, body: &Value) -> u64 {
        let branch = body["ref"].as_str().expect("a branch").to_owned();
        self.starts.push((branch.clone(), body["inputs"].clone()));
        let number = self.runs.keys().max().copied().unwrap_or_default() + 1;
        self.add(Run { branch, workflow, event: "workflow_dispatch", ..Run::queued(number, Vec::new()) });
        number
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

/// A deployment of a commit to an environment, and its statuses, the newest first.
#[derive(Clone)]
pub struct Deployment {
    pub id: u64,
    pub commit: String,
    pub reference: String,
    pub environment: String,
    pub by: &'static str,
    pub task: &'static str,
    pub transient: bool,
    pub created: Timestamp,
    /// State, and the link that goes with it.
    pub statuses: Vec<(&'static str, String)>,
}

impl Deployment {
    pub fn json(&self, sparse: bool) -> Value {
        let own = json!({
            "id": self.id, "sha": self.commit, "ref": self.reference, "task": self.task, "environment": self.environment, "creator": actor(self.by),
            "created_at": self.created.to_string(), "updated_at": self.created.to_string(), "transient_environment": self.transient, "payload": "{}",
        });
        told("deployment", own, sparse)
    }

    pub fn status(&self, (state, url): &(&'static str, String)) -> Value {
        let own = json!({ "state": state, "log_url": url, "target_url": url, "description": "", "environment": self.environment, "created_at": self.created.to_string() });
        told("deployment-status", own, false)
    }
}

/// The commit that stands for a version: forty digits.
pub fn commit(version: &str) -> String {
    format!("{version:0<40}")
}

impl World {
    /// A run that deployed this version some hours ago, and how that ended: run and job count as `number`.
    pub fn deployed(&mut self, number: u64, version: &str, environment: &str, states: &[&'static str], hours: i64) {
        let created = Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        let mut run = Run::over(number, if states.contains(&"success") { "success" } else { "failure" });
        (run.created, run.commit) = (created, commit(version));
        let mut job = Job::queued(number * 10, &format!("deploy to {environment}"));
        job.ends(if states.contains(&"success") { "success" } else { "failure" }, None);
        run.jobs = vec![Job::queued(number * 10 + 1, "build"), job];
        run.jobs[0].ends("success", None);
        self.add(run);
        let url = format!("https://github.example/acme/x/actions/runs/{number}/job/{}", number * 10);
        let statuses = states.iter().map(|state| (*state, url.clone())).collect();
        let (commit, environment) = (commit(version), environment.to_owned());
        let deployment =
            Deployment { id: number, commit, reference: "main".into(), environment, by: "kim", task: "deploy", transient: false, created, statuses };
        self.deployments.insert(0, deployment);
    }

    /// Has a job, or a whole run, run again: one more attempt with jobs of its own, and a deployment of the same commit. Why not, else.
    pub fn rerun(&mut self, what: &str, number: u64) -> Result<(), &'static str> {
        let of_job = |run: &&mut Run| run.jobs.iter().any(|job| job.id == number);
        let run = match what {
            "jobs" => self.runs.values_mut().find(of_job),
            _ => self.runs.get_mut(&number),
        };
        let run = run.ok_or("Not Found")?;
        if run.status != "completed" {
            return Err("This workflow is already running");
        }
        self.reruns.push(format!("{what}/{number}"));
        let again = run.jobs.iter().map(|job| Job::queued(job.id + 1_000, &job.name)).collect();
        run.again(again);
        run.by = "sam";
        run.stands("in_progress", None);
        let deploys = run.jobs.iter_mut().find(|job| job.name.starts_with("deploy"));
        let job = deploys.map(|job| {
            job.runs(&[("Deploy", "in_progress", None)]);
            job.id
        });
        let id = run.id;
        let before = self.deployments.iter().find(|one| one.statuses.iter().any(|(_, url)| url.contains(&format!("/runs/{id}/")))).cloned();
        let (Some(job), Some(before)) = (job, before) else { return Ok(()) };
        let next = self.deployments.iter().map(|one| one.id).max().unwrap_or_default() + 1;
        let url = format!("https://github.example/acme/x/actions/runs/{id}/job/{job}");
        let statuses = vec![("in_progress", url.clone()), ("queued", url)];
        self.deployments.insert(0, Deployment { id: next, by: "sam", created: Timestamp::now(), statuses, ..before });
        if let Some(state) = self.ends {
            self.ends(id, state);
        }
        Ok(())
    }

    /// A run ends, and its newest deployment with it; what was there before becomes inactive where it succeeds.
    pub fn ends(&mut self, id: u64, state: &'static str) {
        let conclusion = if state == "success" { "success" } else { "failure" };
        let run = self.run(id);
        run.jobs.iter_mut().for_each(|job| job.ends(conclusion, None));
        run.stands("completed", Some(conclusion));
        let newest = &mut self.deployments[0];
        let url = newest.statuses[0].1.clone();
        newest.statuses.insert(0, (state, url.clone()));
        let environment = newest.environment.clone();
        if state == "success" {
            let superseded =
                self.deployments.iter_mut().skip(1).filter(|one| one.environment == environment && one.statuses.iter().any(|(state, _)| *state == "success"));
            superseded.for_each(|one| one.statuses.insert(0, ("inactive", url.clone())));
        }
    }

    /// What holds a run, as it is told.
    pub fn pending(run: &Run) -> Value {
        let one = |(id, name, ours): &(u64, &str, bool)| {
            let mut whole = DESCRIPTION["components"]["examples"]["pending-deployment-items"]["value"][0].clone();
            (whole["environment"]["id"], whole["environment"]["name"], whole["current_user_can_approve"]) = (json!(id), json!(name), json!(ours));
            // The description's own example of a team lacks what the description asks for.
            whole["reviewers"].as_array_mut().expect("reviewers").retain(|one| one["type"] == "User");
            whole
        };
        run.held.iter().map(one).collect()
    }

    /// Does to a run what was asked for: the status of the answer, or why not.
    pub fn change(&mut self, number: u64, what: &str, body: &Value) -> Result<u16, &'static str> {
        self.reruns.push(format!("{what}/{number}"));
        let run = self.runs.get_mut(&number).ok_or("Not Found")?;
        match what {
            "rerun-failed-jobs" if run.status != "completed" => Err("This workflow is already running"),
            "rerun-failed-jobs" => {
                let again = run.jobs.iter().map(|job| if job.conclusion == Some("failure") { Job::queued(job.id + 1_000, &job.name) } else { job.clone() });
                let again = again.collect();
                run.again(again);
                Ok(201)
            }
            "cancel" | "force-cancel" if run.status == "completed" => Err("Cannot cancel a workflow run that is completed"),
            "cancel" | "force-cancel" => {
                run.jobs.iter_mut().for_each(|job| job.ends("cancelled", None));
                run.stands("completed", Some("cancelled"));
                Ok(202)
            }
            "approve" => {
                run.stands("queued", None);
                Ok(201)
            }
            "pending_deployments" => {
                let ids: Vec<u64> = body["environment_ids"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
                run.held.retain(|(id, ..)| !ids.contains(id));
                let (status, conclusion) = if body["state"] == "approved" { ("in_progress", None) } else { ("completed", Some("failure")) };
                run.stands(status, conclusion);
                Ok(200)
            }
            _ => Err("Not Found"),
        }
    }
}
