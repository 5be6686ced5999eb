//! The one request that has an earlier deployment made again. Nothing of it is ever sent twice.

use super::{
    ask::place,
    read::{newest, site},
    target::Behind,
};
use crate::{
    clean,
    domain::{Operation, Stage},
    gate::Warrant,
    sources::{
        SourceError,
        deployments::{moved, of_revision},
        gitlab::api::Api,
        steps,
    },
    text::Clean,
};
use futures::stream::BoxStream;
use std::sync::Arc;

/// Carries it out, once.
pub(in crate::sources::gitlab) fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), Request::send)
}

struct Request {
    api: Arc<Api>,
    warrant: Warrant,
    behind: Behind,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let (site, goal, behind) = read(&api, operation).await.map_err(|error| steps::not_sent(&error))?;
    if let Some(what) = moved(operation, &site) {
        return Err(Stage::Conflict { what, same: false });
    }
    let (Some(commit), Some(behind)) = (goal, behind) else {
        return Err(Stage::Refused { why: "this deployment was not made by a job of GitLab: the pipeline offers no redeploy of it".into() });
    };
    if let Some(bar) = behind.bar(commit.as_str()) {
        return Err(if behind.moves() { Stage::Conflict { what: bar.why, same: false } } else { Stage::Refused { why: bar.why } });
    }
    Ok(Request { api, warrant, behind })
}

type Read = (crate::sources::deployments::Site, Option<String>, Option<Behind>);

/// The environment, the commit that is to be deployed again, and the job that did.
async fn read(api: &Api, operation: &Operation) -> Result<Read, SourceError> {
    let (project, environment) = place(&operation.subject)?;
    let rows = newest(api, project, environment).await?;
    let site = site(api, project, environment, &rows);
    let wanted = operation.to.as_ref().and_then(|to| of_revision(&to.id));
    let Some(goal) = rows.iter().find(|row| Some(row.id) == wanted) else {
        return Err(SourceError::NotFound("GitLab does not list that deployment any more".into()));
    };
    let behind = Behind::read(api, project, goal).await?;
    Ok((site, Some(goal.deployment().commit.raw().to_owned()), behind))
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        match self.api.carry(&self.behind.project, &self.behind.name(), self.behind.request()).await {
            (refused @ Stage::Refused { .. }, 403 | 409 | 422) => match self.begun_meanwhile().await {
                Some(what) => Stage::Conflict { what, same: false },
                None => refused,
            },
            (stage, _) => stage,
        }
    }

    /// Who had it run again in the same moment; none where it stands as before.
    async fn begun_meanwhile(&self) -> Option<Clean> {
        let (_, _, now) = read(&self.api, self.warrant.operation()).await.ok()?;
        let now = now.filter(|now| now.newest.id != self.behind.newest.id)?;
        let by = now.by();
        let by = if by.is_empty() { Clean::from_static("somebody") } else { by };
        Some(clean!("{by} had {} run again in the same moment (#{})", now.name(), now.newest.id))
    }
}
