//! What is checked before an earlier deployment is made again.

use super::{
    ask::place,
    records::site,
    target::Behind,
    wire::{Comparison, Environment, Repository, Rule},
};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation},
    sources::{
        SourceError,
        deployments::{Site, migration, of_revision, under_way},
        github::{api::Api, meter::Need},
        refusal::Refusal,
        steps,
    },
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use std::sync::Arc;

const CHECKS: [CheckKind; 5] = [CheckKind::Rights, CheckKind::Pipeline, CheckKind::Paused, CheckKind::Approval, CheckKind::Migration];
/// A comparison brings the patches of up to 300 files along.
const COMPARISON: usize = 8 << 20;

/// What one check needs to know.
struct Ground {
    api: Arc<Api>,
    repository: String,
    environment: String,
    deployment: u64,
    site: Site,
}

/// Makes the checks, each told as it is made: GitHub is asked one thing after the other.
pub(in crate::sources::github) fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let (repository, environment) = place(&operation.subject)?;
        let deployment = operation.to.as_ref().and_then(|to| of_revision(&to.id));
        let deployment = deployment.ok_or_else(|| SourceError::NotFound("no deployment was chosen".into()))?;
        let site = site(&api, repository, environment, false).await?;
        let ground = Ground { repository: repository.to_owned(), environment: environment.to_owned(), deployment, site, api };
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
            1 => Some(self.pipeline().await),
            2 => one(rights(&self.api, &self.repository, "running again").await),
            3 => one(self.approval().await),
            4 => one(self.migration().await),
            _ => None,
        }
    }

    /// The commit that is to be deployed again.
    fn commit(&self) -> &str {
        self.site.deployments.iter().find(|one| one.id == self.deployment).map_or("", |one| one.commit.raw())
    }

    async fn pipeline(&self) -> Vec<Check> {
        let kind = CheckKind::Pipeline;
        match Behind::read(&self.api, &self.repository, self.deployment).await {
            Ok(Some(behind)) => vec![Check::Command(behind.command(&self.api.login.host)), Check::Made(can_run(&behind, self.commit(), Timestamp::now()))],
            Ok(None) => vec![Check::Made(kind.block(
                clean!("this deployment was not made by Actions: the pipeline offers no redeploy of it"),
                Some(clean!("deploy that commit again by what deployed it")),
            ))],
            Err(SourceError::NotFound(why)) => {
                vec![Check::Made(kind.block(why, Some("deploy that commit anew: dispatch the workflow on its tag, or revert in git".into())))]
            }
            Err(error) => vec![Check::Made(kind.failed(&error))],
        }
    }

    /// Whether the environment asks a person or a clock before anything is deployed to it.
    async fn approval(&self) -> Finding {
        let ask = Api::ask(&self.repository, &["environments", &self.environment]);
        match self.api.read::<Environment>(Need::Person, &self.repository, ask).await {
            Ok((environment, _)) => gate(&environment, &self.environment),
            // What was only ever deployed to by the API has no settings.
            Err(Refusal::Here(SourceError::NotFound(_))) => CheckKind::Approval.ok(clean!("{} has no protection rules", self.environment)),
            Err(refusal) => CheckKind::Approval.failed(&SourceError::from(refusal)),
        }
    }

    /// What is taken back, and whether the schema was changed with it.
    async fn migration(&self) -> Finding {
        let kind = CheckKind::Migration;
        let target = self.commit();
        let Some(newest) = self.site.newest().map(|newest| newest.commit.raw()).filter(|_| !target.is_empty()) else {
            return kind.unknown("the commits are not known");
        };
        let ask = Api::ask(&self.repository, &["compare", &format!("{target}...{newest}")]).with("per_page", "1").up_to(COMPARISON);
        match self.api.read::<Comparison>(Need::Person, &self.repository, ask).await {
            Ok((comparison, _)) => {
                let files = comparison.files.iter().flatten().map(|file| file.filename.as_str());
                migration(comparison.total_commits, comparison.behind_by > 0, files)
            }
            Err(refusal) => kind.failed(&SourceError::from(refusal)),
        }
    }
}

