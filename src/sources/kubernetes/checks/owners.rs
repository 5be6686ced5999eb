//! Who would change it back.

use crate::{
    clean,
    domain::{CheckKind, Finding, Owner, Verb},
    sources::{
        SourceError,
        kubernetes::{client::Call, prepare::Ground, rows, wire::Shape},
    },
    text::Clean,
};
use serde_json::Value;
use std::sync::Arc;

/// Whether a controller above would change it back, and how to hold that one off.
pub async fn owner(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Owner;
    match rows::owner(ground.current.lean.meta()) {
        None => made.ok("nothing else claims it"),
        Some(Owner::Helm { release, namespace }) => made.warn(
            clean!("Helm release {release} made it: its history will not know of this, and the next upgrade starts from its own last revision"),
            Some(clean!("`helm rollback {release} -n {namespace}` is the way that Helm remembers")),
        ),
        Some(Owner::ArgoCd { application }) => argo(&ground, made, application.raw()).await,
        Some(Owner::Flux { kind, name }) => flux(&ground, made, &kind, name.raw()).await,
        Some(Owner::Operator { kind, name }) => made.warn(clean!("{kind} {name} owns it and may change it back"), Some(clean!("change {kind} {name} instead"))),
    }
}

/// Whether a controller above cares about what is no new template: most write only what they name themselves.
pub async fn keeper(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Owner;
    match (rows::owner(ground.current.lean.meta()), ground.operation.verb) {
        (None, _) => made.ok("nothing else claims it"),
        (Some(owner @ Owner::Operator { .. }), _) => made.warn(clean!("{} owns it and may change it back", owner.words()), None),
        (Some(owner), Verb::Scale) => {
            made.warn(clean!("{} made it: if that names a number of replicas, its next sync or upgrade brings the number back", owner.words()), None)
        }
        (Some(owner), _) => made.ok(clean!("{} made it, and does not undo this", owner.words())),
    }
}

/// What an Argo CD application says of itself.
pub fn argo_verdict(made: CheckKind, name: &str, application: &Value) -> Finding {
    let automated = application.pointer("/spec/syncPolicy/automated").filter(|automated| automated.is_object());
    let on = automated.filter(|automated| automated.get("enabled").and_then(Value::as_bool) != Some(false));
    let heals = on.and_then(|on| on.get("selfHeal")).and_then(Value::as_bool).unwrap_or(false);
    let off = || Some(clean!("argocd app set {name} --sync-policy none"));
    match (on, heals) {
        (Some(_), true) => made.block(clean!("Argo CD application {name} heals itself: it would undo this within minutes"), off()),
        (Some(_), false) => made.warn(clean!("Argo CD application {name} syncs by itself: the next commit brings the bad version back"), off()),
        (None, _) => made.warn(
            clean!("Argo CD application {name} does not sync by itself, but git still says the version that you leave"),
            Some(Clean::from_static("revert the commit too")),
        ),
    }
}

async fn argo(ground: &Ground, made: CheckKind, application: &str) -> Finding {
    // An application outside Argo CD's own namespace is tracked as NAMESPACE_NAME.
    let name = application.rsplit('_').next().unwrap_or(application);
    let Some(version) = ground.served.best("argoproj.io") else {
        return made.warn(
            clean!("Argo CD application {application} made it, and runs on another cluster: whether it heals itself can not be seen from here"),
            Some(clean!("argocd app get {application}")),
        );
    };
    let everywhere = format!("/apis/argoproj.io/{version}/applications?fieldSelector=metadata.name%3D{name}");
    let mut found = ground.cluster.get::<Value>(&Call::list("applications.argoproj.io", None, everywhere)).await.map(|list| list.pointer("/items/0").cloned());
    if matches!(found, Err(SourceError::Denied(_))) {
        let usual = format!("/apis/argoproj.io/{version}/namespaces/argocd/applications/{name}");
        found = ground.cluster.find::<Value>(&Call::get("applications.argoproj.io", Some("argocd"), usual)).await;
    }
    match found {
        Ok(Some(object)) => argo_verdict(made, name, &object),
        Ok(None) => made.warn(clean!("Argo CD application {application} made it and is not on this cluster"), Some(clean!("argocd app get {application}"))),
        Err(error) => made.failed(&error),
    }
}

/// What a Flux object says of itself.
pub fn flux_verdict(made: CheckKind, kind: &str, name: &str, object: &Value) -> Finding {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let hold = Some(clean!("flux suspend {} {name} -n {namespace}", kind.to_ascii_lowercase()));
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return made.warn(
            clean!("Flux {kind} {name} is suspended: when it is resumed it brings back what git says"),
            Some(Clean::from_static("revert the commit too")),
        );
    }
    let drift = object.pointer("/spec/driftDetection/mode").and_then(Value::as_str);
    match (kind, drift) {
        ("HelmRelease", Some("enabled")) => made.block(clean!("Flux HelmRelease {name} corrects drift: it would undo this"), hold),
        ("HelmRelease", _) => made.warn(clean!("Flux HelmRelease {name} made it: the next release of the chart brings its own version"), hold),
        _ => made.block(clean!("Flux {kind} {name} applies what git says again and again: it would undo this"), hold),
    }
}

async fn flux(ground: &Ground, made: CheckKind, kind: &str, name: &str) -> Finding {
    let (group, plural) = if kind == "HelmRelease" { ("helm.toolkit.fluxcd.io", "helmreleases") } else { ("kustomize.toolkit.fluxcd.io", "kustomizations") };
    let Some((version, (namespace, short))) = ground.served.best(group).zip(name.split_once('/')) else {
        return made.warn(clean!("Flux {kind} {name} made it, and is not on this cluster"), None);
    };
    let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{short}");
    match ground.cluster.find::<Value>(&Call::get(&format!("{plural}.{group}"), Some(namespace), path)).await {
        Ok(Some(object)) => flux_verdict(made, kind, name, &object),
        Ok(None) => made.warn(clean!("Flux {kind} {name} made it and is gone"), None),
        Err(error) => made.failed(&error),
    }
}

/// Whether a canary controller or a mesh owns the traffic.
pub async fn traffic(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Traffic;
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
    made.ok("no canary controller steers its traffic")
}
