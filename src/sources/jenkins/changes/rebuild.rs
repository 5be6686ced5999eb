//! Another build with the parameters of an earlier one: what is sent, what is in the way, and which later build it is.

use super::{
    now::Pages,
    post::{Field, Post},
};
use crate::{
    clean,
    domain::{CheckKind, Finding, Id, Run},
    sources::{
        SourceError,
        ci::Rows,
        jenkins::{
            api::{Api, Need},
            wire::{Build, QUEUE, Queued},
        },
    },
    text::Clean,
};
use serde::Deserialize;
use serde_json::Value;

/// What is asked of a job: so many of its newest builds, since reading more costs Jenkins its disk.
const JOB: &str = "buildable,nextBuildNumber,property[parameterDefinitions[name,type,choices,defaultParameterValue[value]]],\
    builds[number,queueId,actions[causes[userId],parameters[_class,name,value]]]{0,25}";

/// A job as it is now.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireJob {
    buildable: Option<bool>,
    #[serde(rename = "nextBuildNumber")]
    next: Option<u64>,
    /// With holes, and those of plugins, which are not ours.
    property: Option<Rows<Option<Property>>>,
    builds: Option<Rows<Build>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Property {
    #[serde(rename = "parameterDefinitions")]
    definitions: Option<Rows<Definition>>,
}

/// What a job says of one of its parameters.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Definition {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    choices: Option<Vec<Value>>,
    #[serde(rename = "defaultParameterValue")]
    default: Option<Value>,
}

impl Definition {
    /// What it is where nobody gives it.
    pub fn default(&self) -> String {
        self.default.as_ref().and_then(|default| default.get("value")).map(text).unwrap_or_default()
    }

    /// What it is one of, where that is told.
    pub fn choices(&self) -> Vec<String> {
        self.choices.iter().flatten().map(text).collect()
    }
}

/// A value as it is sent.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl WireJob {
    fn lists(&self) -> impl Iterator<Item = &Rows<Definition>> {
        let properties = self.property.iter().flat_map(|property| property.read.iter().flatten());
        properties.filter_map(|property| property.definitions.as_ref())
    }

    /// The parameters that it knows.
    pub fn definitions(&self) -> Vec<&Definition> {
        self.lists().flat_map(|definitions| &definitions.read).collect()
    }

    /// What of its parameters can not be read.
    pub fn unread(&self) -> Option<&Clean> {
        self.lists().find_map(|definitions| definitions.lost.as_ref())
    }

    /// Whether it builds nothing now.
    pub fn closed(&self) -> bool {
        self.buildable == Some(false)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Items {
    items: Option<Rows<Queued>>,
}

/// The other build.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    /// What is sent; none where the job knows no parameters now.
    fields: Option<Vec<Field>>,
    /// Parameters whose values can not be sent again.
    untold: Vec<String>,
    /// Parameters that the job knows no more.
    gone: Vec<String>,
    /// Parameters that it did not know then.
    new: Vec<String>,
    /// It was started with some.
    given: bool,
    closed: bool,
    /// The same waits in the queue already, as this item.
    waiting: Option<u64>,
    /// The number of the newest build that repeats it.
    pub newest: Option<u64>,
}

/// Reads what would be built, and what was.
pub(super) async fn read(api: &Api, id: &Id<Run>, path: &str, build: &Build) -> Result<Rebuild, SourceError> {
    let (job, queue) = look(api, path).await?;
    Ok(Rebuild::of(build, &job, &queue, api.user().await?, api.memory.started.of(id)))
}

/// A job, and what waits for it in the queue, in its order.
pub(super) async fn look(api: &Api, path: &str) -> Result<(WireJob, Vec<Queued>), SourceError> {
    let job: WireJob = api.read(Need::Change, path, Api::fields(path, &[], JOB)).await?;
    let items: Items = api.find_for(Need::Change, "the queue", Api::fields("", &["queue"], QUEUE)).await?.unwrap_or_default();
    let mut queue: Vec<Queued> = items.items.unwrap_or_default().read.into_iter().filter(|one| one.path().as_deref() == Some(path)).collect();
    queue.sort_by_key(|one| one.id);
    Ok((job, queue))
}

impl Rebuild {
    /// The one of `build`; `asked` is what Jenkins called it in the queue, where it was asked for here.
    pub fn of(build: &Build, job: &WireJob, queue: &[Queued], user: &str, asked: Option<u64>) -> Self {
        let defined = job.definitions();
        let mut own = Self { closed: job.closed(), ..Self::default() };
        let mut fields = Vec::new();
        let then: Vec<_> = build.parameters().collect();
        own.given = !then.is_empty();
        for parameter in &then {
            let Some(definition) = defined.iter().find(|one| one.name == parameter.name) else {
                own.gone.push(parameter.name.clone());
                continue;
            };
            let kept = kept_back(&definition.kind) || parameter.class.as_deref().is_some_and(kept_back);
            match parameter.text().filter(|_| !kept) {
                Some(text) => fields.push(Field::new(&parameter.name, &text)),
                None => own.untold.push(parameter.name.clone()),
            }
        }
        if job.unread().is_some() || build.holds_unread_parameters() {
            own.untold.push("one that can not be read".into());
        }
        own.new = defined.iter().filter(|one| then.iter().all(|then| then.name != one.name)).map(|one| one.name.clone()).collect();
        let waits = |one: &&Queued| repeats(&fields, &one.origin());
        own.waiting = queue.iter().find(waits).map(|one| one.id);
        own.newest = newest(build, &fields, job, queue, (user, asked));
        own.fields = (!defined.is_empty()).then_some(fields);
        own
    }

