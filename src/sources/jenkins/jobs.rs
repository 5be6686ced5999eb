//! The jobs of one build: its stages, or the build itself where it has none that are told.

use super::{
    api::{Api, Need, Way},
    keys, stages,
    wire::{Build, HELD, STATE, decoded},
};
use crate::{
    clean,
    domain::{Batch, Id, Job, Run},
    sources::{
        SourceError,
        ci::{self, Board, Look, Standing},
    },
    text::Clean,
};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The jobs of `run` for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, run: Id<Run>) -> BoxStream<'static, Result<Batch, SourceError>> {
    ci::jobs(Jobs { api, run: run.clone(), known: Mutex::default() }, run)
}

struct Jobs {
    api: Arc<Api>,
    run: Id<Run>,
    /// As they were read last: the steps of what is over are not read again.
    known: Mutex<Vec<Job>>,
}

impl Look for Jobs {
    fn board(&self) -> &Board {
        &self.api.board
    }

    fn pause(&self) -> Duration {
        self.api.pace.jobs
    }

    fn read(&self, standing: Option<Standing>) -> BoxFuture<'_, Result<Vec<Job>, SourceError>> {
        self.all(standing).boxed()
    }
}

impl Jobs {
    async fn all(&self, standing: Option<Standing>) -> Result<Vec<Job>, SourceError> {
        let Some((path, number)) = keys::of_run(&self.run) else {
            // It has not begun: nothing of it can be told.
            let none = || SourceError::NotFound(clean!("{} is not a build of Jenkins", self.run.as_str()));
            return keys::waits(&self.run).then(Vec::new).ok_or_else(none);
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let pipeline = self.api.is_pipeline(path) != Some(false);
        let told = if pipeline { stages::jobs(&self.api, path, number, standing, &known).await } else { Ok(Vec::new()) };
        let told_nothing = matches!(&told, Ok(jobs) if jobs.is_empty());
        let jobs = match told {
            Ok(jobs) if !jobs.is_empty() => jobs,
            // A plugin that fails on a build tells no stages of it; the build itself is told.
            Ok(_) | Err(SourceError::Protocol(_)) => vec![self.whole(path, number).await?],
            Err(error) => return Err(error),
        };
        // The build is there, it is a pipeline's, and nobody knows of stages.
        if told_nothing && self.api.is_pipeline(path) == Some(true) && self.api.way() == Way::Unknown {
            self.api.goes(Way::Nothing);
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&jobs);
        Ok(jobs)
    }

    /// The build as one job.
    async fn whole(&self, path: &str, number: u64) -> Result<Job, SourceError> {
        let build: Build = self.api.read(Need::List, path, Api::fields(path, &[&number.to_string()], &format!("{STATE},{HELD}"))).await?;
        let name = path.rsplit('/').next().map(decoded).unwrap_or_default();
        Ok(Job {
            id: keys::job(&self.api.id, path, number, keys::WHOLE),
            run: self.run.clone(),
            gate: self.api.gates.of(self.api.item(path).project(), &name, path),
            name: Clean::from_untrusted(&name),
            status: build.status(),
            started: build.at(),
            ended: build.ended(),
            steps: Box::default(),
            url: self.api.page(path, number),
        })
    }
}
