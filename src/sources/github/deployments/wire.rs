//! What GitHub answers about deployments. All fields may be missing.

use crate::{
    clean,
    sources::deployments::{Deployment, State},
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(in crate::sources::github) struct WireDeployment {
    pub id: u64,
    pub sha: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    task: Option<String>,
    pub environment: Option<String>,
    creator: Option<Actor>,
    created_at: Option<String>,
    #[serde(default)]
    transient_environment: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Actor {
    pub login: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WireStatus {
    state: Option<String>,
    description: Option<String>,
    log_url: Option<String>,
    target_url: Option<String>,
    created_at: Option<String>,
}

/// The run of Actions, and the job of it, that made a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    pub run: u64,
    pub job: Option<u64>,
}

/// What the statuses of a deployment say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub state: State,
    pub since: Option<Timestamp>,
    pub maker: Option<Maker>,
}

impl WireDeployment {
    /// Whether it is a deployment to a place that stays, with a commit. Other tasks (migrations) are none, and previews come and go.
    pub fn counts(&self) -> bool {
        self.task.as_deref().is_none_or(|task| task == "deploy") && self.transient_environment != Some(true) && self.sha.is_some()
    }

    /// When it was made.
    pub fn created(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }

    /// The deployment, with what its statuses say.
    pub(super) fn deployment(&self, told: Option<&Told>) -> Deployment {
        let name = |text: &Option<String>| text.as_deref().map_or_else(Name::default, Name::new);
        Deployment {
            id: self.id,
            commit: name(&self.sha),
            reference: name(&self.reference),
            by: clean(self.creator.as_ref().and_then(|creator| creator.login.as_ref())),
            created: self.created(),
            state: told.map_or(State::Unread, |told| told.state.clone()),
            since: told.and_then(|told| told.since),
        }
    }
}

/// What statuses, the newest first, say together: a deployment that another one took the place of is inactive, and its own end counts.
pub(super) fn told(statuses: &[WireStatus]) -> Told {
    let maker = statuses.iter().find_map(WireStatus::maker);
    let inactive = |status: &&WireStatus| status.state.as_deref() == Some("inactive");
    let Some(last) = statuses.iter().find(|status| !inactive(status)) else {
        let state = if statuses.is_empty() { State::Moving("it was asked for, and nothing was heard of it".into()) } else { State::Gone };
        return Told { state, since: statuses.first().and_then(WireStatus::at), maker };
    };
    let superseded = statuses.first().is_some_and(|first| inactive(&first));
    let state = match last.state.as_deref() {
        Some("success") => State::Succeeded,
        Some("failure" | "error") => State::Failed(last.says("the deployment failed")),
        _ if superseded => State::Gone,
        Some("waiting") => State::Moving(last.says("waits for a reviewer or a timer")),
        Some(word) => State::Moving(clean!("{}", word.replace('_', " "))),
        None => State::Moving("no state".into()),
    };
    // The first of several in a row that say the same.
    let same = statuses.iter().skip_while(|status| inactive(status)).take_while(|status| status.state == last.state);
    Told { state, since: same.last().and_then(WireStatus::at), maker }
}

impl WireStatus {
    fn at(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }

    fn says(&self, otherwise: &'static str) -> Clean {
        match self.description.as_ref().filter(|text| !text.trim().is_empty()) {
            Some(text) => Clean::from_untrusted(text),
            None => Clean::from_static(otherwise),
        }
    }

    /// One line of its history: the state, when, and what was said.
    pub fn line(&self) -> (Clean, Clean, Clean) {
        (clean(self.state.as_ref()), self.at().map(|at| clean!("{at}")).unwrap_or_default(), clean(self.description.as_ref()))
    }

    fn maker(&self) -> Option<Maker> {
        [&self.log_url, &self.target_url].into_iter().flatten().find_map(|url| maker(url))
    }
}

/// `…/actions/runs/311/job/9311`, as Actions writes it. Other systems write links of their own.
fn maker(url: &str) -> Option<Maker> {
    let rest = url.split_once("/actions/runs/")?.1;
    let mut parts = rest.split(['/', '?', '#']);
    let run = parts.next()?.parse().ok()?;
    let job = parts.next().filter(|word| matches!(*word, "job" | "jobs")).and_then(|_| parts.next()?.parse().ok());
    Some(Maker { run, job })
}

fn time(text: Option<&String>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn clean(text: Option<&String>) -> Clean {
    text.map_or(Clean::EMPTY, |text| Clean::from_untrusted(text))
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub archived: bool,
    pub permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub push: bool,
    #[serde(default)]
    pub admin: bool,
    #[serde(default)]
    pub maintain: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Environment {
    #[serde(default)]
    pub protection_rules: Vec<Rule>,
    pub html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub wait_timer: Option<u64>,
    #[serde(default)]
    pub reviewers: Option<Vec<Reviewer>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reviewer {
    pub reviewer: Option<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub login: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    #[serde(default)]
    pub total_commits: u64,
    #[serde(default)]
    pub behind_by: u64,
    #[serde(default)]
    pub files: Option<Vec<File>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub filename: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(states: &[&str]) -> Vec<WireStatus> {
        let one = |(at, state): (usize, &&str)| {
            let url = format!("https://github.com/acme/cart/actions/runs/311/job/93{at}");
            serde_json::from_value(serde_json::json!({ "state": state, "log_url": url, "created_at": format!("2026-11-24T03:0{}:00Z", 9 - at) }))
                .expect("a status")
        };
        states.iter().enumerate().map(one).collect()
    }

    #[test]
    fn the_end_of_a_deployment_counts_whatever_took_its_place() {
        let of = |states: &[&str]| told(&statuses(states)).state;
        for states in [&["success", "in_progress", "queued"][..], &["inactive", "success"], &["inactive", "inactive", "success", "queued"]] {
            assert_eq!(of(states), State::Succeeded, "{states:?}");
        }
        for states in [&["failure", "in_progress"][..], &["error"], &["inactive", "failure"], &["failure", "success"]] {
            assert!(matches!(of(states), State::Failed(_)), "{states:?}");
        }
        for states in [&["queued"][..], &["in_progress", "queued"], &["waiting"], &["pending"], &["hibernating"], &[]] {
            assert!(matches!(of(states), State::Moving(_)), "{states:?}");
        }
        for states in [&["inactive"][..], &["inactive", "in_progress", "queued"]] {
            assert_eq!(of(states), State::Gone, "{states:?}");
        }
    }

    #[test]
    fn a_success_that_is_told_again_began_with_the_first() {
        let at = |states: &[&str]| told(&statuses(states)).since.expect("a time").to_string();
        assert_eq!(at(&["success", "success", "queued"]), "2026-11-24T03:08:00Z");
        assert_eq!(at(&["inactive", "success", "queued"]), "2026-11-24T03:08:00Z");
    }

    #[test]
    fn the_run_is_found_in_the_link_that_actions_writes() {
        let of = |url: &str| maker(url).map(|maker| (maker.run, maker.job));
        assert_eq!(of("https://github.com/acme/cart/actions/runs/311/job/9311"), Some((311, Some(9_311))));
        assert_eq!(of("https://ghe.example/a/b/actions/runs/311/jobs/9311?pr=1"), Some((311, Some(9_311))));
        assert_eq!(of("https://github.com/acme/cart/actions/runs/311"), Some((311, None)));
        for other in ["https://ci.example/job/7", "https://github.com/acme/cart/actions/runs/x", "", "https://github.com/a/b/runs/3"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
