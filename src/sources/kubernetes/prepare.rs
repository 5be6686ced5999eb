//! What a change would do here: this cluster's own checks, all at the same time, each told as it is made. Changes nothing.

use super::{
    act,
    ask::Current,
    awaited, checks,
    client::Cluster,
    groups::Served,
    helm::{self, Found, Through},
    keepers,
    revisions::{self, Kept},
    routes, template,
};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Kind, Operation, Program, Verb},
    sources::{SourceError, steps},
    text::Clean,
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use serde_json::Value;
use std::sync::Arc;

/// What all checks start from, read once.
pub struct Ground {
    /// The context.
    pub cluster: Arc<Cluster>,
    /// What is asked for.
    pub operation: Operation,
    /// The workload as it is.
    pub current: Current,
    /// Its history.
    pub sets: Vec<Kept>,
    /// Which groups the cluster serves; none where it does not say.
    pub served: Served,
    /// The release that it goes back through, where it does.
    pub release: Option<Box<Through>>,
    /// Why the release that made it can not be gone through, where one did.
    pub lesser: Option<Clean>,
}

impl Ground {
    async fn read(cluster: Arc<Cluster>, operation: Operation) -> Result<Self, SourceError> {
        let current = Current::read(&cluster, &operation.subject).await?;
        let back = operation.verb == Verb::RollBack;
        let found = async { if back { helm::of(&cluster, current.clone()).await.map(Some) } else { Ok(None) } };
        let (sets, served, found) = futures::join!(revisions::kept(&cluster, &current), Served::ask(&cluster), found);
        let (sets, served, through) = (sets.unwrap_or_default(), served.unwrap_or_default(), helm::number(&operation));
        let (release, lesser) = match (found?, through) {
            (Some(Found::Release(release)), Some(_)) => (Some(release), None),
            (Some(Found::Unreadable(_, why)), Some(_)) => return Err(SourceError::Conflict(clean!("its release can not be read any more: {why}"))),
            (Some(Found::Unreadable(_, why)), None) => (None, Some(why)),
            (Some(Found::None(_) | Found::Release(_)) | None, _) => (None, None),
        };
        Ok(Self { sets, served, cluster, operation, current, release, lesser })
    }

    /// The revision to go back to.
    pub fn target(&self) -> Option<&Kept> {
        act::target(&self.operation, &self.sets)
    }

    /// The release that it goes back through, and the number of the revision that it goes to.
    pub fn through(&self) -> Option<(&Through, u64)> {
        self.release.as_deref().zip(helm::number(&self.operation))
    }

    /// What a release brings itself: plurals and names of what its pods may name.
    pub fn brings(&self, plural: &str, name: &str) -> bool {
        let record = self.through().and_then(|(release, number)| release.record(number));
        record.is_some_and(|record| record.brings(plural, name, self.namespace()))
    }

    /// The template that will run: the target's, or the one that runs now.
    pub fn template(&self) -> Value {
        if let Some((release, number)) = self.through() {
            return release.record(number).and_then(|record| release.template(record)).cloned().unwrap_or_default();
        }
        self.target().map_or_else(|| template::bare(self.current.templated().1), |target| template::bare(&target.raw))
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.current.address.namespace
    }

    /// The workload's name.
    pub fn name(&self) -> &str {
        &self.current.address.name
    }

    /// `deployment/cart -n shop --context prod`, the end of every command.
    pub fn object(&self) -> String {
        let kind = self.current.kind.word().to_ascii_lowercase();
        format!("{kind}/{}", self.place())
    }

    /// `cart -n shop --context prod`, the end of the plugin's commands.
    pub fn place(&self) -> String {
        format!("{} -n {} --context {}", self.name(), self.namespace(), self.cluster.known.name)
    }

    /// The command that lets it go on by hand. The plugin's own for a Rollout (promote) would skip a step besides.
    pub fn resume(&self) -> Clean {
        match self.current.kind {
            Kind::Rollout => clean!("kubectl patch {} --type merge -p '{{\"spec\":{{\"paused\":false}}}}'", self.object()),
            _ => clean!("kubectl rollout resume {}", self.object()),
        }
    }

    /// The command that does the same by hand.
    pub fn command(&self) -> Clean {
        let (object, operation) = (self.object(), &self.operation);
        if let Some((release, number)) = self.through() {
            let arguments = helm::act::arguments(&self.cluster, release, number);
            return Program::new(["helm"].into_iter().chain(arguments.iter().map(String::as_str))).typed();
        }
        match (operation.verb, operation.scaling) {
            (Verb::RollBack, _) if self.current.kind == Kind::Rollout => {
                clean!("kubectl argo rollouts undo {} --to-revision={}", self.place(), operation.to.as_ref().map_or(0, |to| to.number))
            }
            (Verb::Resume, _) => self.resume(),
            (Verb::PromoteFull, _) => clean!("kubectl argo rollouts promote {} --full", self.place()),
            (Verb::Retry, _) => clean!("kubectl argo rollouts retry rollout {}", self.place()),
            (verb, _) if self.current.kind == Kind::Rollout => clean!("kubectl argo rollouts {} {}", verb.words(), self.place()),
            (Verb::RollBack, _) => clean!("kubectl rollout undo {object} --to-revision={}", operation.to.as_ref().map_or(0, |to| to.number)),
            (Verb::Scale, Some(scaling)) => clean!("kubectl scale {object} --current-replicas={} --replicas={}", scaling.from, scaling.to),
            (verb, _) => clean!("kubectl rollout {} {object}", verb.words()),
        }
    }
}

type Make = fn(Arc<Ground>) -> BoxFuture<'static, Finding>;

