//! Who would change it back.

use crate::{
    clean,
    domain::{CheckKind, Finding, Kind, Owner, Verb},
    sources::kubernetes::{
        client::{Call, Cluster},
        groups::Served,
        keepers::{self, Keeper},
        prepare::Ground,
        routes, rows,
        wire::{Shape, apps::Deployment},
    },
    text::Clean,
};
use kube::core::ObjectMeta;
use serde_json::Value;
use std::sync::Arc;

/// Whether a controller above would change it back, and how to hold that one off.
pub async fn owner(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Owner;
    let templated = serde_json::from_value::<Deployment>(ground.current.templated().1.clone()).unwrap_or_default();
    match rows::owner(templated.meta()) {
        None => made.ok("nothing else claims it"),
        Some(Owner::Helm { release, namespace }) => made.warn(
            clean!(
                "Helm release {release} made it{}: its history will not know of this, and the next upgrade starts from its own last revision",
                ground.lesser.as_ref().map(|why| clean!(", and can not be gone through ({why})")).unwrap_or_default()
            ),
            Some(clean!("`helm rollback {release} -n {namespace}` is the way that Helm remembers")),
        ),
        Some(owner @ (Owner::ArgoCd { .. } | Owner::Flux { .. })) => kept(&ground.cluster, &ground.served, ground.current.lean.meta(), &owner).await,
        Some(Owner::Operator { kind, name }) => made.warn(clean!("{kind} {name} owns it and may change it back"), Some(clean!("change {kind} {name} instead"))),
    }
}

/// Whether a controller above cares about what is no new template: most write only what they name themselves.
pub async fn keeper(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Owner;
    match (rows::owner(ground.current.lean.meta()), ground.operation.verb) {
        (None, _) => made.ok("nothing else claims it"),
        (Some(owner @ Owner::Operator { .. }), _) => made.warn(clean!("{} owns it and may change it back", owner.words()), None),
        (Some(owner), Verb::Abort) => made.ok(clean!("{} made it, and sees no difference: the specification stays as it says", owner.words())),
        (Some(owner), Verb::Scale) => {
            made.warn(clean!("{} made it: if that names a number of replicas, its next sync or upgrade brings the number back", owner.words()), None)
        }
        (Some(owner), _) => made.ok(clean!("{} made it, and does not undo this", owner.words())),
    }
}

/// What the nearest above says of itself, and whether one above that would switch it on again where it is off.
pub fn kept_verdict(nearest: &Keeper, others: &[Keeper]) -> Finding {
    let (kind, who) = (CheckKind::Owner, nearest.owner.words());
    let argo = matches!(nearest.owner, Owner::ArgoCd { .. });
    if let Some(above) = others.iter().find(|above| above.heals())
        && !nearest.acts()
    {
        let words = clean!("{who} is off, but {} made it and heals itself: it would switch it on again", above.owner.words());
        return kind.block(words, Some(clean!("{H} {}", above.owner.words())));
    }
    let revert = || Some(Clean::from_static("revert the commit too"));
    match (nearest.acts(), nearest.heals()) {
        (_, true) if argo => kind.block(clean!("{who} heals itself: it would undo this within minutes"), Some(clean!("{H} it; {}", nearest.off_by_hand()))),
        (_, true) => kind.block(clean!("{who} applies what git says again and again: it would undo this"), Some(clean!("{H} it; {}", nearest.off_by_hand()))),
        (true, false) if argo => {
            kind.warn(clean!("{who} syncs by itself: the next commit brings the bad version back"), Some(clean!("{H} it; {}", nearest.off_by_hand())))
        }
        (true, false) => {
            kind.warn(clean!("{who} made it: the next release of the chart brings its own version"), Some(clean!("{H} it; {}", nearest.off_by_hand())))
        }
        (false, false) if argo => kind.warn(clean!("{who} does not sync by itself, but git still says the version that you leave"), revert()),
        (false, false) => kind.warn(clean!("{who} is suspended: when it is resumed it brings back what git says"), revert()),
    }
}

/// The key that holds off whatever it is, and what stands beside it for whoever has no console.
const H: &str = "H in the console holds off";

/// What the controllers above an object mean for a change beside them.
pub async fn kept(cluster: &Cluster, served: &Served, meta: &ObjectMeta, owner: &Owner) -> Finding {
    let kind = CheckKind::Owner;
    match keepers::above(cluster, served, meta).await {
        Ok(floors) => match floors.split_first() {
            Some((nearest, others)) => kept_verdict(nearest, others),
            None => kind.warn(
                clean!("{} made it, and is not on this cluster: whether it heals itself can not be seen from here", owner.words()),
                Some(clean!("look at {} before you go on", owner.words())),
            ),
        },
        Err(error) => kind.failed(&error),
    }
}

/// Whether a canary controller or a mesh owns the traffic.
pub async fn traffic(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Traffic;
    if ground.current.kind == Kind::Rollout {
        return made.ok("its own controller steers the traffic: Services and weights follow by themselves, and are not to be set by hand");
    }
    if let Some(Owner::Operator { kind, name }) = rows::owner(ground.current.lean.meta())
        && matches!(kind.raw(), "Rollout" | "Canary")
    {
        return made
            .warn(clean!("{kind} {name} steers the traffic: it decides which version is served"), Some(clean!("abort or roll back {kind} {name} instead")));
    }
    let namespace = ground.namespace();
    for (group, plural, pointer) in [("flagger.app", "canaries", "/spec/targetRef/name"), ("argoproj.io", "rollouts", "/spec/workloadRef/name")] {
        let Some(version) = ground.served.best(group) else { continue };
        let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}");
        match ground.cluster.find::<Value>(&Call::list(&format!("{plural}.{group}"), Some(namespace), path)).await {
            Ok(list) => {
                let items = list.as_ref().and_then(|list| list.get("items")).and_then(Value::as_array);
                let steers = items.into_iter().flatten().find(|item| item.pointer(pointer).and_then(Value::as_str) == Some(ground.name()));
                if let Some(name) = steers.and_then(|item| item.pointer("/metadata/name")).and_then(Value::as_str) {
                    return made.warn(clean!("{plural}/{name} steers the traffic of {}: a new template starts its analysis", ground.name()), None);
                }
            }
            Err(error) => return made.failed(&error),
        }
    }
    match routes::says(&ground.cluster, &ground.served, &ground.current, &ground.operation.subject).await {
        Ok(said) => said.unwrap_or_else(|| made.ok("no canary controller steers its traffic")),
        Err(error) => made.failed(&error),
    }
}
