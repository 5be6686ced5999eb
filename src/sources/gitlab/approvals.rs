//! Deployments that wait for an approval: which jobs they hold, and the answer to one. Before version 15, and without the licence for it, there are none.

use super::{api::Api, deployments::WireDeployment, keys, meter::Need};
use crate::{
    domain::{Held, Job, RunStatus, Verb},
    sources::refusal::Refusal,
    text::{Clean, Name, Raw},
};
use serde_json::{Value, json};

/// The newest deployments of a project that wait for an approval.
pub(super) async fn blocked(api: &Api, need: Need, project: &str) -> Result<Vec<WireDeployment>, Refusal> {
    let ask = Api::ask(project, &["deployments"]).with("status", "blocked").with("order_by", "id").with("sort", "desc").with("per_page", "100");
    Ok(api.read::<Vec<WireDeployment>>(need, project, ask).await?.0)
}

/// The deployment that holds job `number`, as what a person lets go on.
pub(super) fn held(blocked: &[WireDeployment], number: u64) -> Option<Held> {
    let one = blocked.iter().find(|one| one.deployable.as_ref().is_some_and(|job| job.id == number))?;
    Some(Held { environment: Name::new(one.environment()?), key: Raw::new(&one.id.to_string()), ours: None, asks: Vec::new() })
}

/// Says of jobs that they wait for an approval.
pub(super) fn tell(api: &Api, project: &str, blocked: &[WireDeployment], jobs: &mut [Job]) {
    for (number, held) in blocked.iter().filter_map(|one| one.deployable.as_ref()).filter_map(|job| Some((job.id, held(blocked, job.id)?))) {
        let id = keys::job(&api.id, project, number);
        jobs.iter_mut().filter(|job| job.id == id && !job.status.over()).for_each(|job| job.status = RunStatus::unapproved(&held.environment));
    }
}

/// What is answered (GitLab's documentation of deployments).
pub(super) fn body(verb: Verb, reason: &Clean) -> Value {
    json!({ "status": if verb == Verb::Approve { "approved" } else { "rejected" }, "comment": reason.as_str() })
}
