//! What GitHub answers, and the nouns it becomes. All fields may be missing; words of its enums that we do not know stay what they are.

use super::keys;
use crate::{
    clean,
    domain::{Job, Run, RunStatus, SourceId, Step},
    sources::{
        ci::{Rows, Standing},
        gates::Gates,
    },
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Runs {
    pub workflow_runs: Rows<WireRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Jobs {
    pub jobs: Rows<WireJob>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WireRun {
    pub id: u64,
    name: Option<String>,
    display_title: Option<String>,
    path: Option<String>,
    run_number: Option<u64>,
    run_attempt: Option<u32>,
    actor: Option<Actor>,
    triggering_actor: Option<Actor>,
    head_branch: Option<String>,
    head_sha: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    workflow_id: Option<u64>,
    created_at: Option<String>,
    run_started_at: Option<String>,
    updated_at: Option<String>,
    html_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Actor {
    login: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireJob {
    pub id: u64,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
    #[serde(default)]
    steps: Option<Vec<WireStep>>,
    workflow_name: Option<String>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WireStep {
    number: Option<u32>,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
}

const COMPLETED: &str = "completed";

/// One set of words for runs, jobs and steps. What is not completed has no conclusion, whatever is written there.
fn status(status: Option<&str>, conclusion: Option<&str>) -> RunStatus {
    match (status, conclusion) {
        (Some("queued" | "requested"), _) => RunStatus::Queued,
        (Some("in_progress"), _) => RunStatus::Running,
        (Some("waiting"), _) => RunStatus::Waiting("for a reviewer or a timer of its environment".into()),
        (Some("pending"), _) => RunStatus::Waiting("for another run of its concurrency group".into()),
        (Some(COMPLETED), Some(conclusion)) => concluded(conclusion),
        (Some(other), _) => RunStatus::Unknown(clean!("{other}")),
        (None, _) => RunStatus::Unknown("no status".into()),
    }
}

fn concluded(conclusion: &str) -> RunStatus {
    match conclusion {
        "success" => RunStatus::Success,
        "failure" | "timed_out" | "startup_failure" => RunStatus::Failed,
        "cancelled" | "canceled" => RunStatus::Cancelled,
        "skipped" => RunStatus::Skipped,
        "neutral" => RunStatus::Neutral,
        "stale" => RunStatus::Stale,
        "action_required" => RunStatus::Waiting("for somebody to approve a run from a fork".into()),
        other => RunStatus::Unknown(clean!("{other}")),
    }
}

/// Times come with `Z`, with an offset, or not at all.
fn time(text: Option<&String>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn clean(text: Option<&String>) -> Clean {
    text.map_or(Clean::EMPTY, |text| Clean::from_untrusted(text))
}

fn name(text: Option<&String>) -> Name {
    text.map_or_else(Name::default, |text| Name::new(text))
}

impl WireRun {
    /// Whether it may still change by itself.
    pub fn alive(&self) -> bool {
        self.status.as_deref() != Some(COMPLETED)
    }

    /// The number of its workflow.
    pub fn workflow(&self) -> u64 {
        self.workflow_id.unwrap_or_default()
    }

    /// Its number, as people say it.
    pub fn number(&self) -> u64 {
        self.run_number.unwrap_or_default()
    }

    /// Its commit.
    pub fn commit(&self) -> &str {
        self.head_sha.as_deref().unwrap_or_default()
    }

    /// How often it was run.
    pub fn attempt(&self) -> u32 {
        self.run_attempt.unwrap_or(1)
    }

    /// How it stands.
    pub fn status(&self) -> RunStatus {
        status(self.status.as_deref(), self.conclusion.as_deref())
    }

    /// When it was first asked for.
    pub fn created(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }

    /// When this attempt began.
    pub fn began(&self) -> Option<Timestamp> {
        time(self.run_started_at.as_ref())
    }

    /// Who had it run last.
    pub fn actor(&self) -> Clean {
        let actor = self.triggering_actor.as_ref().filter(|_| self.attempt() > 1).or(self.actor.as_ref());
        clean(actor.and_then(|actor| actor.login.as_ref()))
    }

    /// The file of its workflow: `.github/workflows/ci.yml`, also of `.github/workflows/ci.yml@main`.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_default().split('@').next().unwrap_or_default()
    }

    /// The same without the folder: `ci.yml`.
    pub fn file(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is of one of these branches (all if none is named) and workflows (by file or name).
    pub fn fits(&self, branches: &[String], workflows: &[String]) -> bool {
        let one = |patterns: &[String], texts: &[&str]| patterns.is_empty() || patterns.iter().any(|p| texts.iter().any(|text| crate::domain::glob(p, text)));
        one(branches, &[self.head_branch.as_deref().unwrap_or_default()]) && one(workflows, &[self.file(), self.name.as_deref().unwrap_or_default()])
    }

    /// How long it took in seconds, if it succeeded at once.
    pub fn took(&self) -> Option<u32> {
        let good = self.run_attempt.unwrap_or(1) == 1 && !self.alive() && self.conclusion.as_deref() == Some("success");
        let seconds = time(self.updated_at.as_ref())?.duration_since(time(self.run_started_at.as_ref())?).as_secs();
        u32::try_from(seconds).ok().filter(|_| good)
    }

    /// How it stands, for those who wait for it.
    pub fn standing(&self) -> Standing {
        Standing { attempt: self.attempt(), alive: self.alive(), good: self.conclusion.as_deref() == Some("success") }
    }

    /// The run of `repository` at `source`.
    pub fn run(&self, source: &SourceId, repository: &Name, usual: Option<u32>) -> Run {
        let workflow = self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(self.file());
        Run {
            id: keys::run(source, repository.raw(), self.id),
            repository: repository.clone(),
            workflow: Clean::from_untrusted(workflow),
            number: self.number(),
            attempt: self.attempt(),
            title: clean(self.display_title.as_ref().or(self.name.as_ref())),
            branch: name(self.head_branch.as_ref()),
            commit: name(self.head_sha.as_ref()),
            actor: self.actor(),
            status: self.status(),
            created: self.created(),
            started: time(self.run_started_at.as_ref().or(self.created_at.as_ref())),
            // There is no time of its end; a later edit may move this one.
            ended: time(self.updated_at.as_ref()).filter(|_| !self.alive()),
            was: None,
            digests: Box::default(),
            usual,
            url: clean(self.html_url.as_ref()),
        }
    }
}

impl WireJob {
    /// Its name, if it failed.
    pub fn failed(&self) -> Option<Clean> {
        (status(self.status.as_deref(), self.conclusion.as_deref()) == RunStatus::Failed).then(|| clean(self.name.as_ref()))
    }

    /// How it stands.
    pub fn status(&self) -> RunStatus {
        status(self.status.as_deref(), self.conclusion.as_deref())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether it will say nothing more.
    pub fn completed(&self) -> bool {
        self.status.as_deref() == Some(COMPLETED)
    }

    /// Whether any of it ran: a job that was skipped, or cancelled in the queue, has no steps.
    pub fn ran(&self) -> bool {
        self.steps.as_ref().is_some_and(|steps| !steps.is_empty())
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        time(self.completed_at.as_ref())
    }

    /// The job of run number `run`. One that failed in a run that succeeded was allowed to (`continue-on-error`).
    pub fn job(self, source: &SourceId, repository: &str, run: u64, standing: Option<Standing>, gates: &Gates) -> Job {
        let status = match self.status() {
            RunStatus::Failed if standing.is_some_and(|standing| standing.good && !standing.alive) => RunStatus::Warn,
            status => status,
        };
        let begun = matches!(self.status.as_deref(), Some("in_progress" | COMPLETED));
        let mut steps: Vec<Step> = self.steps.unwrap_or_default().into_iter().map(Step::from).collect();
        steps.sort_by_key(|step| step.number);
        Job {
            id: keys::job(source, repository, self.id),
            run: keys::run(source, repository, run),
            name: clean(self.name.as_ref()),
            gate: gates.of(repository, self.name.as_deref().unwrap_or_default(), self.workflow_name.as_deref().unwrap_or_default()),
            // While it waits this is only when it was made.
            started: time(self.started_at.as_ref()).filter(|_| begun && status.ran()),
            ended: time(self.completed_at.as_ref()).filter(|_| status.ran()),
            status,
            steps: steps.into(),
            url: clean(self.html_url.as_ref()),
        }
    }
}

impl From<WireStep> for Step {
    fn from(step: WireStep) -> Self {
        Self {
            number: step.number.unwrap_or_default(),
            name: clean(step.name.as_ref()),
            status: status(step.status.as_deref(), step.conclusion.as_deref()),
            started: time(step.started_at.as_ref()),
            ended: time(step.completed_at.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests;
