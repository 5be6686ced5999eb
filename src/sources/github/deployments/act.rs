//! The one request that has an earlier deployment made again. Nothing of it is ever sent twice; GitHub itself runs nothing again that has not
//! ended, so that of two consoles one is refused.

use super::{ask::place, records::site, target::Behind};
use crate::{
    clean,
    domain::{Operation, Stage},
    gate::Warrant,
    sources::{
        SourceError,
        deployments::{moved, of_revision},
        github::api::Api,
        steps,
    },
    text::Clean,
};
use futures::stream::BoxStream;
use jiff::Timestamp;
use std::sync::Arc;

/// Carries it out, once.
pub(in crate::sources::github) fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), Request::send)
}

struct Request {
    api: Arc<Api>,
    warrant: Warrant,
    behind: Behind,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let read = async {
        let (repository, environment) = place(&operation.subject)?;
        let deployment = goal(operation)?;
        let site = site(&api, repository, environment, false).await?;
        let behind = Behind::read(&api, repository, deployment).await?;
        Ok::<_, SourceError>((site, behind))
    };
    let (site, behind) = read.await.map_err(|error| steps::not_sent(&error))?;
    if let Some(what) = moved(operation, &site) {
        return Err(Stage::Conflict { what, same: false });
    }
    let Some(behind) = behind else {
        return Err(Stage::Refused { why: "this deployment was not made by Actions: the pipeline offers no redeploy of it".into() });
    };
    let Some(commit) = goal(operation).ok().and_then(|id| site.deployments.iter().find(|one| one.id == id)).map(|one| one.commit.clone()) else {
        return Err(Stage::Refused { why: "GitHub does not list that deployment any more: nothing was sent".into() });
    };
    if let Some(bar) = behind.bar(commit.raw(), Timestamp::now()) {
        return Err(if behind.run.alive() { Stage::Conflict { what: bar.why, same: false } } else { Stage::Refused { why: bar.why } });
    }
    Ok(Request { api, warrant, behind })
}

/// The deployment that is to be made again.
fn goal(operation: &Operation) -> Result<u64, SourceError> {
    operation.to.as_ref().and_then(|to| of_revision(&to.id)).ok_or_else(|| SourceError::NotFound("no deployment was chosen".into()))
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        let repository = self.behind.repository.clone();
        match self.api.carry(&repository, self.behind.request()).await {
            (refused @ Stage::Refused { .. }, 403 | 409 | 422) => match self.begun_meanwhile().await {
                Some(what) => Stage::Conflict { what, same: false },
                None => refused,
            },
            (stage, _) => stage,
        }
    }

    /// Who had it run again in the same moment; none where it stands as before.
    async fn begun_meanwhile(&self) -> Option<Clean> {
        let deployment = goal(self.warrant.operation()).ok()?;
        let now = Behind::read(&self.api, &self.behind.repository, deployment).await.ok()??;
        (now.run.attempt() > self.behind.run.attempt() || now.run.alive()).then(|| {
            let by = now.run.actor();
            let by = if by.is_empty() { Clean::from_static("somebody") } else { by };
            clean!("{by} had {} run again in the same moment (attempt {})", now.name(), now.run.attempt())
        })
    }
}
