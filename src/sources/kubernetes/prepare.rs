//! What a change would do here: this cluster's own checks, all at the same time, each told as it is made. Changes nothing.

use super::{
    act,
    ask::Current,
    checks,
    client::Cluster,
    groups::Served,
    keepers,
    revisions::{self, Kept},
    template,
};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Kind, Operation, Verb},
    sources::SourceError,
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
}

impl Ground {
    async fn read(cluster: Arc<Cluster>, operation: Operation) -> Result<Self, SourceError> {
        let current = Current::read(&cluster, &operation.subject).await?;
        let (sets, served) = futures::join!(revisions::kept(&cluster, &current), Served::ask(&cluster));
        Ok(Self { sets: sets.unwrap_or_default(), served: served.unwrap_or_default(), cluster, operation, current })
    }

    /// The revision to go back to.
    pub fn target(&self) -> Option<&Kept> {
        act::target(&self.operation, &self.sets)
    }

    /// The template that will run: the target's, or the one that runs now.
    pub fn template(&self) -> Value {
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

    /// The command that does the same by hand.
    pub fn command(&self) -> Clean {
        let (object, operation) = (self.object(), &self.operation);
        match (operation.verb, operation.scaling) {
            (Verb::RollBack, _) if self.current.kind == Kind::Rollout => {
                clean!("kubectl argo rollouts undo {} --to-revision={}", self.place(), operation.to.as_ref().map_or(0, |to| to.number))
            }
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
const fn table(verb: Verb) -> &'static [(CheckKind, Make)] {
    match verb {
        Verb::RollBack => ROLLBACK,
        Verb::Abort => ABORT,
        Verb::Restart => RESTART,
        Verb::Scale => SCALE,
        Verb::Pause | Verb::Resume | Verb::Hold | Verb::Release | Verb::Acknowledge | Verb::Silence | Verb::Rerun | Verb::Cancel | Verb::Shell => OTHER,
    }
}

/// Makes the checks of an operation.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    if matches!(operation.verb, Verb::Hold | Verb::Release) {
        return keepers::checks(cluster, operation);
    }
    let wanted = table(operation.verb);
    let expected = Check::Expect(wanted.iter().map(|(kind, _)| *kind).collect());
    let made = async move {
        let ground = match Ground::read(cluster, operation).await {
            Ok(ground) => Arc::new(ground),
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let command = stream::iter([Ok(Check::Command(ground.command()))]);
        let all: FuturesUnordered<_> = wanted.iter().map(|(_, make)| make(ground.clone())).collect();
        command.chain(all.map(|finding| Ok(Check::Made(finding)))).boxed()
    };
    stream::iter([Ok(expected)]).chain(stream::once(made).flatten()).boxed()
}
