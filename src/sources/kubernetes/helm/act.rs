//! Takes a release back, once, by the `helm` of whoever is on call.
//!
//! The records are read again just before; helm itself writes a record before it touches an object, and that write is the lock between
//! two of them. What helm leaves in the middle is unclear, and is settled by reading the records.

use super::{Found, Through, program};
use crate::{
    clean,
    domain::{Operation, Stage},
    gate::Warrant,
    sources::{
        SourceError,
        kubernetes::{ask::Current, client::Cluster},
        steps::{self, not_sent},
    },
    text::Clean,
};
use futures::stream::BoxStream;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How long helm may wait for one hook or other step.
const STEP: Duration = Duration::from_secs(240);
/// After this it is ended. What waits for an answer waits longer (`late_release`).
const LIMIT: Duration = Duration::from_secs(300);

/// Carries out what the warrant permits.
pub fn carry_out(cluster: Arc<Cluster>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(cluster, warrant), Ready::run)
}

/// The arguments of the one helm that is started.
pub fn arguments(cluster: &Cluster, through: &Through, number: u64) -> Vec<String> {
    let fixed = ["rollback", through.release.raw(), &number.to_string(), "-n", through.namespace.raw()].map(str::to_owned);
    let timeout = ["--timeout".to_owned(), format!("{}s", STEP.as_secs())];
    fixed.into_iter().chain(cluster.command_line("--kube-context")).chain(timeout).collect()
}

/// What is ready to be started. It owns the warrant, so that there is no second one.
struct Ready {
    cluster: Arc<Cluster>,
    warrant: Warrant,
    through: Box<Through>,
    program: PathBuf,
    arguments: Vec<String>,
}

async fn read(cluster: &Cluster, operation: &Operation) -> Result<Box<Through>, Stage> {
    let found = match Current::read(cluster, &operation.subject).await {
        Ok(current) => super::of(cluster, current).await,
        Err(error) => Err(error),
    };
    match found.map_err(|error| not_sent(&error))? {
        Found::Release(through) => Ok(through),
        Found::Unreadable(_, why) => Err(Stage::Refused { why: clean!("nothing was sent: the release can not be read: {why}") }),
        Found::None(_) => Err(Stage::Conflict { what: Clean::from_static("it belongs to no release any more"), same: false }),
    }
}

async fn make_ready(cluster: Arc<Cluster>, warrant: Warrant) -> Result<Ready, Stage> {
    let refused = |why: Clean| Stage::Refused { why };
    let operation = warrant.operation();
    if cluster.read_only {
        return Err(steps::read_only());
    }
    let through = read(&cluster, operation).await?;
    if let Some(what) = moved(operation, &through) {
        return Err(Stage::Conflict { what, same: false });
    }
    let number = super::number(operation).unwrap_or_default();
    if let Some(why) = barred(&through, number) {
        return Err(refused(why));
    }
    let program = program::find().ok_or_else(|| refused(Clean::from_static("there is no helm on PATH: nothing was sent")))?;
    let arguments = arguments(&cluster, &through, number);
    Ok(Ready { cluster, warrant, through, program, arguments })
}

/// Why it can not go to a revision; none where it can.
pub(super) fn barred(through: &Through, number: u64) -> Option<Clean> {
    match through.record(number) {
        None => Some(clean!("r{number} is no longer there: it was removed from the history; choose another revision")),
        Some(target) if through.own(target).is_none() => Some(clean!("r{number} has no {}: it would be deleted", through.name(&through.key()))),
        Some(_) => None,
    }
}

/// What is not as the operator saw it any more; none where all is.
fn moved(operation: &Operation, through: &Through) -> Option<Clean> {
    let (now, from) = (through.seen(), &operation.from);
    let newest = through.newest();
    if now.uid != from.uid {
        return Some(clean!(
            "the newest revision of release {} is another one now: r{} ({}, {})",
            through.release,
            newest.number,
            newest.status,
            newest.description
        ));
    }
    if now.template != from.template {
        let words = clean!("release {} or {} was changed: its r{} is {} now", through.release, through.current.address.name, newest.number, newest.status);
        return Some(words);
    }
    (now.paused != from.paused).then(|| clean!("{} was paused or resumed meanwhile", through.current.address.name))
}

impl Ready {
    /// Starts helm. However it ends, it is not started again.
    async fn run(self) -> Stage {
        let ended = match program::run(&self.program, &self.arguments, self.through.driver.word(), LIMIT).await {
            Ok(ended) => ended,
            Err(error) => return Stage::Refused { why: clean!("{} did not start: {error}; nothing was sent", self.program.display()) },
        };
        if ended.code == Some(0) {
            return Stage::Accepted { request: None, warnings: ended.warnings, revision: None, generation: None };
        }
        let after = read(&self.cluster, self.warrant.operation()).await.ok();
        if let Some(newest) = after.as_ref().map(|after| after.newest()).filter(|newest| newest.pending())
            && let Ok(mut left) = self.cluster.left.lock()
        {
            left.push(newest.uid.expose().to_owned());
        }
        outcome(&ended, &self.through, after.as_deref())
    }
}

/// What a helm that did not succeed means, by the records before and after it.
pub(super) fn outcome(ended: &program::Ended, before: &Through, after: Option<&Through>) -> Stage {
    let same = after.is_some_and(|after| after.newest().uid == before.newest().uid && after.newest().status == before.newest().status);
    match ended.code {
        // A record is the first thing that it writes.
        Some(code) if same => Stage::Refused { why: clean!("helm ended with exit code {code}: {}", ended.said) },
        Some(_) if ended.said.contains("already exists") && ended.said.contains("sh.helm.release.") => {
            Stage::Conflict { what: clean!("another helm wrote the next revision of {} at the same moment", before.release), same: false }
        }
        Some(code) => Stage::Unclear { why: clean!("helm ended with exit code {code}: {}", ended.said) },
        None if ended.late => Stage::Unclear { why: clean!("helm did not end within {} s and was ended ({})", LIMIT.as_secs(), ended.said) },
        None => Stage::Unclear { why: clean!("helm was killed in the middle ({})", ended.said) },
    }
}
