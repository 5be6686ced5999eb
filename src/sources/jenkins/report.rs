//! What a build has to show: its tests, its coverage where the plugin for that is there, and what it archived.

use super::{
    api::{Api, Need},
    keys,
};
use crate::{
    clean,
    domain::{Artifact, Id, Report, Run, Tests, percent},
    sources::{SourceError, ci::Rows},
    text::Clean,
};
use serde::Deserialize;

/// Of more than so many artifacts nobody counts the rest.
const MADE: &str = "artifacts[fileName,relativePath]{0,1000},actions[_class,failCount,skipCount,totalCount,urlName]";
/// Where the plugin for coverage has its page (its own documentation).
const COVERAGE: &str = "coverage";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made {
    artifacts: Option<Rows<Archived>>,
    /// Whatever plugins hang on a build, with holes: what we can not read is not ours.
    actions: Option<Rows<Option<Action>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Archived {
    #[serde(rename = "fileName")]
    name: Option<String>,
    #[serde(rename = "relativePath")]
    path: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Action {
    #[serde(rename = "failCount")]
    failed: Option<u64>,
    #[serde(rename = "skipCount")]
    skipped: Option<u64>,
    #[serde(rename = "totalCount")]
    total: Option<u64>,
    #[serde(rename = "urlName")]
    page: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Covered {
    #[serde(rename = "projectStatistics")]
    project: Option<Statistics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Statistics {
    line: Option<String>,
}

/// What `run` has to show, in one request, and one more where its coverage was recorded.
pub(super) async fn read(api: &Api, run: &Id<Run>) -> Result<Report, SourceError> {
    let Some((path, number)) = keys::of_run(run) else {
        // What waits in the queue has nothing to show yet.
        let none = || SourceError::NotFound(clean!("{} is not a build of Jenkins", run.as_str()));
        return keys::waits(run).then(Report::default).ok_or_else(none);
    };
    let build = number.to_string();
    let made: Made = api.read(Need::List, path, Api::fields(path, &[&build], MADE)).await?;
    let actions: Vec<Action> = made.actions.unwrap_or_default().read.into_iter().flatten().collect();
    let archived = made.artifacts.unwrap_or_default();
    let mut report = Report { tests: actions.iter().filter_map(Action::tests).reduce(together), ..Report::default() };
    report.made(archived.read.into_iter().map(Archived::artifact).collect(), 0);
    report.lacks.extend(archived.lost.map(|words| clean!("artifacts: {words}")));
    if actions.iter().any(|action| action.page.as_deref() == Some(COVERAGE)) {
        let ask = Api::fields(path, &[&build, COVERAGE], "projectStatistics[line]");
        match api.find::<Covered>(path, ask).await {
            Ok(covered) => report.coverage = covered.and_then(|covered| covered.project?.line).as_deref().and_then(percent),
            Err(error @ (SourceError::Unreachable(_) | SourceError::RateLimited { .. })) => return Err(error),
            Err(error) => report.lacks.push(clean!("coverage: {error}")),
        }
    }
    Ok(report)
}

/// A build may have several reports of tests.
const fn together(one: Tests, other: Tests) -> Tests {
    Tests { total: one.total.saturating_add(other.total), failed: one.failed.saturating_add(other.failed), skipped: one.skipped.saturating_add(other.skipped) }
}

impl Action {
    fn tests(&self) -> Option<Tests> {
        Some(Tests { total: self.total?, failed: self.failed.unwrap_or_default(), skipped: self.skipped.unwrap_or_default() })
    }
}

impl Archived {
    /// Jenkins tells neither the size nor until when it is kept: that depends on what becomes of the build.
    fn artifact(self) -> Artifact {
        let name = self.path.or(self.name).map_or(Clean::EMPTY, |name| Clean::from_untrusted(&name));
        Artifact { name, bytes: None, until: None, gone: false }
    }
}
