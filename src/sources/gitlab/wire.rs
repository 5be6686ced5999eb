//! What GitLab answers, from version 15 on, and the nouns it becomes. All fields may be missing; words of its enums that we do not know stay what they are.

use super::{keys, report::File};
use crate::{
    clean,
    domain::{Artifact, Job, Run, RunStatus, SourceId},
    sources::{ci::Standing, gates::Gates},
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// A pipeline. Lists tell less of it than an answer about one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct WirePipeline {
    pub id: u64,
    status: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sha: Option<String>,
    source: Option<String>,
    name: Option<String>,
    user: Option<User>,
    created_at: Option<String>,
    updated_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    detailed_status: Option<Detailed>,
    web_url: Option<String>,
    /// It was asked for alone, as it is now.
    #[serde(skip)]
    pub asked: bool,
    /// It has come, or changed, while it was looked at.
    #[serde(skip)]
    pub news: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Detailed {
    group: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct User {
    pub username: Option<String>,
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireJob {
    pub id: u64,
    name: Option<String>,
    stage: Option<String>,
    status: Option<String>,
    failure_reason: Option<String>,
    allow_failure: Option<bool>,
    pub created_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    web_url: Option<String>,
    archived: Option<bool>,
    /// What it left behind; rows of a shape that we do not know do no harm.
    artifacts: Value,
    artifacts_expire_at: Option<String>,
    erased_at: Option<IgnoredAny>,
    pub user: Option<User>,
    pub pipeline: Option<Numbered>,
    pub commit: Option<Committed>,
    /// Of a bridge alone: what it began.
    pub downstream_pipeline: Option<WirePipeline>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Numbered {
    pub id: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Committed {
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCommit {
    pub id: String,
    pub title: Option<String>,
}

/// A merge request on a merge train.
#[derive(Debug, Deserialize)]
pub(super) struct WireCar {
    merge_request: Option<Request>,
    pipeline: Option<Numbered>,
    target_branch: Option<String>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Request {
    iid: Option<u64>,
    title: Option<String>,
}

/// Which statuses do not change by themselves.
const OVER: [&str; 5] = ["success", "failed", "canceled", "cancelled", "skipped"];

/// One set of words for pipelines, bridges and jobs.
fn status(word: Option<&str>) -> RunStatus {
    match word {
        Some("created" | "pending" | "preparing") => RunStatus::Queued,
        Some("running" | "canceling") => RunStatus::Running,
        Some("waiting_for_resource") => RunStatus::Waiting("for a resource that another job holds".into()),
        Some("waiting_for_callback") => RunStatus::Waiting("for another system".into()),
        Some("manual") => RunStatus::Waiting("for somebody to play it".into()),
        Some("scheduled") => RunStatus::Waiting("for its time".into()),
        Some("success") => RunStatus::Success,
        Some("failed") => RunStatus::Failed,
        Some("canceled" | "cancelled") => RunStatus::Cancelled,
        Some("skipped") => RunStatus::Skipped,
        Some(other) => RunStatus::Unknown(clean!("{other}")),
        None => RunStatus::Unknown("no status".into()),
    }
}

fn time(text: Option<&String>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn clean(text: Option<&String>) -> Clean {
    text.map_or(Clean::EMPTY, |text| Clean::from_untrusted(text))
}

/// Who it was.
pub(super) fn who(user: Option<&User>) -> Clean {
    user.and_then(|user| user.username.as_ref().or(user.name.as_ref())).map_or(Clean::EMPTY, |name| Clean::from_untrusted(name))
}

/// `main`, or `!59` of `refs/merge-requests/59/head`.
fn branch(reference: &str) -> Name {
    let request = reference.strip_prefix("refs/merge-requests/").and_then(|rest| rest.split('/').next());
    request.map_or_else(|| Name::new(reference.strip_prefix("refs/heads/").unwrap_or(reference)), |number| Name::new(&format!("!{number}")))
}

/// What began a pipeline, in the words of the field.
fn source_words(source: &str) -> Clean {
    Clean::from_untrusted(match source {
        "merge_request_event" => "merge request",
        "parent_pipeline" => "child",
        "external_pull_request_event" => "pull request",
        "pipeline" => "upstream",
        other => other,
    })
}

impl WirePipeline {
    /// Whether it ran on a branch or a tag, and not for a merge request.
    pub fn of_a_branch(&self) -> bool {
        self.reference.as_deref().is_some_and(|reference| !reference.is_empty() && !reference.starts_with("refs/merge-requests/"))
    }

    /// Whether it may still change by itself, or by a person.
    pub fn alive(&self) -> bool {
        self.status.as_deref().is_none_or(|status| !OVER.contains(&status))
    }

    /// How it stands. That jobs failed which were allowed to is told of one pipeline alone, and of no list.
    pub fn status(&self) -> RunStatus {
        match self.detailed_status.as_ref().and_then(|detailed| detailed.group.as_deref()) {
            Some("success-with-warnings") if self.status.as_deref() == Some("success") => RunStatus::Warn,
            Some("waiting-for-approval") => RunStatus::Waiting("for an approval".into()),
            _ => status(self.status.as_deref()),
        }
    }

    /// What changes with it.
    pub fn stamp(&self) -> (Option<&str>, Option<&str>) {
        (self.status.as_deref(), self.updated_at.as_deref())
    }

    /// Whether it is one of `project`, as far as its address tells: what another project began there may not be ours to read.
    pub fn is_of(&self, project: &str) -> bool {
        self.web_url.as_deref().is_some_and(|url| url.contains(&format!("/{project}/-/pipelines/")) || url.contains(&format!("/{project}/pipelines/")))
    }

    /// Its commit.
    pub fn commit(&self) -> &str {
        self.sha.as_deref().unwrap_or_default()
    }

    /// What its usual time is remembered by: what runs for a branch takes another time than what runs for a request.
    pub fn habit(&self, project: &str) -> String {
        let reference = self.reference.as_deref().unwrap_or_default();
        let own = if self.source.as_deref() == Some("merge_request_event") { "requests" } else { reference };
        format!("{project} {own}")
    }

    /// When it was made.
    pub fn created(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }

    /// When it changed last.
    pub fn updated(&self) -> Option<Timestamp> {
        time(self.updated_at.as_ref())
    }

    /// Whether it is one of a merge train.
    pub fn on_train(&self) -> bool {
        self.reference.as_deref().is_some_and(|reference| reference.starts_with("refs/merge-requests/") && reference.ends_with("/train"))
    }

    /// Whether it is of one of these branches; all if none is named.
    pub fn fits(&self, branches: &[String]) -> bool {
        let name = branch(self.reference.as_deref().unwrap_or_default());
        branches.is_empty() || branches.iter().any(|pattern| crate::domain::glob(pattern, name.raw()))
    }

    /// How long it took in seconds, if it succeeded.
    pub fn took(&self) -> Option<u32> {
        let end = self.finished_at.as_ref().or(self.updated_at.as_ref());
        let seconds = time(end)?.duration_since(time(self.started_at.as_ref().or(self.created_at.as_ref()))?).as_secs();
        u32::try_from(seconds).ok().filter(|_| self.status.as_deref() == Some("success"))
    }

    /// Whether somebody may be waiting for what an answer about it alone tells.
    pub fn urgent(&self) -> bool {
        self.news || self.alive()
    }

    /// What an answer about it alone tells more than a list, kept from one that is as old as this.
    pub fn with_details_of(mut self, known: &Self) -> Self {
        if known.stamp() == self.stamp() {
            let Self { user, started_at, finished_at, detailed_status, name, asked, .. } = known.clone();
            self.asked |= asked;
            self.user = self.user.or(user);
            self.started_at = self.started_at.or(started_at);
            self.finished_at = self.finished_at.or(finished_at);
            self.detailed_status = self.detailed_status.or(detailed_status);
            self.name = self.name.or(name);
            self.news = known.news;
        } else {
            self.news = true;
            self.user = self.user.or_else(|| known.user.clone());
        }
        self
    }

    /// How it stands, for those who wait for it. A pipeline that is retried goes on under its number.
    pub fn standing(&self) -> Standing {
        Standing { attempt: 1, alive: self.alive(), good: matches!(self.status(), RunStatus::Success | RunStatus::Warn) }
    }

    /// The run of `project`; `title` is what its commit is called.
    pub fn run(&self, source: &SourceId, project: &Name, title: Option<Clean>, usual: Option<u32>) -> Run {
        let short = || clean!("{}", self.commit().get(..8).unwrap_or(self.commit()));
        let named = self.name.as_ref().filter(|name| !name.trim().is_empty()).map(|name| Clean::from_untrusted(name));
        Run {
            id: keys::pipeline(source, project.raw(), self.id),
            repository: project.clone(),
            workflow: named.unwrap_or_else(|| source_words(self.source.as_deref().unwrap_or("pipeline"))),
            number: self.id,
            attempt: 1,
            title: title.unwrap_or_else(short),
            branch: branch(self.reference.as_deref().unwrap_or_default()),
            commit: Name::new(self.commit()),
            actor: who(self.user.as_ref()),
            status: self.status(),
            created: time(self.created_at.as_ref()),
            started: time(self.started_at.as_ref().or(self.created_at.as_ref())),
            ended: time(self.finished_at.as_ref().or(self.updated_at.as_ref())).filter(|_| !self.alive()),
            was: None,
            digests: Box::default(),
            usual,
            url: clean(self.web_url.as_ref()),
        }
    }
}

impl WireJob {
    /// How it stands. A failure that is allowed is a warning, and what may be played and need not be waits for nobody.
    pub fn status(&self) -> RunStatus {
        let allowed = self.allow_failure == Some(true);
        match status(self.status.as_deref()) {
            RunStatus::Failed if allowed => RunStatus::Warn,
            RunStatus::Waiting(_) if allowed && self.status.as_deref() == Some("manual") => RunStatus::Neutral,
            status => status,
        }
    }

    /// Whether it will say nothing more.
    pub fn over(&self) -> bool {
        self.status.as_deref().is_some_and(|status| OVER.contains(&status))
    }

    /// What it left behind for people.
    pub fn artifacts(&self) -> Vec<Artifact> {
        let until = time(self.artifacts_expire_at.as_ref());
        let files = self.artifacts.as_array().into_iter().flatten().filter_map(|row| File::deserialize(row).ok());
        files.filter_map(|file| file.artifact(self.name(), until)).collect()
    }

    /// Its name, if it failed or was cancelled.
    pub fn failed(&self) -> Option<Clean> {
        matches!(status(self.status.as_deref()), RunStatus::Failed | RunStatus::Cancelled).then(|| self.title(""))
    }

    /// Whether it waits for somebody, or for a time that somebody can anticipate.
    pub fn playable(&self) -> bool {
        matches!(self.status.as_deref(), Some("manual" | "scheduled"))
    }

    /// Whether a runner ever took it.
    pub fn ran(&self) -> bool {
        self.started_at.is_some()
    }

    /// Whether its log was thrown away.
    pub fn erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// Whether it can only be looked at.
    pub fn archived(&self) -> bool {
        self.archived == Some(true)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// When it was made.
    pub fn created(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }

    /// Why it failed, in GitLab's word.
    pub fn failure(&self) -> Clean {
        self.failure_reason.as_deref().map_or(Clean::EMPTY, |word| clean!("{}", word.replace('_', " ")))
    }

    fn title(&self, under: &str) -> Clean {
        let stage = self.stage.as_deref().filter(|stage| *stage != self.name()).map(|stage| format!("{stage}: ")).unwrap_or_default();
        clean!("{under}{stage}{}", self.name())
    }

    /// The job of a pipeline of `run`; `under` leads the names of a child pipeline's.
    pub fn job(&self, (source, project): (&SourceId, &str), run: &crate::domain::Id<Run>, under: &str, gates: &Gates) -> Job {
        Job {
            id: keys::job(source, project, self.id),
            run: run.clone(),
            name: self.title(under),
            gate: gates.of(project, self.name(), self.stage.as_deref().unwrap_or_default()),
            status: self.status(),
            started: time(self.started_at.as_ref()),
            ended: time(self.finished_at.as_ref()).filter(|_| self.over()),
            steps: Box::default(),
            url: clean(self.web_url.as_ref()),
        }
    }

    /// A job that begins another pipeline: it stands as that does. What is under way there may be told by this one alone.
    pub fn bridge(&self, (source, project): (&SourceId, &str), run: &crate::domain::Id<Run>, under: &str, gates: &Gates) -> Job {
        let begun = self.downstream_pipeline.as_ref();
        let own = self.status();
        let status = match begun.map(WirePipeline::status) {
            // It failed to begin what it should.
            Some(_) if matches!(own, RunStatus::Failed | RunStatus::Warn) => own,
            Some(status) => status,
            None => own,
        };
        let job = self.job((source, project), run, under, gates);
        let name = clean!("{} → pipeline", job.name);
        let name = begun.map_or(name.clone(), |begun| clean!("{name} #{}", begun.id));
        Job { id: keys::bridge(source, project, self.id), name, status, ..job }
    }
}

impl WireCar {
    /// The pipeline that it waits for, and the train in words: `train to main, !59 Faster prices`.
    pub fn told(&self) -> Option<(u64, Clean)> {
        let pipeline = self.pipeline.as_ref()?.id;
        let moving = !matches!(self.status.as_deref(), Some("merged" | "skip_merged"));
        let request = self.merge_request.as_ref();
        let number = request.and_then(|request| request.iid).map(|number| format!("!{number} ")).unwrap_or_default();
        let title = request.and_then(|request| request.title.as_deref()).unwrap_or_default();
        moving.then(|| (pipeline, clean!("train to {}: {number}{title}", self.target_branch.as_deref().unwrap_or_default())))
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
