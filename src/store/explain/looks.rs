//! One look for each cause.

use super::{Fault, Found, Hint, Look, Scene};
use crate::{
    domain::{Container, ContainerState, Happening, Pod, Progress},
    store::{
        Ailment, ailment,
        words::{count, long, since},
    },
    text::Clean,
};

/// The controller is behind when it has not looked at a change for this many seconds.
const BEHIND: i64 = 10;
/// A pod that leaves for longer than the usual grace is held by something.
const GRACE: i64 = 30;
/// How many objects are named.
const NAMED: usize = 5;

fn found(sentence: Clean, faults: Vec<Fault>, evidence: Vec<Hint>, next: (&'static str, &'static str)) -> Look {
    Look::Found(Box::new(Found { sentence, faults, evidence, next: (next.0, Clean::from_static(next.1)) }))
}

fn fault(pod: &Pod, says: Clean) -> Fault {
    Fault { object: crate::clean!("pod {}", pod.name), says }
}

fn pods(number: usize) -> Clean {
    count(number, "pod")
}

/// Events with one of `reasons`, newest first.
fn hints(scene: &Scene<'_>, reasons: &[&str]) -> Vec<Hint> {
    let mut events: Vec<&Happening> = scene.happenings.iter().filter(|event| reasons.contains(&&*event.reason)).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let times = |event: &Happening| if event.count > 1 { crate::clean!(" ({} times)", event.count) } else { Clean::EMPTY };
    events.iter().take(3).map(|event| Hint { at: event.at, words: crate::clean!("{}: {}{}", event.reason, event.message, times(event)) }).collect()
}

/// The ill pods whose ailment `is` one of a kind, with what they suffer from.
fn suffering<'a>(scene: &Scene<'a>, is: fn(&Ailment) -> bool) -> Vec<(&'a Pod, Ailment)> {
    scene.ill.iter().filter_map(|pod| ailment(pod).filter(is).map(|found| (*pod, found))).collect()
}

pub(super) fn paused(scene: &Scene<'_>) -> Look {
    let Progress::Paused { since } = scene.workload.progress else { return Look::Excluded };
    let counts = &scene.workload.replicas;
    if counts.updated >= counts.wanted && counts.ready >= counts.wanted {
        return Look::Excluded;
    }
    let says = crate::clean!("{} of {} pods are of the newest revision", counts.updated, counts.wanted);
    let object = crate::clean!("{} {}", scene.workload.kind.word(), scene.workload.name);
    let ago = since.map(|at| crate::clean!(" {} ago", long(self::since(at, scene.now)))).unwrap_or_default();
    if scene.newest().is_none() {
        let sentence = crate::clean!("somebody paused it{ago}, and its changed template, {}, waits: no pod runs that yet", scene.workload.version);
        return found(sentence, vec![Fault { object, says }], Vec::new(), ("A", "let it go on, which ships that template"));
    }
    found(crate::clean!("somebody paused it half way{ago}: {says}"), vec![Fault { object, says }], Vec::new(), ("A", "let it go on"))
}

pub(super) fn behind(scene: &Scene<'_>) -> Look {
    if scene.workload.progress != Progress::Unobserved {
        return Look::Excluded;
    }
    let Some(changed) = scene.workload.changed else { return Look::Blind(Clean::from_static("when it was changed is not known")) };
    let waits = since(changed, scene.now);
    if waits.as_secs() < BEHIND {
        return Look::Excluded;
    }
    let sentence = crate::clean!("its controller has not looked at the change for {}: the control plane is behind", long(waits));
    found(sentence, Vec::new(), Vec::new(), ("d", "describe with events"))
}

pub(super) fn can_not_create(scene: &Scene<'_>) -> Look {
    let condition = scene.conditions.iter().find(|(kind, reason, _)| &**kind == "ReplicaFailure" || &**reason == "FailedCreate");
    let evidence = hints(scene, &["FailedCreate"]);
    let Some(message) = condition.map(|(_, _, message)| message.clone()).or_else(|| evidence.first().map(|hint| hint.words.clone())) else {
        return Look::Excluded;
    };
    let enough = scene.workload.replicas.total >= scene.workload.replicas.wanted;
    if condition.is_none() && enough {
        return Look::Excluded;
    }
    let lower = message.to_lowercase();
    let why = if lower.contains("exceeded quota") {
        Clean::from_static("the quota is used up")
    } else if lower.contains("webhook") {
        crate::store::cause::webhook(&message)
            .map_or(Clean::from_static("an admission webhook stops it"), |name| crate::clean!("admission webhook {name} stops it"))
    } else if lower.contains("serviceaccount") || lower.contains("service account") {
        Clean::from_static("its service account is missing")
    } else {
        Clean::from_static("the API server refuses them")
    };
    let object = scene.newest().map_or_else(|| Clean::from_static("its controller"), |revision| crate::clean!("revision {}", revision.short()));
    found(crate::clean!("its pods can not be made: {why}"), vec![Fault { object, says: message }], evidence, ("d", "describe with events"))
}

