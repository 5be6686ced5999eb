//! What our Jenkins knows: jobs in folders, builds with stages and a console, and a queue, which go on when a test says so.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which plugins tell of stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugins {
    StageView,
    GraphView,
    Neither,
}

/// A job.
#[derive(Clone)]
pub struct Project {
    pub class: &'static str,
    pub builds: BTreeMap<u64, Build>,
    pub next: u64,
    /// What a build is asked for: a name, a kind, and what it is where nothing else is said.
    pub parameters: Vec<(&'static str, &'static str, Value)>,
    pub disabled: bool,
}

pub const FREESTYLE: &str = "hudson.model.FreeStyleProject";
pub const PIPELINE: &str = "org.jenkinsci.plugins.workflow.job.WorkflowJob";
pub const BRANCHES: &str = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject";
const FOLDER: &str = "com.cloudbees.hudson.plugins.folder.Folder";

/// How far a build is that has no result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// An executor has it, which fetches its Jenkinsfile.
    Begins,
    Goes,
    /// The controller was restarted: `building` stays true, and nobody builds it.
    Lost,
}

/// A build.
#[derive(Clone)]
pub struct Build {
    pub number: u64,
    pub result: Option<&'static str>,
    pub building: bool,
    pub flow: Flow,
    pub began: Timestamp,
    pub took: i64,
    pub display: String,
    /// What it was in the queue.
    pub queued: Option<u64>,
    pub actions: Value,
    pub message: Option<String>,
    pub stages: Vec<Stage>,
    /// What it asks somebody.
    pub asks: Vec<Asked>,
    /// It does not end when it is told to, nor do its steps.
    pub stubborn: bool,
    /// Its console as it lies on the disk.
    pub log: Vec<u8>,
    /// What a step said as Stage View tells it, or a stage as Graph View does, by its number.
    pub said: Vec<(&'static str, &'static str)>,
    /// What it archived, by its path.
    pub archived: Vec<String>,
    /// Whether the console may grow.
    pub grows: bool,
    /// Whether it tells only what it must.
    pub sparse: bool,
    /// Whether it tells a field in another type.
    pub odd: bool,
}

/// A question of a build, and the values that an answer must hold.
#[derive(Clone)]
pub struct Asked {
    pub id: &'static str,
    pub message: &'static str,
    pub wants: Value,
}

pub fn asked(id: &'static str, message: &'static str, wants: Value) -> Asked {
    Asked { id, message, wants }
}

/// A stage: its name, how it stands in the words of Stage View, and its steps.
#[derive(Clone)]
pub struct Stage {
    pub id: u64,
    pub name: &'static str,
    pub status: &'static str,
    pub steps: Vec<(&'static str, &'static str, Option<&'static str>)>,
    /// When it began and how long it took in milliseconds, where that is another time than its build's.
    pub went: Option<(i64, i64)>,
}

pub fn stage(id: u64, name: &'static str, status: &'static str) -> Stage {
    Stage { id, name, status, steps: Vec::new(), went: None }
}

impl Build {
    pub fn running(number: u64) -> Self {
        let actions = json!([{}, { "_class": "hudson.model.CauseAction", "causes": [{ "shortDescription": "Started by user Kim", "userId": "kim", "userName": "Kim" }] }]);
        Self {
            number,
            result: None,
            building: true,
            flow: Flow::Goes,
            began: Timestamp::now(),
            took: 0,
            display: format!("#{number}"),
            queued: None,
            actions,
            message: None,
            stages: Vec::new(),
            asks: Vec::new(),
            stubborn: false,
            log: Vec::new(),
            said: Vec::new(),
            archived: Vec::new(),
            grows: true,
            sparse: false,
            odd: false,
        }
    }

    /// It is over since a while, and took five minutes.
    pub fn over(number: u64, result: &'static str) -> Self {
        let began = Timestamp::now() - SignedDuration::from_mins(10) - SignedDuration::from_hours(i64::try_from(1_000_000 - number).unwrap_or(0) / 1000);
        Self { result: Some(result), building: false, began, took: 300_000, grows: false, ..Self::running(number) }
    }

    pub fn ends(&mut self, result: &'static str) {
        (self.result, self.building, self.grows, self.took) = (Some(result), false, false, 1_000);
    }

