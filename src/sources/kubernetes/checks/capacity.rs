//! Whether there is room, and how the pods are replaced.

use crate::{
    clean,
    domain::{CheckKind, Finding, Kind, Verb, in_vain},
    sources::{
        SourceError,
        kubernetes::{
            client::Call,
            prepare::Ground,
            revisions,
            rollouts::{
                forward,
                speed::{self, Room},
            },
        },
    },
    text::Clean,
};
use serde_json::Value;
use std::sync::Arc;

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

async fn list(ground: &Ground, group: &str, plural: &str) -> Result<Vec<Value>, Clean> {
    let namespace = ground.namespace();
    let (path, resource) = if group.is_empty() {
        (format!("/api/v1/namespaces/{namespace}/{plural}"), plural.to_owned())
    } else {
        let version = ground.served.best(group).ok_or_else(|| clean!("no {group} that we can read"))?;
        (format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}"), format!("{plural}.{group}"))
    };
    let list: Value = ground.cluster.get(&Call::list(&resource, Some(namespace), path)).await.map_err(|error| clean!("{error}"))?;
    Ok(list.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// What an autoscaler and disruption budgets have to say. Neither is changed by a rollback, and replicas are never written.
pub async fn scaling(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Scaling;
    let (scalers, budgets) = futures::join!(list(&ground, "autoscaling", "horizontalpodautoscalers"), list(&ground, "policy", "poddisruptionbudgets"));
    let scalers = match scalers {
        Ok(scalers) => scalers,
        Err(words) => return made.unknown(words),
    };
    if let Some(scaler) = scalers.iter().find(|scaler| scales(&ground, scaler)) {
        let (least, most, now) = (number(scaler, "/spec/minReplicas").max(1), number(scaler, "/spec/maxReplicas"), number(scaler, "/status/currentReplicas"));
        if now >= most && most > 0 {
            return made.warn(
                clean!("its autoscaler is at its limit of {most}: the load may be the trouble, and the older version gets no more pods than this one"),
                None,
            );
        }
        return made.ok(clean!("its autoscaler keeps {least} to {most} pods, {now} now; a rollback does not change that"));
    }
    let labels = ground.template().pointer("/metadata/labels").cloned().unwrap_or_default();
    let covers = |budget: &&Value| {
        let wanted = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        wanted.is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
    };
    match budgets.unwrap_or_default().iter().find(covers).and_then(|budget| text(budget, "/metadata/name")) {
        Some(name) => made.ok(clean!("no autoscaler; the disruption budget {name} never blocks a rolling update")),
        None => made.ok("no autoscaler and no disruption budget"),
    }
}

/// Whether an autoscaler has a number of its own, and whether anything will serve.
pub async fn autoscaler(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Scaling;
    let scalers = match list(&ground, "autoscaling", "horizontalpodautoscalers").await {
        Ok(scalers) => scalers,
        Err(words) => return made.unknown(words),
    };
    if let Some(scaler) = scalers.iter().find(|scaler| scales(&ground, scaler)) {
        let name = text(scaler, "/metadata/name").unwrap_or_default();
        let (least, most) = (number(scaler, "/spec/minReplicas").max(1), number(scaler, "/spec/maxReplicas"));
        let remedy = clean!("kubectl edit hpa {name} -n {} --context {}", ground.namespace(), ground.cluster.known.name);
        return match ground.operation.scaling.map(|scaling| scaling.to) {
            Some(0) => made.warn(clean!("the autoscaler {name} ({least} to {most} pods) stops working while there are none"), None),
            _ => made.warn(clean!("the autoscaler {name} keeps {least} to {most} pods and sets its own number again"), Some(remedy)),
        };
    }
    match ground.operation.scaling.map(|scaling| scaling.to) {
        Some(0) => made.warn(Clean::from_static("scaled to zero nothing serves"), None),
        _ => made.ok("no autoscaler"),
    }
}

/// Whether an autoscaler is about this workload.
fn scales(ground: &Ground, scaler: &Value) -> bool {
    text(scaler, "/spec/scaleTargetRef/name") == Some(ground.name()) && text(scaler, "/spec/scaleTargetRef/kind") == Some(ground.current.kind.word())
}

/// The value of a quantity: `500m`, `1Gi`, `2`.
pub fn quantity(text: &str) -> Option<f64> {
    const UNITS: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let (digits, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor))).unwrap_or((text, 1.0));
    digits.parse::<f64>().ok().map(|value| value * factor)
}

/// What one more pod of a template costs in the words of a quota.
pub fn cost(template: &Value, resource: &str) -> f64 {
    if matches!(resource, "pods" | "count/pods") {
        return 1.0;
    }
    let (section, name) = match resource.split_once('.') {
        Some((section @ ("requests" | "limits"), name)) => (section, name),
        None if matches!(resource, "cpu" | "memory") => ("requests", resource),
        _ => return 0.0,
    };
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    let of = |container: &Value| container.get("resources")?.get(section)?.get(name)?.as_str().and_then(quantity);
    containers.into_iter().flatten().filter_map(of).sum()
}

/// How many pods a rolling update starts before it takes others away.
pub fn surge(object: &Value, wanted: u32) -> u32 {
    if text(object, "/spec/strategy/type") == Some("Recreate") {
        return 0;
    }
    // A blue-green delivery starts all of them beside those that serve.
    if object.pointer("/spec/strategy/blueGreen").is_some_and(Value::is_object) {
        return wanted;
    }
    let surge = ["rollingUpdate", "canary"].iter().find_map(|how| object.pointer(&format!("/spec/strategy/{how}/maxSurge")));
    match surge {
        Some(Value::Number(count)) => count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        Some(Value::String(percent)) => percent.trim_end_matches('%').parse::<u32>().map(|percent| (wanted * percent).div_ceil(100)).unwrap_or_default(),
        _ => wanted.div_ceil(4),
    }
}