/// The checks of a rollback, in the order on screen.
const ROLLBACK: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Paused, |ground| Box::pin(checks::paused(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::owner(ground))),
    (CheckKind::Image, |ground| Box::pin(checks::image(ground))),
    (CheckKind::References, |ground| Box::pin(checks::references(ground))),
    (CheckKind::Scaling, |ground| Box::pin(checks::scaling(ground))),
    (CheckKind::Quota, |ground| Box::pin(checks::quota(ground))),
    (CheckKind::Strategy, |ground| Box::pin(checks::strategy(ground))),
    (CheckKind::Migration, |ground| Box::pin(checks::migration(ground))),
    (CheckKind::Traffic, |ground| Box::pin(checks::traffic(ground))),
    (CheckKind::LastApplied, |ground| Box::pin(checks::last_applied(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// An abort changes no template: the stable revision serves already, and may have to start some of its pods again.
const ABORT: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Paused, |ground| Box::pin(checks::paused(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::keeper(ground))),
    (CheckKind::Image, |ground| Box::pin(checks::image(ground))),
    (CheckKind::References, |ground| Box::pin(checks::references(ground))),
    (CheckKind::Strategy, |ground| Box::pin(checks::strategy(ground))),
    (CheckKind::Migration, |ground| Box::pin(checks::migration(ground))),
    (CheckKind::Traffic, |ground| Box::pin(checks::traffic(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// On from a pause or forward again: pods of the newest revision start, and it gets more of the traffic.
const FORWARD: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Paused, |ground| Box::pin(checks::paused(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::keeper(ground))),
    (CheckKind::References, |ground| Box::pin(checks::references(ground))),
    (CheckKind::Strategy, |ground| Box::pin(checks::strategy(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// The checks of a release that goes back.
const RELEASE: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(helm::prepare::rights(ground))),
    (CheckKind::Program, |ground| Box::pin(helm::prepare::program(ground))),
    (CheckKind::Paused, |ground| Box::pin(helm::prepare::paused(ground))),
    (CheckKind::Owner, |ground| Box::pin(helm::prepare::owner(ground))),
    (CheckKind::Deletion, |ground| Box::pin(helm::prepare::deletion(ground))),
    (CheckKind::Image, |ground| Box::pin(checks::image(ground))),
    (CheckKind::References, |ground| Box::pin(checks::references(ground))),
    (CheckKind::Scaling, |ground| Box::pin(checks::scaling(ground))),
    (CheckKind::Quota, |ground| Box::pin(checks::quota(ground))),
    (CheckKind::Strategy, |ground| Box::pin(checks::strategy(ground))),
    (CheckKind::Hooks, |ground| Box::pin(helm::prepare::hooks(ground))),
    (CheckKind::Migration, |ground| Box::pin(helm::prepare::migration(ground))),
    (CheckKind::Traffic, |ground| Box::pin(checks::traffic(ground))),
];

/// A restart starts every pod anew: what they need must still be there.
const RESTART: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Paused, |ground| Box::pin(checks::paused(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::keeper(ground))),
    (CheckKind::References, |ground| Box::pin(checks::references(ground))),
    (CheckKind::Quota, |ground| Box::pin(checks::quota(ground))),
    (CheckKind::Strategy, |ground| Box::pin(checks::strategy(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// Another number of pods: an autoscaler may have a number of its own.
const SCALE: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::keeper(ground))),
    (CheckKind::Scaling, |ground| Box::pin(checks::autoscaler(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// The other verbs change less, so less can be in their way.
const OTHER: &[(CheckKind, Make)] = &[
    (CheckKind::Rights, |ground| Box::pin(checks::rights(ground))),
    (CheckKind::Owner, |ground| Box::pin(checks::keeper(ground))),
    (CheckKind::DryRun, |ground| Box::pin(checks::dry_run(ground))),
];

/// What is checked before a change.
fn table(operation: &Operation) -> &'static [(CheckKind, Make)] {
    match operation.verb {
        Verb::RollBack if helm::number(operation).is_some() => RELEASE,
        Verb::RollBack => ROLLBACK,
        Verb::Abort => ABORT,
        Verb::Promote | Verb::PromoteFull | Verb::Retry => FORWARD,
        Verb::Restart => RESTART,
        Verb::Scale => SCALE,
        Verb::SwitchBack
        | Verb::SyncBack
        | Verb::Pause
        | Verb::Resume
        | Verb::DeletePod
        | Verb::Hold
        | Verb::Release
        | Verb::Acknowledge
        | Verb::Silence
        | Verb::Rerun
        | Verb::RerunFailed
        | Verb::RerunJob
        | Verb::Cancel
        | Verb::ForceCancel
        | Verb::Approve
        | Verb::Reject
        | Verb::Play
        | Verb::Dispatch
        | Verb::Shell => OTHER,
    }
}

/// Makes the checks of an operation.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    if matches!(operation.verb, Verb::Hold | Verb::Release) {
        return keepers::checks(cluster, operation);
    }
    if operation.verb == Verb::DeletePod {
        return awaited::checks(cluster, operation);
    }
    if operation.verb == Verb::SwitchBack {
        return routes::checks(cluster, operation);
    }
    if operation.verb == Verb::SyncBack {
        return keepers::sync_checks(cluster, operation);
    }
    let wanted = table(&operation);
    let made = async move {
        let ground = Arc::new(Ground::read(cluster, operation).await?);
        let command = stream::iter([Check::Command(ground.command())]);
        let all: FuturesUnordered<_> = wanted.iter().map(|(_, make)| make(ground.clone())).collect();
        Ok(command.chain(all.map(Check::Made)).boxed())
    };
    steps::checking(wanted.iter().map(|(kind, _)| *kind).collect(), made)
}