/// Whether the token may do that. The rights of a fine-grained token are not told; those of its owner are.
pub(in crate::sources::github) async fn rights(api: &Api, repository: &str, what: &'static str) -> Finding {
    let kind = CheckKind::Rights;
    let token = api.login.token.clone().unwrap_or_default();
    let (told, scopes) = match api.read_with_scopes::<Repository>(Need::Person, repository, Api::afresh(repository, &[])).await {
        Ok(told) => told,
        Err(refusal) => return kind.failed(&SourceError::from(refusal)),
    };
    if told.archived {
        return kind.block(clean!("{repository} is archived: nothing runs there any more"), None);
    }
    let may = told.permissions.as_ref().map(|rights| rights.push || rights.maintain || rights.admin);
    if may == Some(false) {
        return kind.block(
            clean!("whoever owns the token of {token} may not write to {repository}: {what} takes that"),
            Some("ask for the role Write there, or use another token".into()),
        );
    }
    match (may, scopes) {
        (_, Some(scopes)) if !scopes.split(',').any(|scope| matches!(scope.trim(), "repo" | "public_repo")) => kind.block(
            clean!("the token of {token} has the scopes \"{scopes}\": {what} takes repo"),
            Some("gh auth refresh --scopes repo, or make another token".into()),
        ),
        (Some(true), Some(_)) => kind.ok(clean!("the token of {token} may write to {repository}")),
        _ => kind.unknown("its owner may write there; whether the token itself may write Actions shows only when it is used"),
    }
}

fn can_run(behind: &Behind, commit: &str, now: Timestamp) -> Finding {
    let kind = CheckKind::Pipeline;
    if let Some(bar) = behind.bar(commit, now) {
        return kind.block(bar.why, Some(bar.remedy));
    }
    match &behind.job {
        Some((_, job)) => kind.ok(clean!("job {job} of {} can be run again, and what needs it with it", behind.name())),
        None => kind.warn(clean!("{} is run again as a whole: which of its jobs deploys is not known", behind.name()), None),
    }
}

fn gate(environment: &Environment, name: &str) -> Finding {
    let kind = CheckKind::Approval;
    let words: Vec<String> = environment.protection_rules.iter().filter_map(rule).collect();
    if words.is_empty() {
        return kind.ok(clean!("{name} asks nobody"));
    }
    let at = environment.html_url.as_ref().map(|url| clean!("the run's page asks for it; the rules: {url}"));
    kind.warn(clean!("{name} {}: until then nothing is deployed", words.join(", and ")), at)
}

fn rule(rule: &Rule) -> Option<String> {
    match rule.kind.as_deref() {
        Some("required_reviewers") => {
            let reviewers = rule.reviewers.iter().flatten().filter_map(|one| one.reviewer.as_ref());
            let names: Vec<&str> = reviewers.filter_map(|named| named.login.as_deref().or(named.name.as_deref())).collect();
            Some(if names.is_empty() { "asks a reviewer".into() } else { format!("asks a reviewer ({})", names.join(", ")) })
        }
        Some("wait_timer") => rule.wait_timer.filter(|minutes| *minutes > 0).map(|minutes| format!("waits {minutes} min")),
        // What may be deployed there: the same was, before.
        Some("branch_policy") | None => None,
        Some(other) => Some(format!("has a rule of its own ({other})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outcome;
    use serde_json::json;

    #[test]
    fn a_rule_of_the_environment_is_told_with_whom_it_asks() {
        let of = |rules: serde_json::Value| {
            let environment: Environment = serde_json::from_value(json!({ "protection_rules": rules, "html_url": "https://x" })).expect("an environment");
            let finding = gate(&environment, "prod");
            (finding.outcome, finding.sentence.to_string())
        };
        assert_eq!(of(json!([])), (Outcome::Ok, "prod asks nobody".into()));
        assert_eq!(of(json!([{ "type": "branch_policy" }, { "type": "wait_timer", "wait_timer": 0 }])).0, Outcome::Ok);
        let reviewers = json!([{ "type": "User", "reviewer": { "login": "kim" } }, { "type": "Team", "reviewer": { "name": "ops" } }]);
        let (outcome, says) = of(json!([{ "type": "required_reviewers", "reviewers": reviewers }, { "type": "wait_timer", "wait_timer": 30 }]));
        assert_eq!((outcome, says.as_str()), (Outcome::Warn, "prod asks a reviewer (kim, ops), and waits 30 min: until then nothing is deployed"));
        assert_eq!(of(json!([{ "type": "custom_app" }])).0, Outcome::Warn);
    }
}