    fn json(&self, class: &str, path: &str) -> Value {
        let changes = json!({ "_class": "hudson.plugins.git.GitChangeSetList", "items": self.message.iter().map(|msg| json!({ "msg": msg, "commitId": "c0ffee" })).collect::<Vec<_>>() });
        let (goes, held) = (self.building && self.flow == Flow::Goes, self.building && self.flow != Flow::Lost);
        let mut own = json!({
            "_class": if class == PIPELINE { "org.jenkinsci.plugins.workflow.job.WorkflowRun" } else { "hudson.model.FreeStyleBuild" }, "number": self.number, "result": self.result, "building": self.building, "inProgress": goes, "executor": held.then(|| json!({ "number": -1 })),
            "timestamp": self.began.as_millisecond(), "duration": if self.building { 0 } else { self.took }, "estimatedDuration": if self.odd { json!("soon") } else { json!(-1) },
            "displayName": self.display, "queueId": self.queued.unwrap_or(self.number + 1000), "actions": self.actions, "url": format!("http://wrong.example/{path}/{}/", self.number),
            "a_field_of_tomorrow": { "x": [1] },
            "artifacts": self.archived.iter().map(|path| json!({ "fileName": path.rsplit('/').next(), "relativePath": path, "displayPath": null })).collect::<Vec<_>>(),
        });
        // Freestyle has one, a pipeline a list of them.
        if class == FREESTYLE {
            own["changeSet"] = changes
        } else {
            own["changeSets"] = json!([changes])
        }
        if self.sparse {
            json!({ "number": self.number, "building": self.building, "result": self.result, "actions": null, "timestamp": null, "artifacts": null })
        } else {
            own
        }
    }
}

/// One controller.
pub struct World {
    pub plugins: Plugins,
    pub jobs: BTreeMap<String, Project>,
    /// The folders that hold branches.
    pub branches: Vec<String>,
    pub queue: Vec<Value>,
    /// Whom it takes us for.
    pub name: &'static str,
    /// What has left the queue.
    pub left: Vec<Value>,
    /// What was changed, and with which values.
    pub acts: Vec<String>,
    /// Carries the next change out and tells nobody.
    pub cut: bool,
    /// What this user may not do.
    pub denied: Vec<&'static str>,
    /// No crumb that it gives is good.
    pub stale: bool,
    /// Answers everything with this: a status, headers, a body.
    pub refusal: Option<(u16, Vec<(&'static str, String)>, &'static str)>,
    /// What a plugin fails on.
    pub broken: Vec<&'static str>,
    /// It does not say that it is a Jenkins.
    pub nameless: bool,
    /// Paths that this user may not read.
    pub secret: Vec<String>,
    pub asked: Vec<crate::asked::Asked>,
    /// How many lines tests reach, where the plugin for that is there.
    pub coverage: Option<&'static str>,
}

impl World {
    pub fn new(plugins: Plugins) -> Self {
        Self {
            plugins,
            jobs: BTreeMap::new(),
            branches: Vec::new(),
            queue: Vec::new(),
            name: "kim",
            left: Vec::new(),
            acts: Vec::new(),
            cut: false,
            denied: Vec::new(),
            stale: false,
            refusal: None,
            broken: Vec::new(),
            nameless: false,
            secret: Vec::new(),
            asked: Vec::new(),
            coverage: None,
        }
    }

    pub fn add(&mut self, path: &str, class: &'static str, builds: Vec<Build>) {
        let next = builds.iter().map(|build| build.number).max().unwrap_or(0) + 1;
        let builds = builds.into_iter().map(|build| (build.number, build)).collect();
        self.jobs.insert(path.into(), Project { class, builds, next, parameters: Vec::new(), disabled: false });
    }

    pub fn begin(&mut self, path: &str, build: Build) {
        let job = self.jobs.get_mut(path).expect("a job");
        job.next = build.number + 1;
        job.builds.insert(build.number, build);
    }

    pub fn build(&mut self, path: &str, number: u64) -> &mut Build {
        self.jobs.get_mut(path).and_then(|job| job.builds.get_mut(&number)).expect("a build")
    }

    /// What waits for a job.
    pub fn waits(&mut self, id: u64, path: &str, why: &str) {
        self.enqueue(id, path, why, json!([{}, { "parameters": [{ "name": "VERSION", "value": "2.8.0" }] }]));
    }