pub(super) fn unschedulable(scene: &Scene<'_>) -> Look {
    let waiting = suffering(scene, |ill| matches!(ill, Ailment::Unschedulable { .. }));
    let Some((_, Ailment::Unschedulable { message })) = waiting.first() else { return Look::Excluded };
    let evidence = hints(scene, &["FailedScheduling"]);
    let message = if message.is_empty() { evidence.first().map(|hint| hint.words.clone()).unwrap_or_default() } else { message.clone() };
    let lower = message.to_lowercase();
    let why = if let Some((_, rest)) = message.split_once("Insufficient ") {
        crate::clean!("not enough {}", rest.split([',', '.', ' ']).next().unwrap_or_default())
    } else if lower.contains("taint") {
        Clean::from_static("every node that would do is tainted")
    } else if lower.contains("volume") || lower.contains("persistentvolumeclaim") {
        Clean::from_static("its volume can not be had there")
    } else if lower.contains("affinity") || lower.contains("selector") {
        Clean::from_static("no node fits its affinity or selector")
    } else if message.is_empty() {
        Clean::from_static("the scheduler does not say why")
    } else {
        message.clone()
    };
    let faults = waiting.iter().take(NAMED).map(|(pod, _)| fault(pod, message.clone())).collect();
    found(crate::clean!("no node takes {}: {why}", pods(waiting.len())), faults, evidence, ("d", "describe with events"))
}

pub(super) fn image(scene: &Scene<'_>) -> Look {
    let without = suffering(scene, |ill| matches!(ill, Ailment::Image { .. }));
    let Some((_, Ailment::Image { reference, reason, message })) = without.first() else { return Look::Excluded };
    let evidence = hints(scene, &["Failed", "ErrImagePull", "BackOff", "InspectFailed"]);
    let said = crate::clean!("{message} {}", evidence.iter().map(|hint| hint.words.as_str()).collect::<Vec<_>>().join(" "));
    let lower = said.to_lowercase();
    let why = match &**reason {
        "InvalidImageName" => "its name does not parse",
        "ErrImageNeverPull" => "the node does not have it and may not pull it",
        _ if lower.contains("not found") || lower.contains("manifest unknown") => "there is no such image",
        _ if lower.contains("unauthorized") || lower.contains("denied") || lower.contains("forbidden") => "the registry refuses us",
        _ if lower.contains("toomanyrequests") || lower.contains("rate limit") => "the registry asks us to wait",
        _ if lower.contains("x509") || lower.contains("certificate") => "the registry's certificate is not trusted",
        _ if lower.contains("timeout") || lower.contains("refused") || lower.contains("no such host") => "the registry does not answer",
        _ => reason.as_str(),
    };
    let faults = without.iter().take(NAMED).map(|(pod, ill)| fault(pod, ill.words())).collect();
    found(crate::clean!("image {reference} can not be had: {why}"), faults, evidence, ("d", "describe with events"))
}

pub(super) fn init(scene: &Scene<'_>) -> Look {
    let failing = suffering(scene, |ill| matches!(ill, Ailment::Init { .. }));
    let Some((pod, Ailment::Init { container, code, .. })) = failing.first() else { return Look::Excluded };
    let code = code.map_or_else(|| Clean::from_static("ends"), |code| crate::clean!("ends with exit {code}"));
    let said = last_line(scene, pod).map(|line| crate::clean!(": {line}")).unwrap_or_default();
    let faults = failing.iter().take(NAMED).map(|(pod, ill)| fault(pod, ill.words())).collect();
    found(crate::clean!("init container {container} {code}{said}"), faults, last_words(scene, pod), ("p", "logs of the run before"))
}

pub(super) fn config(scene: &Scene<'_>) -> Look {
    let missing = suffering(scene, |ill| matches!(ill, Ailment::Config { .. }));
    let mounts = hints(scene, &["FailedMount"]);
    let object = mounts.iter().find(|hint| hint.words.contains("not found"));
    let says = match (missing.first(), object) {
        (Some((_, Ailment::Config { message })), _) => message.clone(),
        (_, Some(hint)) if !scene.ill.is_empty() => hint.words.clone(),
        _ => return Look::Excluded,
    };
    let faults = scene.ill.iter().take(NAMED).map(|pod| fault(pod, says.clone())).collect();
    found(crate::clean!("its configuration is missing: {says}"), faults, mounts, ("y", "YAML"))
}

