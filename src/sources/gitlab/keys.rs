//! The identities of pipelines and jobs: their project and number, as in their web addresses. No part of a project's path is `-`.

use crate::domain::{Id, Job, LogStream, Run, SourceId};

const PIPELINE: &str = "/-/pipelines/";
const JOB: &str = "/-/jobs/";
const BRIDGE: &str = "/-/bridges/";

/// Pipeline `number` of `project`.
pub(super) fn pipeline(source: &SourceId, project: &str, number: u64) -> Id<Run> {
    Id::new(source, &format!("{project}{PIPELINE}{number}"))
}

/// Job `number` of `project`.
pub(super) fn job(source: &SourceId, project: &str, number: u64) -> Id<Job> {
    Id::new(source, &format!("{project}{JOB}{number}"))
}

/// The job of `project` that begins another pipeline. It has no log.
pub(super) fn bridge(source: &SourceId, project: &str, number: u64) -> Id<Job> {
    Id::new(source, &format!("{project}{BRIDGE}{number}"))
}

/// The log of a job.
pub(super) fn log(job: &Id<Job>) -> Id<LogStream> {
    job.cast()
}

/// The project and the number of a pipeline.
pub(super) fn of_pipeline(id: &Id<Run>) -> Option<(&str, u64)> {
    split(id.key(), PIPELINE)
}

/// The project and the number of a job.
pub(super) fn of_job(id: &Id<Job>) -> Option<(&str, u64)> {
    of_job_key(id.key())
}

/// The same of a key.
pub(super) fn of_job_key(key: &str) -> Option<(&str, u64)> {
    split(key, JOB)
}

/// Whether it begins another pipeline.
pub(super) fn is_bridge(id: &Id<Job>) -> bool {
    split(id.key(), BRIDGE).is_some()
}

fn split<'a>(key: &'a str, between: &str) -> Option<(&'a str, u64)> {
    let (project, number) = key.rsplit_once(between)?;
    Some((project, number.parse().ok()?))
}
