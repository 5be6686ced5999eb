//! What is asked about one environment, answered as it is at this moment.

use super::{
    records::{site, statuses},
    target::Behind,
};
use crate::{
    clean,
    domain::{Answer, Id, Question, Revision, Workload},
    sources::{
        SourceError,
        deployments::{of_revision, of_workload},
        github::{api::Api, meter::Need},
    },
    text::Clean,
};
use std::sync::Arc;

/// A question about an environment.
pub(in crate::sources::github) enum Asked {
    Subject(Id<Workload>),
    Redeployed(Id<Workload>, Id<Revision>),
    Revisions(Id<Workload>),
    Explain(Id<Workload>),
    Yaml(Id<Workload>),
}

impl Asked {
    /// The question, if it is about an environment.
    pub fn of(question: Question) -> Option<Self> {
        match question {
            Question::Subject(id) => Some(Self::Subject(id)),
            Question::Redeployed { workload, to } => Some(Self::Redeployed(workload, to)),
            Question::Revisions(id) => Some(Self::Revisions(id)),
            Question::Explain(id) => Some(Self::Explain(id)),
            Question::Yaml(id) => Some(Self::Yaml(id)),
            Question::Keeper { .. }
            | Question::Awaited { .. }
            | Question::Run { .. }
            | Question::Tail(_)
            | Question::Report { .. }
            | Question::Older { .. }
            | Question::Templates { .. }
            | Question::PodYaml(_)
            | Question::Window(_)
            | Question::Memory { .. }
            | Question::RuleState { .. }
            | Question::Smoke { .. }
            | Question::Origin(_) => None,
        }
    }
}

/// Answers it.
pub(in crate::sources::github) async fn answer(api: Arc<Api>, asked: Asked) -> Result<Answer, SourceError> {
    match asked {
        Asked::Subject(id) => subject(&api, &id, None).await,
        Asked::Redeployed(id, to) => subject(&api, &id, Some(&to)).await,
        Asked::Revisions(id) => {
            let (repository, environment) = place(&id)?;
            Ok(Answer::Revisions(site(&api, repository, environment, true).await?.revisions()))
        }
        Asked::Explain(id) => {
            let (repository, environment) = place(&id)?;
            let newest = newest(&api, repository, environment).await?;
            let said = statuses(&api, Need::Person, repository, newest.0).await?;
            let conditions = said.iter().map(super::wire::WireStatus::line).collect();
            Ok(Answer::Explain { pods: Vec::new(), happenings: Vec::new(), conditions, last_words: Vec::new() })
        }
        Asked::Yaml(id) => {
            let (repository, environment) = place(&id)?;
            Ok(Answer::Text(newest(&api, repository, environment).await?.1))
        }
    }
}

async fn subject(api: &Api, id: &Id<Workload>, to: Option<&Id<Revision>>) -> Result<Answer, SourceError> {
    let (repository, environment) = place(id)?;
    // Whoever asks wants to see soon what comes of it.
    api.hurry.on(repository);
    let site = site(api, repository, environment, false).await?;
    let mut subject = site.subject().ok_or_else(|| unknown(id))?;
    if let Some(deployment) = to.and_then(of_revision) {
        subject.rerun = Behind::read(api, repository, deployment).await?.map(|behind| behind.rerun(api));
    }
    Ok(Answer::Subject(Box::new(subject)))
}

/// The number of the newest deployment, and it in lines.
async fn newest(api: &Api, repository: &str, environment: &str) -> Result<(u64, Vec<Clean>), SourceError> {
    let site = site(api, repository, environment, false).await?;
    let newest = site.newest().ok_or_else(|| SourceError::NotFound("nothing was deployed".into()))?;
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let lines = vec![
        clean!("repository: {repository}"),
        clean!("environment: {environment}"),
        clean!("deployment: {}", newest.id),
        clean!("commit: {}", newest.commit),
        clean!("ref: {}", newest.reference),
        clean!("by: {}", newest.by),
        clean!("created: {}", time(newest.created)),
    ];
    Ok((newest.id, lines))
}

/// The repository and the environment of a workload of GitHub.
pub(super) fn place(id: &Id<Workload>) -> Result<(&str, &str), SourceError> {
    of_workload(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &Id<Workload>) -> SourceError {
    SourceError::NotFound(clean!("{} is no environment of a repository", id.key()))
}
