//! What a pipeline has to show: its tests and its coverage where jobs report them, and what its jobs left behind.

use super::{
    api::Api,
    keys,
    meter::Need,
    wire::{WireJob, WirePipeline},
};
use crate::{
    clean,
    domain::{Artifact, Id, Report, Run, RunStatus, Tests, percent},
    sources::{SourceError, refusal::Refusal},
    text::Clean,
};
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pipeline {
    #[serde(flatten)]
    own: WirePipeline,
    coverage: Option<Coverage>,
}

/// Text in all versions so far; a number where jobs tell it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Coverage {
    Text(String),
    Number(f64),
    Other(IgnoredAny),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    total: Option<Total>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Total {
    count: Option<u64>,
    failed: Option<u64>,
    skipped: Option<u64>,
    error: Option<u64>,
    suite_error: Option<IgnoredAny>,
}

/// A file that a job left behind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    file_type: Option<String>,
    filename: Option<String>,
    size: Option<u64>,
}

/// Kinds of files that are GitLab's own, and that it shows elsewhere.
const OWN: [&str; 2] = ["trace", "metadata"];

impl File {
    /// The artifact of a job of this name, unless it is one that nobody looks for.
    pub fn artifact(&self, job: &str, until: Option<Timestamp>) -> Option<Artifact> {
        let kind = self.file_type.as_deref().unwrap_or_default();
        let name = clean!("{job}: {}", self.filename.as_deref().filter(|name| !name.is_empty()).unwrap_or(kind));
        (!OWN.contains(&kind)).then_some(Artifact { name, bytes: self.size, until, gone: false })
    }
}

/// What `run` has to show, in three requests however many jobs it has; what this GitLab or this token has not is left out.
pub(super) async fn read(api: &Api, run: &Id<Run>) -> Result<Report, SourceError> {
    let Some((project, number)) = keys::of_pipeline(run) else {
        return Err(SourceError::NotFound(clean!("{} is not a pipeline of GitLab", run.as_str())));
    };
    let id = number.to_string();
    let mut report = Report::default();
    let pipeline = api.read::<Pipeline>(Need::Detail, project, Api::ask(project, &["pipelines", &id])).await?.0;
    report.warns = pipeline.own.status() == RunStatus::Warn;
    report.coverage = pipeline.coverage.and_then(|coverage| match coverage {
        Coverage::Text(text) => percent(&text),
        Coverage::Number(number) => percent(&number.to_string()),
        Coverage::Other(_) => None,
    });
    let ask = Api::ask(project, &["pipelines", &id, "test_report_summary"]);
    if let Some((summary, _)) = Refusal::or_none(api.read::<Summary>(Need::Detail, project, ask).await)? {
        summary.total.unwrap_or_default().tell(&mut report);
    }
    let ask = Api::ask(project, &["pipelines", &id, "jobs"]).with("per_page", "100");
    let (mut jobs, next) = api.read::<Vec<WireJob>>(Need::Detail, project, ask).await?;
    jobs.sort_by_key(|job| job.id);
    report.made(jobs.iter().flat_map(WireJob::artifacts).collect(), 0);
    if next.is_some() {
        report.lacks.push(Clean::from_static("of more than 100 jobs: what the newest 100 left behind"));
    }
    Ok(report)
}

impl Total {
    /// A pipeline without a report of tests counts none.
    fn tell(self, report: &mut Report) {
        let failed = self.failed.unwrap_or_default().saturating_add(self.error.unwrap_or_default());
        let tests = Tests { total: self.count.unwrap_or_default(), failed, skipped: self.skipped.unwrap_or_default() };
        report.tests = (tests.total > 0).then_some(tests);
        if self.suite_error.is_some() {
            report.lacks.push(Clean::from_static("a report of tests could not be read by GitLab: the counts are without it"));
        }
    }
}