    /// The same with what began it.
    pub fn enqueue(&mut self, id: u64, path: &str, why: &str, actions: Value) {
        let url = format!("http://wrong.example/job/{}/", path.replace('%', "%25").replace('/', "/job/"));
        self.queue.push(json!({ "id": id, "why": why, "stuck": false, "blocked": false, "buildable": true, "inQueueSince": Timestamp::now().as_millisecond(),
            "task": { "name": path, "url": url, "color": "blue" }, "actions": actions }));
    }

    /// An item, also one that has left.
    pub fn item(&self, id: u64) -> Option<Value> {
        self.queue.iter().chain(&self.left).find(|item| item["id"] == id).cloned()
    }

    /// What has waited longest begins: the number of its build.
    pub fn starts(&mut self, path: &str) -> u64 {
        let mut item = self.queue.remove(0);
        let number = self.jobs.get(path).expect("a job").next;
        let build = Build { queued: item["id"].as_u64(), actions: item["actions"].clone(), ..Build::running(number) };
        self.begin(path, build);
        item["executable"] = json!({ "number": number, "url": "http://wrong.example/" });
        item["cancelled"] = json!(false);
        self.left.push(item);
        number
    }

    /// A folder, or the whole, as far as it goes.
    pub fn folder(&self, folder: &str) -> Option<Value> {
        let below = |path: &str| if folder.is_empty() { Some(path.to_owned()) } else { path.strip_prefix(&format!("{folder}/")).map(str::to_owned) };
        let inside: Vec<String> = self.jobs.keys().filter_map(|path| below(path)).collect();
        if inside.is_empty() && !folder.is_empty() {
            return self.jobs.get(folder).map(|job| self.job(folder, job));
        }
        let mut names: Vec<&str> = inside.iter().map(|path| path.split('/').next().unwrap_or_default()).collect();
        names.dedup();
        let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let jobs: Vec<Value> = names.into_iter().filter_map(|name| self.folder(&path(name)).or_else(|| Some(json!({ "name": null })))).collect();
        let class = if folder.is_empty() {
            "hudson.model.Hudson"
        } else if self.branches.iter().any(|one| one == folder) {
            BRANCHES
        } else {
            FOLDER
        };
        Some(json!({ "_class": class, "name": folder.rsplit('/').next(), "jobs": jobs }))
    }

    fn job(&self, path: &str, job: &Project) -> Value {
        let builds: Vec<Value> = job.builds.values().rev().take(100).map(|build| build.json(job.class, path)).collect();
        let running = job.builds.values().any(|build| build.building);
        let color = if job.builds.is_empty() {
            "notbuilt"
        } else if running {
            "blue_anime"
        } else {
            "blue"
        };
        // Of a choice the first one is the default.
        let defined = |(name, kind, value): &(&str, &str, Value)| match value.as_array() {
            Some(choices) => json!({ "name": name, "type": kind, "choices": choices, "defaultParameterValue": { "value": choices.first() } }),
            None => json!({ "name": name, "type": kind, "defaultParameterValue": { "value": value } }),
        };
        let definitions: Vec<Value> = job.parameters.iter().map(defined).collect();
        let branch = json!({ "_class": "org.jenkinsci.plugins.workflow.multibranch.BranchJobProperty" });
        let properties = if definitions.is_empty() { json!([branch]) } else { json!([branch, { "parameterDefinitions": definitions }]) };
        json!({ "_class": job.class, "name": path.rsplit('/').next(), "color": color, "url": "http://wrong.example/", "nextBuildNumber": job.next, "buildable": !job.disabled, "property": properties,
            "lastBuild": builds.first(), "builds": builds })
    }

    /// All builds of a job, the newest first.
    pub fn all(&self, path: &str) -> Value {
        self.jobs.get(path).map_or(Value::Null, |job| job.builds.values().rev().map(|build| build.json(job.class, path)).collect())
    }

    /// A build.
    pub fn one(&self, path: &str, number: u64) -> Option<(&Build, &'static str, Value)> {
        let job = self.jobs.get(path)?;
        job.builds.get(&number).map(|build| (build, job.class, build.json(job.class, path)))
    }
}
