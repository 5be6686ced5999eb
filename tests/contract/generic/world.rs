//! What the systems know that we play, in the shapes that each of them has.

use serde_json::{Value, json};

/// Headers of an answer.
pub type Headers = Vec<(&'static str, String)>;

/// Which system is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Buildkite,
    CircleCi,
    Drone,
    Woodpecker,
    Azure,
    /// One that nobody knows, with a list of its own.
    Own,
}

/// One build, with the words of its system.
#[derive(Clone, Debug)]
pub struct Build {
    pub number: u64,
    pub state: &'static str,
    pub result: Option<&'static str>,
    pub created: i64,
    pub started: Option<i64>,
    pub ended: Option<i64>,
    /// Fields that are another one than usual.
    pub odd: Value,
}

/// When build 0 was made, in seconds; each later one came a minute after the one before.
const FIRST: i64 = 1_785_553_200;

impl Build {
    pub fn new(number: u64, state: &'static str) -> Self {
        Self { number, state, result: None, created: FIRST + 60 * i64::try_from(number).expect("small"), started: None, ended: None, odd: json!({}) }
    }

    /// One that is over.
    pub fn over(number: u64, state: &'static str, result: Option<&'static str>) -> Self {
        let build = Self { result, ..Self::new(number, state) };
        Self { started: Some(build.created + 5), ended: Some(build.created + 305), ..build }
    }

    /// Goes on.
    pub fn becomes(&mut self, state: &'static str, result: Option<&'static str>) {
        (self.state, self.result) = (state, result);
        self.started = self.started.or(Some(self.created + 5));
    }

    /// Ends.
    pub fn ends(&mut self, state: &'static str, result: Option<&'static str>) {
        self.becomes(state, result);
        self.ended = Some(self.created + 305);
    }

    /// As its system tells it.
    pub fn json(&self, system: System) -> Value {
        let number = self.number;
        let time = |seconds: Option<i64>| seconds.map(|seconds| jiff::Timestamp::from_second(seconds).expect("a time").to_string());
        let ticks = |seconds: Option<i64>| time(seconds).map(|time| time.replace('Z', ".1234567Z"));
        let zero = |seconds: Option<i64>| seconds.unwrap_or(0);
        let (created, started, ended) = (Some(self.created), self.started, self.ended);
        let mut shape = match system {
            System::Buildkite => json!({
                "id": format!("0190-{number}"), "number": number, "state": self.state, "blocked": self.state == "blocked", "message": format!("Change {number}\n\nAnd why"),
                "branch": "main", "commit": format!("c0ffee{number}"), "source": "webhook", "creator": { "id": "k", "name": "Kim" }, "author": null,
                "web_url": format!("https://buildkite.com/acme/cart/builds/{number}"), "created_at": time(created), "scheduled_at": time(created),
                "started_at": time(started), "finished_at": time(ended), "pipeline": { "slug": "cart", "name": "Cart" }, "env": {}, "meta_data": {},
            }),
            System::CircleCi => json!({
                "id": format!("w-{number}"), "name": "build", "status": self.state, "pipeline_id": format!("p-{number}"), "pipeline_number": number,
                "project_slug": "gh/acme/cart", "created_at": time(created), "stopped_at": time(ended), "started_by": "k",
            }),
            System::Drone => json!({
                "id": 9_000 + number, "repo_id": 3, "number": number, "status": self.state, "event": "push", "action": "", "link": format!("https://git.example/acme/cart/{number}"),
                "title": "", "message": format!("Change {number}\n"), "before": "0", "after": format!("c0ffee{number}"), "ref": "refs/heads/main", "source": "main",
                "target": "main", "author_login": "kim", "sender": "kim", "started": zero(started), "finished": zero(ended), "created": self.created, "updated": self.created,
            }),
            System::Woodpecker => json!({
                "id": 9_000 + number, "number": number, "parent": 0, "event": "push", "status": self.state, "created": self.created, "started": zero(started),
                "finished": zero(ended), "commit": format!("c0ffee{number}"), "branch": "main", "title": "", "message": format!("Change {number}"), "author": "kim",
                "forge_url": format!("https://git.example/acme/cart/{number}"),
            }),
            System::Azure => json!({
                "id": number, "buildNumber": format!("20260801.{number}"), "status": self.state, "result": self.result, "queueTime": ticks(created),
                "startTime": ticks(started), "finishTime": ticks(ended), "sourceBranch": "refs/heads/main", "sourceVersion": format!("c0ffee{number}"),
                "definition": { "id": 1, "name": "cart-ci" }, "triggerInfo": { "ci.message": format!("Change {number}") }, "requestedFor": { "displayName": "Kim" },
                "_links": { "web": { "href": format!("https://dev.azure.com/acme/shop/_build/results?buildId={number}") } },
            }),
            System::Own => json!({ "nr": number, "how": self.state, "when": time(created), "what": format!("Change {number}") }),
        };
        if let (Value::Object(shape), Value::Object(odd)) = (&mut shape, &self.odd) {
            shape.extend(odd.clone());
        }
        shape
    }

    /// The pipeline of CircleCI that it is the workflow of.
    pub fn pipeline(&self) -> Value {
        let number = self.number;
        let created = jiff::Timestamp::from_second(self.created).expect("a time").to_string();
        json!({
            "id": format!("p-{number}"), "number": number, "state": "created", "project_slug": "gh/acme/cart", "created_at": created, "updated_at": created, "errors": [],
            "trigger": { "type": "webhook", "actor": { "login": "kim" } },
            "vcs": { "branch": "main", "revision": format!("c0ffee{number}"), "commit": { "subject": format!("Change {number}"), "body": "" } },
        })
    }
}

/// What a server of one system knows.
pub struct World {
    pub system: System,
    /// By their numbers, the oldest first.
    pub builds: Vec<Build>,
    /// The most that one page has, whatever is asked for.
    pub page: usize,
    /// What is answered instead of everything: the status, headers and body.
    pub refusal: Option<(u16, Headers, &'static str)>,
    /// Headers of each good answer.
    pub says: Headers,
    /// What was asked, and how it was answered.
    pub asked: Vec<(String, u16)>,
}

impl World {
    pub fn build(&mut self, number: u64) -> &mut Build {
        self.builds.iter_mut().find(|build| build.number == number).expect("a build")
    }
}
