//! What is checked before an earlier deployment is made again.

use super::{
    ask::place,
    read::{newest, site},
    target::Behind,
    wire::{Comparison, Project, Protected, Token, WireDeployment},
};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation},
    sources::{
        SourceError,
        deployments::{Site, migration, of_revision, under_way},
        gitlab::{api::Api, meter::Need, place::TokenKind},
        http::Ask,
        refusal::Refusal,
        steps,
    },
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::sync::Arc;

const CHECKS: [CheckKind; 5] = [CheckKind::Rights, CheckKind::Pipeline, CheckKind::Paused, CheckKind::Approval, CheckKind::Migration];
/// A comparison brings the patches of all files along.
const COMPARISON: usize = 8 << 20;
/// Developer, by GitLab's number of roles.
const DEVELOPER: u32 = 30;

/// What one check needs to know.
struct Ground {
    api: Arc<Api>,
    project: String,
    environment: String,
    site: Site,
    /// The deployment that is to be made again.
    goal: WireDeployment,
}

/// Makes the checks, each told as it is made: GitLab is asked one thing after the other.
pub(in crate::sources::gitlab) fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let (project, environment) = place(&operation.subject)?;
        let rows = newest(&api, project, environment).await?;
        let site = site(&api, project, environment, &rows);
        let wanted = operation.to.as_ref().and_then(|to| of_revision(&to.id));
        let goal = rows.into_iter().find(|row| Some(row.id) == wanted);
        let goal = goal.ok_or_else(|| SourceError::NotFound("GitLab does not list that deployment any more".into()))?;
        let ground = Ground { project: project.to_owned(), environment: environment.to_owned(), site, goal, api };
        Ok(stream::unfold((ground, 0), |(ground, at)| async move {
            let checks = ground.check(at).await?;
            Some((stream::iter(checks), (ground, at + 1)))
        })
        .flatten()
        .boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

impl Ground {
    /// The checks in turn; none after the last one.
    async fn check(&self, at: usize) -> Option<Vec<Check>> {
        let one = |finding| Some(vec![Check::Made(finding)]);
        match at {
            0 => one(under_way(&self.site)),
            1 => {
                let project = self.read::<Project>(&[]).await;
                let mut checks = self.pipeline(project.as_ref().ok()).await;
                checks.push(Check::Made(match &project {
                    Ok(project) => may(&self.api, &self.project, project).await,
                    Err(refusal) => CheckKind::Rights.failed(&SourceError::from(refusal.clone())),
                }));
                Some(checks)
            }
            2 => one(self.approval().await),
            3 => one(self.migration().await),
            _ => None,
        }
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, path: &[&str]) -> Result<T, Refusal> {
        Ok(self.api.read::<T>(Need::Person, &self.project, Api::ask(&self.project, path)).await?.0)
    }

    async fn pipeline(&self, project: Option<&Project>) -> Vec<Check> {
        let kind = CheckKind::Pipeline;
        let behind = match Behind::read(&self.api, &self.project, &self.goal).await {
            Ok(Some(behind)) => behind,
            Ok(None) => {
                let why = "this deployment was not made by a job of GitLab: the pipeline offers no redeploy of it";
                return vec![Check::Made(kind.block(why, Some("deploy that commit again by what deployed it".into())))];
            }
            Err(SourceError::NotFound(why)) => {
                return vec![Check::Made(kind.block(why, Some("deploy that commit anew: a new pipeline on its tag, or a revert in git".into())))];
            }
            Err(error) => return vec![Check::Made(kind.failed(&error))],
        };
        let command = Check::Command(behind.command(&self.api.login.host));
        if let Some(bar) = behind.bar(self.goal.deployment().commit.raw()) {
            return vec![command, Check::Made(kind.block(bar.why, Some(bar.remedy)))];
        }
        let forward =
            project.is_some_and(|project| project.ci_forward_deployment_enabled == Some(true) && project.ci_forward_deployment_rollback_allowed == Some(false));
        let finding = if forward {
            kind.block(
                clean!("{} lets no older deployment run after a newer one (CI/CD settings: prevent outdated deployments, retries not allowed)", self.project),
                Some("allow job retries for rollbacks in the project's CI/CD settings".into()),
            )
        } else {
            kind.ok(clean!("{} can be run again", behind.name()))
        };
        vec![command, Check::Made(finding)]
    }

    /// Whether the environment is protected. Only the dearer editions of GitLab know that.
    async fn approval(&self) -> Finding {
        let kind = CheckKind::Approval;
        match self.read::<Protected>(&["protected_environments", &self.environment]).await {
            Ok(protected) => gate(&protected, &self.environment),
            Err(Refusal::Here(SourceError::NotFound(_) | SourceError::Denied(_))) => {
                kind.ok(clean!("{} is not protected, as far as GitLab tells", self.environment))
            }
            Err(refusal) => kind.failed(&SourceError::from(refusal)),
        }
    }

    /// What is taken back, and whether the schema was changed with it.
    async fn migration(&self) -> Finding {
        let kind = CheckKind::Migration;
        let target = self.goal.deployment().commit;
        let Some(newest) = self.site.newest().map(|newest| newest.commit.raw()) else { return kind.unknown("the commits are not known") };
        let ask = Api::ask(&self.project, &["repository", "compare"]).with("from", target.raw()).with("to", newest).up_to(COMPARISON);
        match self.api.read::<Comparison>(Need::Person, &self.project, ask).await {
            Ok((comparison, _)) => {
                let files = comparison.diffs.iter().filter_map(|diff| diff.new_path.as_deref());
                migration(comparison.commits.len() as u64, false, files)
            }
            Err(refusal) => kind.failed(&SourceError::from(refusal)),
        }
    }
}

/// Whether the token may change pipelines of `project`: what its scopes and its role there say.
pub(in crate::sources::gitlab) async fn rights(api: &Api, project: &str) -> Finding {
    match api.read::<Project>(Need::Person, project, Api::ask(project, &[])).await {
        Ok((told, _)) => may(api, project, &told).await,
        Err(refusal) => CheckKind::Rights.failed(&SourceError::from(refusal)),
    }
}

async fn may(api: &Api, name: &str, project: &Project) -> Finding {
    let kind = CheckKind::Rights;
    if project.archived {
        return kind.block(clean!("{name} is archived: nothing runs there any more"), None);
    }
    let Some((token, token_kind)) = &api.login.token else {
        return kind.block("without a token nothing can be run again", Some("set GITLAB_TOKEN, or run `glab auth login`".into()));
    };
    if *token_kind == TokenKind::Job {
        return kind.block(clean!("the token of {token} is that of a job: it may change nothing"), Some("use an access token with the scope api".into()));
    }
    if let Some(role) = project.role().filter(|role| *role < DEVELOPER) {
        return kind.block(
            clean!("the token of {token} has role {role} in {name}: a change takes Developer (30)"),
            Some("ask for the role Developer there, or use another token".into()),
        );
    }
    match scopes(api, name).await {
        Some(scopes) if !scopes.iter().any(|scope| scope == "api") => {
            kind.block(clean!("the token of {token} has the scopes {}: a change takes api", scopes.join(", ")), Some("make a token with the scope api".into()))
        }
        Some(_) if project.role().is_some() => kind.ok(clean!("the token of {token} may run and cancel jobs of {name}")),
        _ => kind.unknown("what the token may do shows only when it is used"),
    }
}

/// The scopes of an access token; tokens of OAuth do not tell theirs here.
async fn scopes(api: &Api, project: &str) -> Option<Vec<String>> {
    api.read::<Token>(Need::Person, project, Ask::get("personal_access_tokens/self")).await.ok()?.0.scopes
}

fn gate(protected: &Protected, name: &str) -> Finding {
    let kind = CheckKind::Approval;
    let rules: u64 = protected.approval_rules.iter().flatten().filter_map(|rule| rule.required_approvals).sum();
    let approvals = protected.required_approval_count.unwrap_or(0).max(rules);
    let who: Vec<&str> = protected.deploy_access_levels.iter().flatten().filter_map(|level| level.access_level_description.as_deref()).collect();
    let who = if who.is_empty() { String::new() } else { format!(", deployed to by {}", who.join(", ")) };
    match approvals {
        0 if who.is_empty() => kind.ok(clean!("{name} asks nobody")),
        0 => kind.warn(clean!("{name} is protected{who}: whoever is none of them is refused"), None),
        many => kind.warn(
            clean!("{name} takes {many} approvals{who}: until then nothing is deployed, and then the job must be played"),
            Some("approve it under Operate, Environments".into()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outcome;
    use serde_json::json;

    #[test]
    fn a_protected_environment_says_whom_it_asks() {
        let of = |value: serde_json::Value| {
            let finding = gate(&serde_json::from_value(value).expect("an environment"), "prod");
            (finding.outcome, finding.sentence.to_string())
        };
        assert_eq!(of(json!({})), (Outcome::Ok, "prod asks nobody".into()));
        let levels = json!([{ "access_level_description": "Maintainers" }]);
        assert!(of(json!({ "deploy_access_levels": levels })).1.contains("Maintainers"));
        let (outcome, says) = of(json!({ "required_approval_count": 0, "approval_rules": [{ "required_approvals": 2 }, { "required_approvals": 1 }] }));
        assert_eq!((outcome, says.as_str()), (Outcome::Warn, "prod takes 3 approvals: until then nothing is deployed, and then the job must be played"));
    }
}
