//! What GitLab answers about deployments. All fields may be missing.

use super::super::wire::{User, WireJob, who};
use crate::{
    clean,
    sources::deployments::{Deployment, State},
    text::Name,
};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::gitlab) struct WireDeployment {
    pub id: u64,
    status: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sha: Option<String>,
    user: Option<User>,
    created_at: Option<String>,
    updated_at: Option<String>,
    environment: Option<Environment>,
    /// The job that deployed; none where something else told GitLab of the deployment.
    pub deployable: Option<WireJob>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Environment {
    pub name: Option<String>,
}

impl WireDeployment {
    /// The environment that it is to.
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_ref()?.name.as_deref()
    }

    /// Whether it can be told: it has a commit.
    pub fn counts(&self) -> bool {
        self.id > 0 && self.sha.as_deref().is_some_and(|sha| !sha.is_empty())
    }

    /// The deployment.
    pub fn deployment(&self) -> Deployment {
        let time = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let name = |text: &Option<String>| text.as_deref().map_or_else(Name::default, Name::new);
        Deployment {
            id: self.id,
            commit: name(&self.sha),
            reference: name(&self.reference),
            by: who(self.user.as_ref()),
            created: time(&self.created_at),
            state: self.state(),
            since: time(&self.updated_at).or_else(|| time(&self.created_at)),
        }
    }

    /// How it stands. Versions before 13 tell no status of their own; then its job's counts.
    fn state(&self) -> State {
        let own = self.status.as_deref();
        let job = self.deployable.as_ref();
        match own {
            Some("success") => State::Succeeded,
            Some("failed") => State::Failed(self.why()),
            Some("canceled" | "cancelled" | "skipped") => State::Gone,
            Some("blocked") => State::Moving("waits for an approval".into()),
            Some("created" | "running") => State::Moving(clean!("{}", if own == Some("running") { "in progress" } else { "created" })),
            Some(other) => State::Moving(clean!("{other}")),
            None => match job.map(WireJob::status) {
                Some(crate::domain::RunStatus::Success | crate::domain::RunStatus::Warn) => State::Succeeded,
                Some(crate::domain::RunStatus::Failed) => State::Failed(self.why()),
                Some(status) if status.over() => State::Gone,
                Some(status) => State::Moving(status.word()),
                None => State::Unread,
            },
        }
    }

    fn why(&self) -> crate::text::Clean {
        let job = self.deployable.as_ref();
        let failure = job.map(WireJob::failure).filter(|why| !why.is_empty());
        match (job.map(WireJob::name).filter(|name| !name.is_empty()), failure) {
            (Some(name), Some(why)) => clean!("{why} in job {name}"),
            (Some(name), None) => clean!("job {name} failed"),
            (None, _) => "the deployment failed".into(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Project {
    pub archived: bool,
    permissions: Option<Permissions>,
    pub ci_forward_deployment_enabled: Option<bool>,
    pub ci_forward_deployment_rollback_allowed: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

#[derive(Debug, Deserialize)]
struct Access {
    access_level: Option<u32>,
}

impl Project {
    /// The highest role that we have there, by GitLab's number; none where it does not tell.
    pub fn role(&self) -> Option<u32> {
        let permissions = self.permissions.as_ref()?;
        [&permissions.project_access, &permissions.group_access].into_iter().flatten().filter_map(|access| access.access_level).max()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Token {
    pub scopes: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Protected {
    pub required_approval_count: Option<u64>,
    pub approval_rules: Option<Vec<ApprovalRule>>,
    pub deploy_access_levels: Option<Vec<Level>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApprovalRule {
    pub required_approvals: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Level {
    pub access_level_description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comparison {
    pub commits: Vec<serde::de::IgnoredAny>,
    pub diffs: Vec<Diff>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Diff {
    pub new_path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_stands_as_it_says_or_as_its_job_where_it_says_nothing() {
        let of = |value: serde_json::Value| serde_json::from_value::<WireDeployment>(value).expect("a deployment").deployment().state;
        assert_eq!(of(json!({ "status": "success" })), State::Succeeded);
        assert_eq!(of(json!({ "status": "canceled" })), State::Gone);
        for status in ["created", "running", "blocked", "hibernating"] {
            assert!(matches!(of(json!({ "status": status })), State::Moving(_)), "{status}");
        }
        let job = json!({ "id": 1, "name": "deploy", "status": "failed", "failure_reason": "script_failure" });
        assert_eq!(of(json!({ "status": "failed", "deployable": job })), State::Failed("script failure in job deploy".into()));
        assert_eq!(of(json!({ "deployable": { "id": 1, "status": "success" } })), State::Succeeded);
        assert_eq!(of(json!({ "deployable": null })), State::Unread);
        let old: WireDeployment = serde_json::from_str(include_str!("../../../../tests/fixtures/gitlab/deployment.json")).expect("a sample");
        assert_eq!((old.environment(), old.deployment().state, old.counts()), (Some("production"), State::Succeeded, true));
    }

    #[test]
    fn the_highest_role_counts() {
        let of = |value: serde_json::Value| serde_json::from_value::<Project>(value).expect("a project").role();
        assert_eq!(of(json!({ "permissions": { "project_access": null, "group_access": { "access_level": 30 } } })), Some(30));
        assert_eq!(of(json!({ "permissions": { "project_access": { "access_level": 40 }, "group_access": { "access_level": 20 } } })), Some(40));
        assert_eq!((of(json!({})), of(json!({ "permissions": {} }))), (None, None));
    }
}
