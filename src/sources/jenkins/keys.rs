//! The identities of runs and jobs: the path of their Jenkins job, and a number. Names of branches stay as Jenkins writes them (`feature%2Fx`).

use crate::domain::{Id, Job, LogStream, Run, SourceId};

const BUILD: &str = "/builds/";
const QUEUE: &str = "/queue/";
const STAGE: &str = "/stages/";
/// What stands for a stage where the job is the build as a whole.
pub(super) const WHOLE: &str = "build";

/// Build `number` of the job at `path`.
pub(super) fn run(source: &SourceId, path: &str, number: u64) -> Id<Run> {
    Id::new(source, &format!("{path}{BUILD}{number}"))
}

/// What waits in the queue for the job at `path`.
pub(super) fn queued(source: &SourceId, path: &str, item: u64) -> Id<Run> {
    Id::new(source, &format!("{path}{QUEUE}{item}"))
}

/// A stage of a build, or the build as a whole.
pub(super) fn job(source: &SourceId, path: &str, number: u64, stage: &str) -> Id<Job> {
    Id::new(source, &format!("{path}{BUILD}{number}{STAGE}{stage}"))
}

/// The log that is shown for a job: that of its build.
pub(super) fn log(job: &Id<Job>) -> Id<LogStream> {
    job.cast()
}

/// The path and the number of a build; none of what waits in the queue.
pub(super) fn of_run(id: &Id<Run>) -> Option<(&str, u64)> {
    let (path, number) = id.key().rsplit_once(BUILD)?;
    Some((path, number.parse().ok()?))
}

/// The path and the number of what waits in the queue.
pub(super) fn of_queued(id: &Id<Run>) -> Option<(&str, u64)> {
    let (path, item) = id.key().rsplit_once(QUEUE)?;
    Some((path, item.parse().ok()?))
}

/// Whether it waits in the queue.
pub(super) fn waits(id: &Id<Run>) -> bool {
    of_queued(id).is_some() && of_run(id).is_none()
}

/// The path and the number of the build of a job.
pub(super) fn of_job(id: &Id<Job>) -> Option<(&str, u64)> {
    let (build, _) = id.key().rsplit_once(STAGE)?;
    let (path, number) = build.rsplit_once(BUILD)?;
    Some((path, number.parse().ok()?))
}

/// Which stage of its build a job is.
pub(super) fn stage_of(id: &Id<Job>) -> Option<&str> {
    id.key().rsplit_once(STAGE).map(|(_, stage)| stage)
}
