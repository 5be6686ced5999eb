//! What Jenkins answers about jobs, builds and its queue, and the nouns it becomes. All fields may be missing or null.

use super::{api::Api, keys, tree::Item};
use crate::{
    clean,
    domain::{Run, RunStatus},
    sources::{ci::Rows, spec},
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;

/// The fields that tell how a build stands: cheap to ask of each job.
pub(super) const STATE: &str = "number,result,building,inProgress,timestamp,duration,estimatedDuration,displayName";
/// The field of who builds it, which Jenkins looks for among all its executors.
pub(super) const HELD: &str = "executor[number]";
/// The fields of who builds it, what began it and what is in it.
pub(super) const ORIGIN: &str = "executor[number],queueId,actions[causes[shortDescription,userId,userName,upstreamProject],parameters[_class,name,value],\
    lastBuiltRevision[SHA1,branch[name]],remoteUrls],changeSet[items[commitId,msg]{0,1}],changeSets[items[commitId,msg]{0,1}]";

/// A build.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct Build {
    pub number: u64,
    #[serde(rename = "_class")]
    class: Option<String>,
    /// What it was while it waited.
    #[serde(rename = "queueId")]
    pub queued: Option<u64>,
    result: Option<String>,
    building: Option<bool>,
    #[serde(rename = "inProgress")]
    going: Option<bool>,
    /// Whether an executor has it, where that was asked.
    #[serde(rename = "executor", deserialize_with = "is_some")]
    held: Option<bool>,
    timestamp: Option<i64>,
    duration: Option<i64>,
    #[serde(rename = "estimatedDuration")]
    estimated: Option<i64>,
    #[serde(rename = "displayName")]
    display: Option<String>,
    actions: Option<Actions>,
    #[serde(rename = "changeSet")]
    change: Option<Value>,
    #[serde(rename = "changeSets")]
    changes: Option<Vec<Value>>,
}

/// Whatever plugins hang on a build, with holes. One that calls something of its own as we call ours is none of those that we look for.
type Actions = Rows<Option<Action>>;

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Action {
    causes: Option<Rows<Cause>>,
    parameters: Option<Rows<Parameter>>,
    #[serde(rename = "lastBuiltRevision")]
    built: Option<Revision>,
    #[serde(rename = "remoteUrls")]
    remotes: Option<Vec<String>>,
}

/// What a build was started with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct Parameter {
    /// Which kind it is.
    #[serde(rename = "_class")]
    pub class: Option<String>,
    pub name: String,
    /// Not told of passwords, files and credentials.
    value: Option<Value>,
}