/// The first quota that has no room for so many more pods of a template, and what it lacks.
pub fn lacking<'a>(quotas: &'a [Value], template: &Value, extra: u32) -> Option<(&'a str, &'a str)> {
    let room = |quota: &'a Value| {
        let hard = quota.pointer("/status/hard").and_then(Value::as_object).into_iter().flatten();
        let lacks = |(resource, hard): (&'a String, &Value)| {
            let used = quota.pointer("/status/used").and_then(|used| used.get(resource)).and_then(Value::as_str).and_then(quantity).unwrap_or_default();
            let need = cost(template, resource) * f64::from(extra);
            (need > 0.0 && used + need > quantity(hard.as_str()?)?).then_some(resource.as_str())
        };
        Some((text(quota, "/metadata/name").unwrap_or_default(), hard.filter_map(lacks).next()?))
    };
    quotas.iter().find_map(room)
}

/// Whether the quota leaves room for the pods that a rolling update starts first.
pub async fn quota(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Quota;
    if !matches!(ground.current.kind, Kind::Deployment | Kind::Rollout) {
        return made.ok("each pod gives way to its successor: no room for more is needed");
    }
    let extra = surge(&ground.current.raw, ground.current.lean.spec.replicas.unwrap_or(1));
    let quotas = match list(&ground, "", "resourcequotas").await {
        Ok(quotas) => quotas,
        Err(words) => return made.unknown(words),
    };
    if let Some((name, resource)) = lacking(&quotas, &ground.template(), extra) {
        let remedy = "the rollout waits until there is room: raise the quota or scale something down";
        return made
            .warn(clean!("quota {name} has no room for {extra} more pod{} ({resource})", if extra == 1 { "" } else { "s" }), Some(Clean::from_static(remedy)));
    }
    made.ok(if quotas.is_empty() { Clean::from_static("no quota") } else { clean!("the quota has room for {extra} more pods") })
}

/// How the pods of a StatefulSet or DaemonSet are replaced, and what holds that up (rollback facts: OrderedReady, OnDelete, partition).
async fn in_place(ground: &Ground) -> Finding {
    let made = CheckKind::Strategy;
    let spec = &ground.current.lean.spec;
    let by_hand = || clean!("kubectl delete pod NAME -n {}, one after the other", ground.namespace());
    if spec.update_strategy.kind == "OnDelete" {
        return made.warn(Clean::from_static("OnDelete: the template goes back, and no pod is replaced until somebody deletes it"), Some(by_hand()));
    }
    let partition = spec.update_strategy.rolling_update.partition;
    if partition > 0 {
        let remedy = clean!("set spec.updateStrategy.rollingUpdate.partition to 0 where all shall go back");
        return made
            .warn(clean!("partition {partition}: only pods from {}-{partition} on go back, those below keep what they run", ground.name()), Some(remedy));
    }
    match ordered(ground).await {
        Ok(Some(pod)) => made.warn(
            clean!("OrderedReady: nothing moves before {pod} is ready, and it is of the revision that is left: it will have to be deleted after the request"),
            Some(clean!("A plans that once the request is sent; by hand kubectl delete pod {pod} -n {}", ground.namespace())),
        ),
        Ok(None) => made.ok("pods are replaced one after the other"),
        Err(error) => made.failed(&error),
    }
}

/// The pod that an OrderedReady StatefulSet will wait for in vain (kubernetes#67250): the lowest that is not ready, where that is of another
/// revision than the one it goes back to.
async fn ordered(ground: &Ground) -> Result<Option<Clean>, SourceError> {
    if ground.current.kind != Kind::StatefulSet || text(&ground.current.raw, "/spec/podManagementPolicy") == Some("Parallel") {
        return Ok(None);
    }
    let target = ground.target().map(|kept| kept.template.as_str());
    let pods = revisions::pods(&ground.cluster, &ground.current).await?;
    Ok(in_vain(&pods, target).map(|pod| pod.name.clean().clone()))
}

/// How the pods are replaced.
pub async fn strategy(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Strategy;
    let raw = &ground.current.raw;
    let wanted = ground.current.lean.spec.replicas.unwrap_or(1);
    if let Some(rollout) = &ground.current.rollout {
        let room = Room { wanted, now: jiff::Timestamp::now() };
        return match (ground.operation.verb, ground.target()) {
            (verb @ (Verb::Promote | Verb::PromoteFull | Verb::Retry), _) => forward::ahead(verb, &rollout.lean),
            (Verb::Abort, stable) => speed::of_abort(stable, &room),
            (_, Some(target)) => speed::of_undo(rollout, target, &ground.sets, &room),
            (_, None) => made.unknown("the revision to go back to is not there"),
        };
    }
    if ground.current.kind != Kind::Deployment {
        return in_place(&ground).await;
    }
    if text(raw, "/spec/strategy/type") == Some("Recreate") {
        return made.warn(Clean::from_static("Recreate: all pods stop before the first new one starts, so there will be downtime"), None);
    }
    let show = |field: &str| {
        raw.pointer(&format!("/spec/strategy/rollingUpdate/{field}"))
            .map_or_else(|| "25%".to_owned(), |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let (unavailable, surge) = (show("maxUnavailable"), show("maxSurge"));
    match wanted {
        0 => made.warn(clean!("{} is scaled to zero: no pod starts", ground.name()), None),
        _ => made.ok(clean!("rolling update of {wanted}: at most {unavailable} missing and {surge} more at a time")),
    }
}
