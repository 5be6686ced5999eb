//! What is known of deployments: read in the course of a watch, and at once where somebody waits for it.

use super::wire::{self, Maker, Told, WireDeployment, WireStatus};
use crate::{
    sources::{
        SourceError,
        ci::Hurry,
        deployments::{Ci, DEPTH, Deployment, Record, Site, State},
        github::{api::Api, meter::Need},
        http::Ask,
        refusal::Refusal,
    },
    text::{Clean, Name},
};
use futures::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many of those are asked for their statuses at once: a person waits for it.
const READS: usize = 8;
/// More is forgotten.
const KEPT: usize = 5_000;

/// What statuses have said, by repository and deployment.
#[derive(Debug, Default)]
pub(in crate::sources::github) struct Records {
    told: Mutex<BTreeMap<(String, u64), Told>>,
}

impl Records {
    /// What the statuses of a deployment said when they were last read.
    pub(super) fn of(&self, repository: &str, id: u64) -> Option<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&(repository.to_owned(), id)).cloned()
    }

    fn keep(&self, repository: &str, id: u64, told: Told) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert((repository.to_owned(), id), told);
    }
}

/// Reads what the statuses of a deployment say.
pub(super) async fn told(api: &Api, need: Need, repository: &str, id: u64) -> Result<Told, Refusal> {
    let told = wire::told(&statuses(api, need, repository, id).await?);
    api.records.keep(repository, id, told.clone());
    Ok(told)
}

/// The statuses of a deployment, the newest first.
pub(super) async fn statuses(api: &Api, need: Need, repository: &str, id: u64) -> Result<Vec<WireStatus>, Refusal> {
    let ask = Api::ask(repository, &["deployments", &id.to_string(), "statuses"]).with("per_page", "30");
    Ok(api.read::<Vec<WireStatus>>(need, repository, ask).await?.0)
}

/// Reads the statuses that are needed to say how an environment stands: of its newest deployment, and of earlier ones until one is found that
/// succeeded. What ended does not change any more but by being succeeded.
async fn fill(api: &Api, need: Need, repository: &str, rows: &[WireDeployment], deep: bool) -> Result<Vec<Deployment>, Refusal> {
    let (mut found, mut reads, mut good) = (Vec::new(), 0, false);
    for (at, row) in rows.iter().enumerate() {
        let known = api.records.of(repository, row.id).filter(|told| at > 0 && !matches!(told.state, State::Moving(_)));
        let wanted = at == 0 || deep || !good;
        let told = match known {
            Some(known) => Some(known),
            None if wanted && reads < READS => {
                reads += 1;
                Some(told(api, need, repository, row.id).await?)
            }
            None => None,
        };
        good |= at > 0 && told.as_ref().is_some_and(|told| told.state == State::Succeeded);
        found.push(row.deployment(told.as_ref()));
    }
    Ok(found)
}

/// An environment as it is at this moment; a person waits for it.
pub(super) async fn site(api: &Api, repository: &str, environment: &str, deep: bool) -> Result<Site, SourceError> {
    let ask = Api::ask(repository, &["deployments"]).with("environment", environment).with("per_page", DEPTH.to_string());
    let (rows, _) = api.read::<Vec<WireDeployment>>(Need::Person, repository, ask).await?;
    let rows: Vec<WireDeployment> = rows.into_iter().filter(WireDeployment::counts).collect();
    let deployments = fill(api, Need::Person, repository, &rows, deep).await?;
    if deployments.is_empty() {
        return Err(SourceError::NotFound(crate::clean!("nothing was ever deployed to {environment} of {repository}, as far as {} says", api.login.host)));
    }
    Ok(site_of(api, repository, environment, deployments))
}

/// An environment with its deployments.
fn site_of(api: &Api, repository: &str, environment: &str, deployments: Vec<Deployment>) -> Site {
    Site { source: api.id.clone(), ci: "GitHub", project: Name::new(repository), environment: Name::new(environment), deployments }
}

/// The run that made a deployment; none where it did not come from Actions.
pub(super) async fn maker(api: &Api, repository: &str, id: u64) -> Result<Option<Maker>, SourceError> {
    Ok(match api.records.of(repository, id) {
        Some(Told { maker: Some(maker), .. }) => Some(maker),
        _ => told(api, Need::Person, repository, id).await?.maker,
    })
}

impl Record for WireDeployment {
    fn id(&self) -> u64 {
        self.id
    }

    fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    fn counts(&self) -> bool {
        Self::counts(self)
    }
}

impl Ci for Api {
    type Record = WireDeployment;

    fn page<'a>(&'a self, project: &'a str, next: Option<Ask>) -> BoxFuture<'a, Result<(Vec<WireDeployment>, Option<Ask>), Refusal>> {
        let ask = next.unwrap_or_else(|| Self::ask(project, &["deployments"]).with("per_page", "100"));
        Box::pin(self.read(Need::List, project, ask))
    }

    fn site<'a>(&'a self, project: &'a str, environment: &'a str, rows: &'a [WireDeployment]) -> BoxFuture<'a, Result<Site, Refusal>> {
        Box::pin(async move { Ok(site_of(self, project, environment, fill(self, Need::List, project, rows, false).await?)) })
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