impl Parameter {
    /// Its value, where that is one and is told.
    pub fn text(&self) -> Option<String> {
        match self.value.as_ref()? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Bool(_) | Value::Number(_)) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Cause {
    #[serde(rename = "shortDescription")]
    short: Option<String>,
    #[serde(rename = "userId")]
    id: Option<String>,
    #[serde(rename = "userName")]
    name: Option<String>,
    #[serde(rename = "upstreamProject")]
    upstream: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Revision {
    #[serde(rename = "SHA1")]
    sha: Option<String>,
    branch: Option<Vec<Branch>>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Branch {
    name: Option<String>,
}

/// How a build ended, in one set of words.
fn concluded(result: &str) -> RunStatus {
    match result {
        "SUCCESS" => RunStatus::Success,
        "UNSTABLE" => RunStatus::Warn,
        "FAILURE" => RunStatus::Failed,
        "ABORTED" => RunStatus::Cancelled,
        "NOT_BUILT" => RunStatus::Skipped,
        other => RunStatus::Unknown(clean!("{}", other.to_lowercase())),
    }
}

/// Whether what is told is something.
fn is_some<'de, D: Deserializer<'de>>(told: D) -> Result<Option<bool>, D::Error> {
    Option::<IgnoredAny>::deserialize(told).map(|told| Some(told.is_some()))
}

pub(super) fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.filter(|millis| *millis > 0).and_then(|millis| Timestamp::from_millisecond(millis).ok())
}

pub(super) fn after(from: Option<i64>, millis: Option<i64>) -> Option<Timestamp> {
    time(from.zip(millis).and_then(|(from, millis)| from.checked_add(millis)))
}

impl Build {
    /// Whether it may still change: a result may be there before the build is over.
    pub fn alive(&self) -> bool {
        self.building == Some(true) && !self.lost()
    }

    /// Whether it may be lost: a pipeline is called building until it has a result, also one that has not begun, or whose execution was not kept when
    /// Jenkins was restarted (`WorkflowRun.isBuilding` of its plugin). Who builds it tells the one from the other.
    pub fn doubtful(&self) -> bool {
        self.building == Some(true) && self.going == Some(false) && self.result.is_none()
    }

    /// Whether it will never have a result. What is not building any more has one unless that was lost.
    fn lost(&self) -> bool {
        (self.building == Some(false) && self.result.is_none()) || (self.doubtful() && self.held == Some(false))
    }

    /// How it stands.
    pub fn status(&self) -> RunStatus {
        match &self.result {
            _ if self.alive() => RunStatus::Running,
            Some(result) => concluded(result),
            None if self.lost() => RunStatus::Lost,
            None => RunStatus::Unknown("no result".into()),
        }
    }

    /// When it was scheduled to start.
    pub fn at(&self) -> Option<Timestamp> {
        time(self.timestamp)
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        after(self.timestamp, self.duration).filter(|_| !self.alive() && !self.lost())
    }

    /// How long it took in seconds, if it succeeded.
    pub fn took(&self) -> Option<u32> {
        let good = !self.alive() && self.result.as_deref() == Some("SUCCESS");
        self.duration.filter(|millis| good && *millis > 0).and_then(|millis| u32::try_from(millis / 1000).ok())
    }

    /// How long Jenkins thinks that it takes, in seconds.
    fn estimated(&self) -> Option<u32> {
        self.estimated.filter(|millis| *millis > 0).and_then(|millis| u32::try_from(millis / 1000).ok())
    }

    /// Takes in how it stands now.
    pub fn stands(&mut self, now: &Self) {
        (self.result, self.building, self.going) = (now.result.clone(), now.building, now.going);
        (self.timestamp, self.duration) = (now.timestamp, now.duration);
        self.estimated = now.estimated.or(self.estimated);
        self.display = now.display.clone().or(self.display.take());
    }

    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().flat_map(|actions| actions.read.iter().flatten())
    }

    /// The checkout that is about the job itself: that of a repository called like it, else the last one. Libraries are checked out first.
    fn checkout(&self, item: &Item) -> Option<&Revision> {
        let found: Vec<&Action> = self.actions().filter(|action| action.built.is_some()).collect();
        let own = |action: &&Action| {
            let names = action.remotes.iter().flatten().filter_map(|url| url.trim_end_matches('/').trim_end_matches(".git").rsplit(['/', ':']).next());
            names.into_iter().any(|name| item.path.split('/').any(|part| part.eq_ignore_ascii_case(name)))
        };
        found.iter().copied().find(own).or(found.last().copied())?.built.as_ref()
    }

    fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.actions().filter_map(|action| action.causes.as_ref()).flat_map(|causes| &causes.read)
    }

    /// Who caused it, or what.
    fn actor(&self) -> Clean {
        let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(Clean::from_untrusted);
        let person = self.causes().find_map(|cause| text(&cause.name).or_else(|| text(&cause.id)));
        let other = || self.causes().find_map(|cause| text(&cause.upstream).or_else(|| text(&cause.short)));
        person.or_else(other).unwrap_or_default()
    }

    /// Whether it is one of a pipeline, as far as its class tells.
    pub fn is_pipeline(&self) -> bool {
        self.class.as_deref().is_some_and(|class| class.contains("WorkflowRun"))
    }

