//! The jobs of one run: often while it runs, once when it is over, and again when it is run again.

use super::{Board, Standing, board::Looker};
use crate::{
    domain::{Batch, Id, Job, Run},
    sources::SourceError,
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::time::Duration;
use tokio::time::sleep;

/// How often jobs that are not over are looked at after their run is: the end of a run may be told before that of its jobs.
const AFTER: u8 = 10;

/// At how many such looks the list of runs is asked for its end: it follows soon, unless more jobs are made.
const ENDS: u8 = 3;

/// How the jobs of one run are read.
pub(in crate::sources) trait Look: Send + Sync + 'static {
    /// Where it is told how the run stands.
    fn board(&self) -> &Board;

    /// How long to wait while it runs.
    fn pause(&self) -> Duration;

    /// Its jobs as they are now.
    fn read(&self, standing: Option<Standing>) -> BoxFuture<'_, Result<Vec<Job>, SourceError>>;
}

/// The jobs of `run` for as long as they are asked for.
pub(in crate::sources) fn watch(look: impl Look, run: Id<Run>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let watch = Watch { look, run, known: None, standing: None, after: 0, over: 0, looker: None };
    stream::try_unfold(watch, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch<L> {
    look: L,
    run: Id<Run>,
    known: Option<Vec<Job>>,
    standing: Option<Standing>,
    after: u8,
    /// At how many looks in a row all of them were over, and their run was not.
    over: u8,
    looker: Option<Looker>,
}

impl<L: Look> Watch<L> {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        if self.known.is_some() {
            self.rest().await;
        }
        let standing = self.look.board().standing(&self.run);
        self.after = if self.standing == standing { self.after.saturating_add(1) } else { 0 };
        self.standing = standing;
        let jobs = self.look.read(standing).await?;
        let same = self.known.as_ref() == Some(&jobs);
        let over = !jobs.is_empty() && jobs.iter().all(|job| job.status.over()) && standing.is_some_and(|standing| standing.alive);
        self.over = if over { self.over.saturating_add(1) } else { 0 };
        if (1..=ENDS).contains(&self.over) {
            self.look.board().seems_over(&self.run);
        }
        self.known = Some(jobs.clone());
        self.looker = self.alive().then(|| self.look.board().look(&self.run));
        Ok(if same { Batch::default() } else { Batch::list(jobs) })
    }

    /// Waits for the next look: a moment while anything may change, else until the run is another one. Where several runs are looked at they take
    /// turns, so that all of them together cost what one does.
    async fn rest(&self) {
        let changed = self.look.board().changed(&self.run, self.standing);
        if self.alive() {
            let turns = self.look.board().lookers().max(1);
            tokio::select! { () = sleep(self.look.pause() * turns) => {}, () = changed => {} }
        } else {
            changed.await;
        }
    }

    fn alive(&self) -> bool {
        let unfinished = self.known.iter().flatten().any(|job| !job.status.over());
        match self.standing {
            Some(standing) => standing.alive || (unfinished && self.after < AFTER),
            None => unfinished,
        }
    }
}
