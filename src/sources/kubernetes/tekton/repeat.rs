//! What is sent: that a run is to end, or a run that repeats another one. That is the same specification in an object of its own. Its name is made of the operation's, so that the server itself
//! refuses to make it twice.

use super::wire::{PipelineRun, Tasks};
use crate::{
    clean,
    domain::{OpId, Verb},
    sources::kubernetes::template::{LAST_APPLIED, OPERATION},
    text::Clean,
};
use serde_json::{Map, Value, json};

/// The label that names, by its uid, the run that is repeated; the annotation of the same key names it for people.
pub const REPEATS: &str = "pilothouse.dev/repeats";
/// What its end is asked for with: the tasks at its end still run, or nothing does.
pub const GENTLE: &str = "CancelledRunFinally";
/// The same at once.
pub const AT_ONCE: &str = "Cancelled";
/// No name that also is a label may be longer.
const LONGEST: usize = 63;
/// What is said beside a run for one object alone, or by whoever made that: a copy would be taken for it.
const NOT_COPIED: &[&str] = &["argocd.argoproj.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "meta.helm.sh", "pilothouse.dev"];
/// What Pipelines as Code says of a change; all else that it writes is about the one run.
const OF_THE_CHANGE: &[&str] = &[
    "url-org",
    "url-repository",
    "repo-url",
    "sha",
    "sha-title",
    "sha-url",
    "branch",
    "source-branch",
    "sender",
    "event-type",
    "git-provider",
    "original-prname",
    "repository",
    "pull-request",
];

/// Whether a label or an annotation goes with the copy.
fn goes_along(key: &str) -> bool {
    let (domain, name) = key.split_once('/').unwrap_or(("", key));
    match domain {
        _ if key == LAST_APPLIED || NOT_COPIED.contains(&domain) => false,
        "pipelinesascode.tekton.dev" => OF_THE_CHANGE.contains(&name),
        "triggers.tekton.dev" => true,
        domain => domain != "tekton.dev" && !domain.ends_with(".tekton.dev"),
    }
}

fn copied(object: &Value, what: &str) -> Map<String, Value> {
    let all = object.pointer(&format!("/metadata/{what}")).and_then(Value::as_object).cloned().unwrap_or_default();
    all.into_iter().filter(|(key, _)| goes_along(key)).collect()
}

/// What tells the runs of one operation from those of others: eight letters and digits, as in names that a server makes.
fn suffix(operation: &OpId) -> String {
    const LETTERS: &[u8; 32] = b"bcdfghjklmnpqrstvwxz2456789aeiou";
    // FNV-1a, since the name must be the same whenever it is made.
    let mut hash = operation.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..SUFFIX)
        .map(|_| {
            let letter = LETTERS[(hash & 31) as usize];
            hash >>= 5;
            char::from(letter)
        })
        .collect()
}

/// How long that is.
const SUFFIX: usize = 8;

/// What the names of a pipeline's runs begin with, where one of them tells: as it was made, or as it was copied by us. The server is given no
/// beginning with a copy: it would say of a name that is taken that one may try again.
pub fn begin(generated: Option<&str>, name: &str, copy: bool) -> Option<String> {
    let kept = || name.char_indices().rev().nth(SUFFIX - 1).map(|(at, _)| name[..at].to_owned());
    generated.filter(|begin| !begin.is_empty()).map(str::to_owned).or_else(|| copy.then(kept).flatten())
}

/// The name of the run that an operation makes of `object`.
pub fn name(object: &Value, operation: &OpId) -> String {
    let text = |key: &str| object.pointer(key).and_then(Value::as_str);
    let (name, copy) = (text("/metadata/name").unwrap_or_default(), object.pointer("/metadata/labels").is_some_and(|labels| labels.get(REPEATS).is_some()));
    let begin = begin(text("/metadata/generateName"), name, copy).unwrap_or_else(|| format!("{name}-"));
    let begin: String = begin.chars().take(LONGEST - SUFFIX).collect();
    format!("{begin}{}", suffix(operation))
}

/// The object that repeats `object`, as it was just read.
pub fn body(object: &Value, operation: &OpId) -> Value {
    let text = |key: &str| object.pointer(key).cloned().unwrap_or(Value::Null);
    let (mut labels, mut annotations) = (copied(object, "labels"), copied(object, "annotations"));
    labels.insert(REPEATS.into(), text("/metadata/uid"));
    annotations.insert(REPEATS.into(), text("/metadata/name"));
    annotations.insert(OPERATION.into(), operation.as_str().into());
    let mut spec = text("/spec");
    spec.as_object_mut().map(|spec| spec.remove("status"));
    json!({
        "apiVersion": text("/apiVersion"), "kind": text("/kind"),
        "metadata": { "name": name(object, operation), "namespace": text("/metadata/namespace"), "labels": labels, "annotations": annotations },
        "spec": spec,
    })
}

/// What is the same in it.
pub fn same(run: &PipelineRun) -> Clean {
    let written = run.spec.pipeline_spec.as_ref().is_some_and(|tasks: &Tasks| !tasks.tasks.is_empty());
    match &run.spec.pipeline_ref {
        Some(referred) if !referred.resolver.is_empty() => {
            clean!("the same parameters; its pipeline is fetched again ({}), as it is by then", referred.resolver)
        }
        Some(referred) if !written => clean!("the same parameters, on pipeline {} as it is by then", referred.name),
        _ => Clean::from_static("the same tasks and parameters"),
    }
}

/// The same by hand; `place` says where kubectl finds it.
pub fn command(verb: Verb, place: &str, name: &str) -> Clean {
    let ends = |how| clean!("kubectl patch pipelinerun {name} {place} --type merge -p '{{\"spec\":{{\"status\":\"{how}\"}}}}'");
    match verb {
        Verb::Rerun => clean!(
            "kubectl get pipelinerun {name} {place} -o json | jq '{{apiVersion,kind,metadata:{{generateName:\"{name}-\"}},spec:(.spec|del(.status))}}' \
             | kubectl create {place} -f -"
        ),
        Verb::ForceCancel => ends(AT_ONCE),
        _ => ends(GENTLE),
    }
}
