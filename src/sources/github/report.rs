//! What a run has to show: the artifacts that it uploaded, and the coverage and the tests that others report of its commit.

use super::{api::Api, counted, keys, meter::Need};
use crate::{
    clean,
    domain::{Artifact, Id, Report, Run, Tests, percent},
    sources::{SourceError, ci::Rows, refusal::Refusal},
    text::Clean,
};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    total_count: usize,
    artifacts: Vec<Uploaded>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Uploaded {
    name: Option<String>,
    size_in_bytes: Option<u64>,
    expired: Option<bool>,
    expires_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    context: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Checks {
    check_runs: Rows<Check>,
}

/// A check of a commit; those of jobs have no title.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Check {
    name: Option<String>,
    output: Option<Output>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    title: Option<String>,
}

/// A commit has a check for each of its jobs, and a few beside them.
const PAGES: usize = 3;

/// Whose status, or check, tells the coverage of a commit, and how: `87.20% (+0.12%) compared to abc` (Codecov's documentation).
const COVERAGE: &str = "codecov/project";

/// What `run` has to show, in a few requests that cost nothing where nothing has changed.
pub(super) async fn read(api: &Api, run: &Id<Run>, commit: &str) -> Result<Report, SourceError> {
    let Some((repository, number)) = keys::of_run(run) else {
        return Err(SourceError::NotFound(clean!("{} is not a run of GitHub", run.as_str())));
    };
    let mut report = Report::default();
    let ask = Api::ask(repository, &["actions", "runs", &number.to_string(), "artifacts"]).with("per_page", Report::LISTED.to_string());
    match api.read::<Page>(Need::Detail, repository, ask).await {
        Ok((page, _)) => {
            let more = page.total_count.saturating_sub(page.artifacts.len());
            report.made(page.artifacts.into_iter().map(Uploaded::artifact).collect(), more);
        }
        Err(Refusal::Here(error)) => report.lacks.push(clean!("artifacts: {error}")),
        Err(Refusal::Faulty(error) | Refusal::Everywhere(error)) => return Err(error),
    }
    if !commit.is_empty() {
        // Who may read Actions may not read what others say of a commit: then nothing is known of it, as with most repositories.
        let combined = Refusal::or_none(api.read::<Combined>(Need::Detail, repository, Api::ask(repository, &["commits", commit, "status"])).await)?;
        let checks = checks(api, repository, commit).await?;
        report.coverage = combined.and_then(|(combined, _)| combined.coverage()).or_else(|| checks.iter().find_map(Check::coverage));
        report.tests = checks.iter().filter_map(Check::tests).reduce(Tests::and);
    }
    Ok(report)
}

/// The newest check of each name that a commit has.
async fn checks(api: &Api, repository: &str, commit: &str) -> Result<Vec<Check>, SourceError> {
    let mut ask = Api::ask(repository, &["commits", commit, "check-runs"]).with("per_page", "100");
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let Some((page, next)) = Refusal::or_none(api.read::<Checks>(Need::Detail, repository, ask).await)? else { break };
        found.extend(page.check_runs.read);
        let Some(next) = next else { break };
        ask = next;
    }
    Ok(found)
}

impl Check {
    fn title(&self) -> Option<&str> {
        self.output.as_ref()?.title.as_deref()
    }

    fn coverage(&self) -> Option<f64> {
        (self.name.as_deref() == Some(COVERAGE)).then(|| of_whole(self.title()?)).flatten()
    }

    fn tests(&self) -> Option<Tests> {
        counted::tests(self.name.as_deref().unwrap_or_default(), self.title()?)
    }
}

/// The percentage that a sentence begins with.
fn of_whole(words: &str) -> Option<f64> {
    percent(words.split_once('%')?.0)
}

impl Uploaded {
    fn artifact(self) -> Artifact {
        let name = self.name.map_or(Clean::EMPTY, |name| Clean::from_untrusted(&name));
        Artifact { name, bytes: self.size_in_bytes, until: self.expires_at.and_then(|at| at.parse().ok()), gone: self.expired == Some(true) }
    }
}

impl Combined {
    fn coverage(&self) -> Option<f64> {
        let told = self.statuses.iter().find(|status| status.context.as_deref() == Some(COVERAGE))?;
        of_whole(told.description.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_read_from_the_sentence_that_begins_with_it() {
        for (context, text, expected) in [
            (COVERAGE, Some("87.20% (+0.12%) compared to 0f3c9d2"), Some(87.20)),
            (COVERAGE, Some("Coverage increased (+0.1%)"), None),
            (COVERAGE, Some("No coverage information found on head"), None),
            (COVERAGE, None, None),
            ("codecov/patch", Some("88.00% of diff hit (target 80.00%)"), None),
        ] {
            let status = Status { context: Some(context.into()), description: text.map(String::from) };
            assert_eq!(Combined { statuses: vec![status] }.coverage(), expected, "{text:?}");
        }
    }
}