    /// The one request; none where it would leave something out.
    pub fn request(&self, path: &str) -> Option<Post> {
        let whole = self.untold.is_empty();
        whole.then(|| match &self.fields {
            Some(fields) => Post::at(path, &["buildWithParameters"]).filled(fields.clone()),
            None => Post::at(path, &["build"]),
        })
    }

    /// Whether it can be made.
    pub fn finding(&self, pages: &Pages) -> Finding {
        let kind = CheckKind::Pipeline;
        let by_hand = || Some(clean!("start it at {}build?delay=0sec", pages.job));
        if self.closed {
            return kind.block("the job is disabled, or can not be built", Some(clean!("enable it at {}", pages.job)));
        }
        if !self.untold.is_empty() {
            let names = self.untold.join(", ");
            return kind.block(clean!("Jenkins does not tell what was given for {names}: a password, a file, credentials, or a build"), by_hand());
        }
        if let Some(item) = self.waiting {
            return kind.block(
                clean!("the same waits in the queue already, as item {item}: Jenkins would build both as one"),
                Some("wait for that, or take it out of the queue with X".into()),
            );
        }
        let gone = (!self.gone.is_empty()).then(|| format!("the job knows no {} any more", self.gone.join(", ")));
        let new = (!self.new.is_empty()).then(|| format!("{} was not known then and takes its default", self.new.join(", ")));
        let other: Vec<String> = gone.into_iter().chain(new).collect();
        if other.is_empty() {
            return kind.ok("it can be built again, as another build of what the job holds by then");
        }
        kind.warn(clean!("not quite the same is built: {}", other.join("; ")), by_hand())
    }

    /// What is the same in it. Jenkins is told no commit: it builds what it checks out by then.
    pub fn same(&self, run: &Run) -> Clean {
        let values = if self.given { "the same parameters" } else { "no parameters" };
        match (run.branch.raw(), run.short_commit()) {
            ("", "") => clean!("{values}, with what its job and its sources hold by then"),
            (branch, "") => clean!("{values}, on what {branch} holds by then"),
            ("", commit) => clean!("{values}, on what its sources hold by then, not on {commit}"),
            (branch, commit) => clean!("{values}, on what {branch} holds by then, not on {commit}"),
        }
    }
}

/// Values of these kinds are told to nobody, or can not be sent as a text.
pub(super) fn kept_back(kind: &str) -> bool {
    ["Password", "File", "Credentials"].iter().any(|word| kind.contains(word))
}

/// Whether another build was given all that is sent.
fn repeats(fields: &[Field], other: &Build) -> bool {
    let given: Vec<_> = other.parameters().collect();
    let same = |a: &str, b: &str| a.replace("\r\n", "\n").trim() == b.replace("\r\n", "\n").trim();
    fields.iter().all(|field| given.iter().any(|one| one.name == field.name && one.text().is_some_and(|text| same(&text, &field.value))))
}

/// The number of the newest build that repeats it. Where Jenkins named the item of the queue when it was asked from here, that is exact. Else it is
/// the newest one that our user asked for with the same parameters: it can be another one where somebody asked for that as the same user at that very
/// time. The number of what waits is the one it gets if nothing before it leaves the queue.
pub(super) fn newest(build: &Build, fields: &[Field], job: &WireJob, queue: &[Queued], (user, asked): (&str, Option<u64>)) -> Option<u64> {
    let builds = job.builds.as_ref().map_or(&[][..], |builds| &builds.read);
    let last = builds.iter().map(|build| build.number).max().unwrap_or(build.number);
    let next = job.next.unwrap_or(last + 1);
    let waiting = || queue.iter().zip(next..);
    if let Some(item) = asked {
        let begun = builds.iter().find(|one| one.queued == Some(item)).map(|one| one.number);
        return begun.or_else(|| waiting().find(|(one, _)| one.id == item).map(|(_, number)| number));
    }
    let ours = |one: &Build| one.caused_by(user) && repeats(fields, one);
    let begun = builds.iter().filter(|one| one.number > build.number && ours(one)).map(|one| one.number);
    begun.chain(waiting().filter(|(one, _)| ours(&one.origin())).map(|(_, number)| number)).max()
}