    /// Whether `user` asked for it.
    pub fn caused_by(&self, user: &str) -> bool {
        self.causes().any(|cause| cause.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(user)))
    }

    /// What it was started with.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let all = self.actions().filter_map(|action| action.parameters.as_ref()).flat_map(|parameters| &parameters.read);
        all.filter(|parameter| !parameter.name.is_empty())
    }

    /// Whether one of them can not be read.
    pub fn holds_unread_parameters(&self) -> bool {
        self.actions().filter_map(|action| action.parameters.as_ref()).any(|parameters| parameters.lost.is_some())
    }

    /// `VERSION=2.8.0 TARGET=production`, secrets masked.
    fn started_with(&self) -> Clean {
        let told = self.parameters().filter_map(|parameter| Some(format!("{}={}", parameter.name, spec::shown(&parameter.name, &parameter.text()?))));
        clean!("{}", told.collect::<Vec<_>>().join(" "))
    }

    /// What people see: the change, the name that somebody gave it, its parameters, or why it was begun.
    fn title(&self) -> Clean {
        let sets = self.changes.iter().flatten().chain(&self.change);
        let change = sets.filter_map(|set| set.pointer("/items/0/msg")?.as_str()).next().map(Clean::from_untrusted);
        let named = || self.display.as_deref().filter(|name| *name != format!("#{}", self.number)).map(Clean::from_untrusted);
        let parameters = || Some(self.started_with()).filter(|words| !words.is_empty());
        let cause = || self.causes().find_map(|cause| cause.short.as_deref().map(Clean::from_untrusted));
        change.or_else(named).or_else(parameters).or_else(cause).unwrap_or_default()
    }

    /// The run that it is. `waiting` is what it waits for, where that is known.
    pub fn run(&self, api: &Api, item: &Item, usual: Option<u32>, waiting: Option<&Clean>) -> Run {
        let checkout = self.checkout(item);
        let of_commit = checkout.and_then(|built| built.branch.iter().flatten().find_map(|branch| branch.name.as_deref()));
        let branch = item.branch.as_deref().or(of_commit.map(bare)).unwrap_or_default();
        let commit = checkout.and_then(|built| built.sha.as_deref()).unwrap_or_default();
        let status = match (self.status(), waiting) {
            (RunStatus::Running, Some(waiting)) => RunStatus::Waiting(waiting.clone()),
            (status, _) => status,
        };
        Run {
            id: keys::run(&api.id, &item.path, self.number),
            was: self.queued.map(|waited| keys::queued(&api.id, &item.path, waited)),
            repository: Name::new(item.project()),
            workflow: Clean::from_untrusted(item.workflow()),
            number: self.number,
            attempt: 1,
            title: self.title(),
            branch: Name::new(branch),
            commit: Name::new(commit),
            actor: self.actor(),
            status,
            created: self.at(),
            started: self.at(),
            ended: self.ended(),
            digests: Box::default(),
            usual: usual.or_else(|| self.estimated()),
            url: api.page(&item.path, self.number),
        }
    }
}

/// `main` of `refs/remotes/origin/main`.
fn bare(branch: &str) -> &str {
    let branch = branch.strip_prefix("refs/remotes/").unwrap_or(branch);
    branch.strip_prefix("origin/").or_else(|| branch.strip_prefix("refs/heads/")).unwrap_or(branch)
}

/// What waits in the queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Queued {
    pub id: u64,
    why: Option<String>,
    stuck: Option<bool>,
    #[serde(rename = "inQueueSince")]
    since: Option<i64>,
    task: Option<Task>,
    actions: Option<Actions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Task {
    url: Option<String>,
}

/// What is asked of the queue.
pub(super) const QUEUE: &str =
    "items[id,why,stuck,inQueueSince,task[name,url],actions[causes[shortDescription,userId,userName,upstreamProject],parameters[_class,name,value]]]";
/// The same of one item.
pub(super) const QUEUE_ITEM: &str =
    "id,why,stuck,inQueueSince,task[name,url],actions[causes[shortDescription,userId,userName,upstreamProject],parameters[_class,name,value]]";

impl Queued {
    /// The path of the job that it is for. A pipeline that waits for an executor in the middle names its build, which is none.
    pub fn path(&self) -> Option<String> {
        path_of(self.task.as_ref()?.url.as_deref()?)
    }

    /// What began it, as a build tells it.
    pub fn origin(&self) -> Build {
        Build { actions: self.actions.clone(), queued: Some(self.id), ..Build::default() }
    }

    /// The run that it will be: number `number`, if nobody takes one out of the queue before it.
    pub fn run(self, api: &Api, item: &Item, number: u64) -> Run {
        let why = self.why.as_deref().map(Clean::from_untrusted).unwrap_or_default();
        let build = Build { number, actions: self.actions, ..Build::default() };
        let status = if self.stuck == Some(true) { RunStatus::Waiting(clean!("stuck in the queue: {why}")) } else { RunStatus::Queued };
        let title = if why.is_empty() { build.title() } else { why };
        Run {
            id: keys::queued(&api.id, &item.path, self.id),
            status,
            title,
            created: time(self.since),
            started: None,
            ended: None,
            commit: Name::default(),
            ..build.run(api, item, None, None)
        }
    }
}

/// `shop/cart/feature%2Fx` of `http://wherever/prefix/job/shop/job/cart/job/feature%252Fx/`. The host is what somebody once wrote into its settings.
fn path_of(url: &str) -> Option<String> {
    let mut names = Vec::new();
    let below = url.split_once("/job/").map(|(_, below)| below).or_else(|| url.strip_prefix("job/"))?;
    let mut parts = below.trim_end_matches('/').split('/');
    loop {
        names.push(decoded(parts.next()?));
        match parts.next() {
            Some("job") => {}
            Some(_) => return None,
            None => return Some(names.join("/")),
        }
    }
}

/// Without the escapes of a URL.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let pair = more.get(..2).filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        match pair {
            Some(byte) => (bytes.push(byte), rest = &more[2..]).1,
            None => (bytes.push(*first), rest = more).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