pub(super) fn crash(scene: &Scene<'_>) -> Look {
    let crashing = suffering(scene, |ill| matches!(ill, Ailment::Crash { .. } | Ailment::CannotStart { .. }));
    let Some((pod, worst)) = crashing.iter().max_by_key(|(pod, _)| pod.restarts) else { return Look::Excluded };
    let faults = crashing.iter().take(NAMED).map(|(pod, ill)| fault(pod, ill.words())).collect();
    let mut evidence = last_words(scene, pod);
    evidence.extend(hints(scene, &["BackOff", "Killing", "Unhealthy"]));
    let said = last_line(scene, pod).map(|line| crate::clean!(": {line}")).unwrap_or_default();
    let sentence = match worst {
        Ailment::Crash { container, code, reason, .. } => {
            let how = how_it_ended(scene, pod, *code, reason);
            let of = if pod.containers.iter().filter(|c| !c.init).count() > 1 { crate::clean!("container {container} ") } else { Clean::EMPTY };
            crate::clean!("{of}{how}{said}")
        }
        Ailment::CannotStart { container, reason, message } => crate::clean!("container {container} can not be started: {reason}: {message}"),
        Ailment::Image { .. }
        | Ailment::Config { .. }
        | Ailment::Init { .. }
        | Ailment::Unschedulable { .. }
        | Ailment::Node { .. }
        | Ailment::Leaving
        | Ailment::NotReady
        | Ailment::Starting => return Look::Excluded,
    };
    found(sentence, faults, evidence, ("p", "logs of the run before"))
}

/// `exit 1 after 2 s`; what the number says where it says something.
fn how_it_ended(scene: &Scene<'_>, pod: &Pod, code: Option<i32>, reason: &Clean) -> Clean {
    let Some(code) = code else { return Clean::from_static("it ends again and again") };
    let probe = scene.happenings.iter().any(|event| &*event.reason == "Unhealthy" && event.message.contains("Liveness"));
    let meaning = match code {
        _ if &**reason == "OOMKilled" => " (out of memory: it passed its limit)",
        126 => " (its command is not executable)",
        127 => " (its command is not there)",
        137 if probe => " (killed: its liveness probe failed)",
        137 => " (killed)",
        139 => " (segmentation fault)",
        143 => " (it was asked to stop)",
        0 => " (it ends without an error, and should not end)",
        _ => "",
    };
    let after = pod.containers.iter().find_map(lived).map(|length| crate::clean!(" after {}", long(length))).unwrap_or_default();
    crate::clean!("exit {code}{after}{meaning}")
}

fn lived(container: &Container) -> Option<jiff::SignedDuration> {
    [Some(&container.state), container.last.as_ref()].into_iter().flatten().find_map(|state| match state {
        ContainerState::Ended { began: Some(began), ended: Some(ended), .. } => Some(ended.duration_since(*began)),
        ContainerState::Ended { .. } | ContainerState::Waiting { .. } | ContainerState::Running { .. } | ContainerState::Unknown => None,
    })
}

/// The last words of a pod's run before this one; of any pod where nothing is kept of this one.
fn words_of<'a>(scene: &Scene<'a>, pod: &Pod) -> Option<&'a [Clean]> {
    let own = scene.last_words.iter().find(|(name, _)| name.contains(pod.name.clean().as_str()));
    own.or(scene.last_words.first()).map(|(_, lines)| lines.as_slice())
}

fn last_line(scene: &Scene<'_>, pod: &Pod) -> Option<Clean> {
    words_of(scene, pod)?.iter().rev().find(|line| !line.trim().is_empty()).cloned()
}

fn last_words(scene: &Scene<'_>, pod: &Pod) -> Vec<Hint> {
    let lines = words_of(scene, pod).unwrap_or_default();
    lines.iter().rev().take(3).rev().map(|line| Hint { at: pod.restarted, words: line.clone() }).collect()
}

pub(super) fn probe(scene: &Scene<'_>) -> Look {
    let deaf = suffering(scene, |ill| matches!(ill, Ailment::NotReady));
    if deaf.is_empty() {
        return Look::Excluded;
    }
    let evidence = hints(scene, &["Unhealthy", "ProbeWarning"]);
    let faults = deaf.iter().take(NAMED).map(|(pod, _)| fault(pod, Clean::from_static("runs, not ready"))).collect();
    let Some(first) = evidence.first() else {
        let unknown = Clean::from_static("it runs and does not report ready; no event says which probe fails");
        return if scene.health.bad() { found(unknown, faults, evidence, ("l", "logs")) } else { Look::Blind(Clean::from_static("no event of a probe")) };
    };
    let words = first.words.strip_prefix("Unhealthy: ").unwrap_or(&first.words);
    found(crate::clean!("{} does not become ready: {words}", pods(deaf.len())), faults, evidence, ("l", "logs"))
}

