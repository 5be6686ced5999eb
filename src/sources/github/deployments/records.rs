//! What is known of deployments: read in the course of a watch, and at once where somebody waits for it.

use super::wire::{self, Maker, Told, WireDeployment, WireStatus};
use crate::{
    sources::{
        SourceError,
        deployments::{Deployment, Site, State},
        github::{
            api::{Api, Refusal},
            meter::Need,
        },
    },
    text::Name,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How many deployments of one environment are looked at.
pub(super) const DEPTH: usize = 20;
/// How many of those are asked for their statuses at once: a person waits for it.
const READS: usize = 8;
/// How long an environment is looked at often after somebody has asked for it, or has had something deployed.
const HURRY: Duration = Duration::from_secs(180);
/// More is forgotten.
const KEPT: usize = 5_000;

/// What statuses have said, by repository and deployment, and where somebody waits.
#[derive(Debug)]
pub(in crate::sources::github) struct Records {
    told: Mutex<BTreeMap<(String, u64), Told>>,
    hurried: Mutex<BTreeMap<String, Instant>>,
    bell: watch::Sender<()>,
}

impl Default for Records {
    fn default() -> Self {
        Self { told: Mutex::default(), hurried: Mutex::default(), bell: watch::Sender::new(()) }
    }
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

    /// From now on a repository is looked at often for a while.
    pub fn hurry(&self, repository: &str) {
        let new = self.hurried.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.to_owned(), Instant::now() + HURRY);
        if new.is_none_or(|until| until < Instant::now()) {
            self.bell.send_replace(());
        }
    }

    /// Whether a repository is looked at often.
    pub fn hurries(&self, repository: &str) -> bool {
        self.hurried.lock().unwrap_or_else(PoisonError::into_inner).get(repository).is_some_and(|until| *until > Instant::now())
    }

    /// Rings when a repository is hurried.
    pub fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
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
pub(super) async fn fill(api: &Api, need: Need, repository: &str, rows: &[WireDeployment], deep: bool) -> Result<Vec<Deployment>, Refusal> {
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
pub(super) fn site_of(api: &Api, repository: &str, environment: &str, deployments: Vec<Deployment>) -> Site {
    Site { source: api.id.clone(), ci: "GitHub", project: Name::new(repository), environment: Name::new(environment), deployments }
}

/// The run that made a deployment; none where it did not come from Actions.
pub(super) async fn maker(api: &Api, repository: &str, id: u64) -> Result<Option<Maker>, SourceError> {
    Ok(match api.records.of(repository, id) {
        Some(Told { maker: Some(maker), .. }) => Some(maker),
        _ => told(api, Need::Person, repository, id).await?.maker,
    })
}
