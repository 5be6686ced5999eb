//! The ways back of a Rollout, decided by what it says of itself: an abort while the newest revision is on its way, an undo after that.

use super::observed_spec;
use crate::{
    clean,
    domain::Seen,
    sources::{
        SourceError,
        kubernetes::{client::Call, rows::Address, wire::rollouts::Rollout},
    },
    text::Clean,
};
use serde_json::{Value, json};

/// What a Rollout has more than a Deployment.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The object, as far as its delivery goes.
    pub lean: Rollout,
    /// The object that has the template, where it is another one: where that is, and itself.
    pub reference: Option<(Address, Value)>,
}

/// Where the object with the template is, where a Rollout only refers to it.
pub fn reference(rollout: &Rollout, namespace: &str) -> Result<Option<(Call, Address)>, SourceError> {
    let Some(reference) = &rollout.spec.workload_ref else { return Ok(None) };
    let plural = match reference.kind.as_str() {
        "Deployment" => "deployments",
        "ReplicaSet" => "replicasets",
        other => return Err(SourceError::Unsupported(clean!("its template is in {other} {}, which is not read here", reference.name))),
    };
    let address = Address { plural: plural.into(), namespace: namespace.to_owned(), name: reference.name.clone() };
    Ok(Some((Call::get(&address.resource(), Some(namespace), address.path()), address)))
}

impl Delivery {
    /// The hash of the newest specification, once the controller has looked at it.
    pub fn newest(&self) -> Option<&str> {
        let hash = self.lean.status.current_pod_hash.as_str();
        (observed_spec(&self.lean) && !hash.is_empty()).then_some(hash)
    }

    /// The stable revision, where the newest is on its way and can be given up on.
    pub fn abort_to(&self) -> Option<&str> {
        let status = &self.lean.status;
        let under_way = !status.stable.is_empty() && !status.abort && self.newest().is_some_and(|newest| newest != status.stable);
        under_way.then_some(status.stable.as_str())
    }

    /// How far it is, for what an operator saw.
    pub fn mark(&self) -> String {
        let status = &self.lean.status;
        let promoted = if status.promote_full { " promoted" } else { "" };
        let aborted = if status.abort { " aborted" } else { "" };
        format!(" stable={}{promoted}{aborted}", status.stable)
    }
}

/// What happened to a Rollout since it was seen, where its template is the same; none where that is another one.
pub fn moved(name: &str, from: &Seen, now: &Seen) -> Option<Clean> {
    let ((hash, before), (same, after)) = (from.template.expose().split_once(' ')?, now.template.expose().split_once(' ')?);
    let is = |mark: &str, word: &str| mark.split(' ').any(|part| part == word);
    let came = |word| !is(before, word) && is(after, word);
    let part = |mark: &str, name: &str| mark.split(' ').find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned();
    let (stable, step) = (|mark: &str| part(mark, "stable="), |mark: &str| part(mark, "step="));
    let number = |mark: &str| step(mark).split(',').next().and_then(|at| at.parse::<u32>().ok()).unwrap_or_default();
    (hash == same).then(|| match () {
        () if stable(before) != stable(after) => clean!("{name} was promoted meanwhile: the newest revision is its stable one now"),
        () if came("promoted") => clean!("somebody promoted {name} past all its steps meanwhile"),
        () if came("aborted") => clean!("{name} was aborted meanwhile"),
        () if is(before, "aborted") && !is(after, "aborted") => clean!("{name} was retried meanwhile: it goes forward again"),
        () if number(before) != number(after) => clean!("{name} was promoted or went on meanwhile: it is at step {} now", number(after) + 1),
        () if step(before) != step(after) => clean!("{name} was promoted or began to wait meanwhile: it is not as it was at its step {}", number(after) + 1),
        () => clean!("{name} is at another point of its rollout meanwhile"),
    })
}

/// The merge patch of the status that gives up on the newest revision.
pub fn abort(object: &Value) -> Value {
    status(object, json!({ "abort": true }))
}

/// A merge patch of the status that only holds for the object as it was just read.
pub(super) fn status(object: &Value, status: Value) -> Value {
    let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
    json!({ "metadata": { "resourceVersion": version }, "status": status })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sources::kubernetes::rollouts::tests::lean, text::Raw};

    fn delivery(status: Value) -> Delivery {
        Delivery { lean: lean(json!({ "status": status })), reference: None }
    }

    #[test]
    fn an_abort_is_the_way_only_while_another_than_the_stable_revision_is_on_its_way() {
        for (status, way) in [
            (json!({}), Some("aaa")),
            (json!({ "currentPodHash": "aaa" }), None),
            (json!({ "abort": true }), None),
            (json!({ "stableRS": "" }), None),
            (json!({ "observedGeneration": "3" }), None),
        ] {
            assert_eq!(delivery(status.clone()).abort_to(), way, "{status}");
        }
    }

    #[test]
    fn an_abort_is_one_field_of_the_status_and_holds_for_what_was_read() {
        let patch = abort(&json!({ "metadata": { "resourceVersion": "7" } }));
        assert_eq!(patch, json!({ "metadata": { "resourceVersion": "7" }, "status": { "abort": true } }));
    }

    #[test]
    fn what_somebody_did_to_it_meanwhile_is_named() {
        let seen = |hash: &str, status| Seen { uid: Raw::new("u"), template: Raw::new(&format!("{hash}{}", delivery(status).mark())), paused: false };
        let before = seen("h", json!({}));
        let said = |now: &Seen| moved("cart", &before, now).map(|words| words.to_string()).unwrap_or_default();
        assert!(said(&seen("h", json!({ "abort": true }))).contains("aborted meanwhile"));
        assert!(said(&seen("h", json!({ "promoteFull": true }))).contains("past all its steps"));
        assert!(said(&seen("h", json!({ "stableRS": "bbb" }))).contains("was promoted meanwhile"));
        assert_eq!(said(&seen("other", json!({ "abort": true }))), "", "another template is told as such");
        assert_eq!(before, seen("h", json!({ "currentStepIndex": 2 })), "a step further it is the same");
        let aborted = seen("h", json!({ "abort": true }));
        assert!(moved("cart", &aborted, &before).is_some_and(|words| words.contains("retried meanwhile")));
    }
}