pub(super) fn node(scene: &Scene<'_>) -> Look {
    let down = |pod: &&&Pod| {
        let on = pod.node.as_ref().and_then(|name| scene.nodes.iter().find(|node| node.name == *name));
        on.is_some_and(|node| !node.ready) || matches!(ailment(pod), Some(Ailment::Node { .. }))
    };
    let lost: Vec<&Pod> = scene.ill.iter().filter(down).copied().collect();
    let Some(first) = lost.first() else {
        return if scene.nodes.is_empty() && !scene.ill.is_empty() { Look::Blind(Clean::from_static("nodes may not be listed")) } else { Look::Excluded };
    };
    let name = first.node.as_ref().map(|name| name.clean().clone()).unwrap_or_default();
    let reason = scene.nodes.iter().find(|node| *node.name.clean() == name).map(|node| node.reason.clone()).unwrap_or_else(|| first.reason.clone());
    let faults = vec![Fault { object: crate::clean!("node {name}"), says: reason }];
    found(
        crate::clean!("node {name} took {} with it", pods(lost.len())),
        faults,
        hints(scene, &["NodeNotReady", "TaintManagerEviction", "Evicted"]),
        ("T", "changes"),
    )
}

pub(super) fn terminating(scene: &Scene<'_>) -> Look {
    let leaving: Vec<&Pod> = scene.pods.iter().filter(|pod| pod.leaving).collect();
    // A StatefulSet's pods have the names of those before them: the uid tells which of them is meant.
    let own = |event: &&Happening| &*event.reason == "Killing" && leaving.iter().any(|pod| pod.uid == event.uid);
    let killed = scene.happenings.iter().filter(own).filter_map(|event| event.at).min();
    let Some(waits) = killed.map(|at| since(at, scene.now)).filter(|_| !leaving.is_empty()) else { return Look::Excluded };
    if waits.as_secs() < GRACE || !scene.rolling() {
        return Look::Excluded;
    }
    let faults = leaving.iter().take(NAMED).map(|pod| fault(pod, Clean::from_static("leaving"))).collect();
    let sentence = crate::clean!("{} should be gone for {}: a finalizer or a long grace holds it", pods(leaving.len()), long(waits));
    found(sentence, faults, hints(scene, &["Killing", "FailedKillPod"]), ("y", "YAML"))
}

pub(super) fn strategy(scene: &Scene<'_>) -> Look {
    let counts = &scene.workload.replicas;
    let waits = scene.workload.changed.is_some_and(|at| since(at, scene.now).as_secs() >= 60);
    let idle = scene.rolling() && scene.ill.is_empty() && counts.updated < counts.wanted && counts.ready >= counts.wanted && waits;
    if idle {
        Look::Blind(Clean::from_static("all pods are ready and it does not go on: look at maxSurge, maxUnavailable and partition"))
    } else {
        Look::Excluded
    }
}

/// With OrderedReady an old pod that never becomes ready holds up every change after it, the undo too, until somebody deletes it.
pub(super) fn ordered(scene: &Scene<'_>) -> Look {
    if scene.workload.in_order.is_none() || !scene.rolling() {
        return Look::Excluded;
    }
    let Some(newest) = scene.newest() else { return Look::Blind(Clean::from_static("its revisions are not known")) };
    let Some(first) = scene.workload.awaits(scene.pods, &newest.template) else { return Look::Excluded };
    let sentence = crate::clean!("pod {} of an older revision never becomes ready and holds up the rest: delete it once the template is right", first.name);
    let fault = fault(first, ailment(first).map(|ill| ill.words()).unwrap_or_default());
    found(sentence, vec![fault], Vec::new(), ("A", "the plan of its deletion"))
}

pub(super) fn canary(scene: &Scene<'_>) -> Look {
    let object = crate::clean!("{} {}", scene.workload.kind.word(), scene.workload.name);
    let ago = |at: &Option<jiff::Timestamp>| at.map(|at| crate::clean!(" {} ago", long(since(at, scene.now)))).unwrap_or_default();
    match &scene.workload.progress {
        Progress::Aborted { since, message, .. } => {
            let sentence =
                crate::clean!("it was aborted{}: the revision before serves, and its specification still asks for {}", ago(since), scene.workload.version);
            found(sentence, vec![Fault { object, says: message.clone() }], Vec::new(), ("R", "back to what serves, in the specification too"))
        }
        Progress::Waiting { since, place } if scene.ill.is_empty() => {
            let says = crate::clean!("{} of {} pods are of the newest revision", scene.workload.replicas.updated, scene.workload.replicas.wanted);
            found(
                crate::clean!("it waits at {place}{} until somebody promotes it", ago(since)),
                vec![Fault { object, says }],
                Vec::new(),
                ("R", "back to what is stable"),
            )
        }
        _ => Look::Excluded,
    }
}
