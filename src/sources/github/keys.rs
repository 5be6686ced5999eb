//! The identities of runs and jobs: their repository and number.

use crate::domain::{Id, Job, LogStream, Run, SourceId};

const RUN: &str = "/runs/";
const JOB: &str = "/jobs/";

/// Run `number` of `repository`.
pub(super) fn run(source: &SourceId, repository: &str, number: u64) -> Id<Run> {
    Id::new(source, &format!("{repository}{RUN}{number}"))
}

/// Job `number` of `repository`.
pub(super) fn job(source: &SourceId, repository: &str, number: u64) -> Id<Job> {
    Id::new(source, &format!("{repository}{JOB}{number}"))
}

/// The log of a job.
pub(super) fn log(job: &Id<Job>) -> Id<LogStream> {
    job.cast()
}

/// The repository and the number of a run.
pub(super) fn of_run(id: &Id<Run>) -> Option<(&str, u64)> {
    split(id.key(), RUN)
}

/// The repository and the number of a job.
pub(super) fn of_job(id: &Id<Job>) -> Option<(&str, u64)> {
    split(id.key(), JOB)
}

fn split<'a>(key: &'a str, between: &str) -> Option<(&'a str, u64)> {
    let (repository, number) = key.rsplit_once(between)?;
    Some((repository, number.parse().ok()?))
}
