//! Deployments as they are at this moment.

use super::wire::WireDeployment;
use crate::{
    sources::{
        SourceError,
        ci::Hurry,
        deployments::{Ci, DEPTH, Record, Site},
        gitlab::{api::Api, meter::Need},
        http::Ask,
        refusal::Refusal,
    },
    text::{Clean, Name},
};
use futures::future::BoxFuture;
use std::time::Duration;

/// The newest deployments to an environment; a person waits for it.
pub(super) async fn newest(api: &Api, project: &str, environment: &str) -> Result<Vec<WireDeployment>, SourceError> {
    let ask =
        Api::ask(project, &["deployments"]).with("environment", environment).with("order_by", "id").with("sort", "desc").with("per_page", DEPTH.to_string());
    let (rows, _) = api.read::<Vec<WireDeployment>>(Need::Person, project, ask).await?;
    let rows: Vec<WireDeployment> = rows.into_iter().filter(WireDeployment::counts).collect();
    if rows.is_empty() {
        return Err(SourceError::NotFound(crate::clean!("nothing was ever deployed to {environment} of {project}, as far as {} says", api.login.host)));
    }
    Ok(rows)
}

/// An environment with its deployments.
pub(super) fn site(api: &Api, project: &str, environment: &str, rows: &[WireDeployment]) -> Site {
    let deployments = rows.iter().map(WireDeployment::deployment).collect();
    Site { source: api.id.clone(), ci: "GitLab", project: Name::new(project), environment: Name::new(environment), deployments }
}

impl Record for WireDeployment {
    fn id(&self) -> u64 {
        self.id
    }

    fn environment(&self) -> Option<&str> {
        Self::environment(self)
    }

    fn counts(&self) -> bool {
        Self::counts(self)
    }
}

impl Ci for Api {
    type Record = WireDeployment;

    fn page<'a>(&'a self, project: &'a str, next: Option<Ask>) -> BoxFuture<'a, Result<(Vec<WireDeployment>, Option<Ask>), Refusal>> {
        // GitLab gives the oldest first where nobody says otherwise.
        let newest = || Self::ask(project, &["deployments"]).with("order_by", "id").with("sort", "desc").with("per_page", "100");
        Box::pin(self.read(Need::List, project, next.unwrap_or_else(newest)))
    }

    fn site<'a>(&'a self, project: &'a str, environment: &'a str, rows: &'a [WireDeployment]) -> BoxFuture<'a, Result<Site, Refusal>> {
        Box::pin(std::future::ready(Ok(site(self, project, environment, rows))))
    }

    fn rest(&self, calm: Option<u32>) -> Duration {
        let rest = calm.map_or(self.pace.jobs, |calm| self.pace.busy.saturating_mul(1 << calm.min(6)).min(self.pace.idle));
        rest * self.slowness()
    }

    fn hurry(&self) -> &Hurry {
        &self.hurry
    }

    fn note(&self, project: &str, words: Option<Clean>) {
        Self::note(self, project, words);
    }
}
