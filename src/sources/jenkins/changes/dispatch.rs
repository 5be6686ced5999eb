//! Another build of a job, with parameters that a person writes: what the job takes, what is in the way, and which build it is.

use super::{
    now::Pages,
    post::{Field, Post},
    rebuild::{self, Definition, WireJob},
};
use crate::{
    clean,
    domain::{CheckKind, Finding, Given, Id, Input, InputKind, Inputs, Run, RunNow},
    sources::{
        SourceError,
        jenkins::{
            api::Api,
            wire::{Build, Queued},
        },
    },
    text::{Clean, Name, Raw},
};

/// What would be started.
#[derive(Debug)]
pub(super) struct Start {
    /// What it takes, or why that is not asked for here.
    pub inputs: Result<Inputs, Clean>,
    /// The number of the newest build that our user started.
    pub newest: Option<u64>,
    closed: bool,
    /// Whether it knows parameters: another address takes them then.
    parameters: bool,
}

/// Reads what a job takes, and what was started of it.
pub(super) async fn read(api: &Api, id: &Id<Run>, path: &str, build: &Build) -> Result<Start, SourceError> {
    let (job, queue) = rebuild::look(api, path).await?;
    Ok(Start::of(build, &job, &queue, api.user().await?, api.memory.started.of(id)))
}

impl Start {
    /// The one beside `build`; `asked` is what Jenkins called it in the queue, where it was asked for here.
    pub fn of(build: &Build, job: &WireJob, queue: &[Queued], user: &str, asked: Option<u64>) -> Self {
        let defined = job.definitions();
        let newest = |asked| rebuild::newest(build, &[], job, queue, (user, asked));
        // Of two starts by the same user at the same time the item of the queue tells which is ours.
        let newest = newest(None).max(asked.and_then(|item| newest(Some(item))));
        let inputs = match job.unread() {
            Some(words) => Err(clean!("not all that it takes can be read: {words}")),
            None => inputs(&defined),
        };
        Self { newest, closed: job.closed(), parameters: !defined.is_empty(), inputs }
    }

    /// Whether it can be made.
    pub fn finding(&self, now: &RunNow, pages: &Pages) -> Finding {
        let kind = CheckKind::Pipeline;
        let by_hand = || Some(clean!("start it at {}build?delay=0sec", pages.job));
        match &now.inputs {
            _ if self.closed => kind.block("the job is disabled, or can not be built", Some(clean!("enable it at {}", pages.job))),
            Err(why) => kind.block(why.clone(), by_hand()),
            Ok(_) => kind.ok("it can be built, as another build of what the job holds by then"),
        }
    }

    /// The one request.
    pub fn request(&self, path: &str, given: &[Given]) -> Post {
        if !self.parameters {
            return Post::at(path, &["build"]);
        }
        let fields = given.iter().map(|one| Field::new(one.name.raw(), one.value.expose()));
        Post::at(path, &["buildWithParameters"]).filled(fields.collect())
    }
}

/// What a job takes by the definitions of its parameters. A password, a file and credentials are nothing to write on a screen.
fn inputs(defined: &[&Definition]) -> Result<Inputs, Clean> {
    let kept: Vec<&str> = defined.iter().filter(|one| rebuild::kept_back(&one.kind)).map(|one| one.name.as_str()).collect();
    if !kept.is_empty() {
        return Err(clean!("it takes what is not asked for here, a password, a file or credentials: {}", kept.join(", ")));
    }
    Ok(Inputs { known: defined.iter().copied().map(input).collect(), open: false })
}

/// Jenkins insists on no parameter: one that is left out takes its default.
fn input(definition: &Definition) -> Input {
    let choices = definition.choices();
    let kind = match definition.kind.as_str() {
        "BooleanParameterDefinition" => InputKind::Flag,
        "ChoiceParameterDefinition" if !choices.is_empty() => InputKind::Choice(choices.iter().map(|one| Name::new(one)).collect()),
        _ => InputKind::Text,
    };
    Input { name: Name::new(&definition.name), kind, default: Raw::new(&definition.default()), required: false }
}
