//! What is asked about one environment, answered as it is at this moment.

use super::{
    read::{newest, site},
    target::Behind,
    wire::WireDeployment,
};
use crate::{
    clean,
    domain::{Answer, Id, Question, Revision, Workload},
    sources::{
        SourceError,
        deployments::{State, of_revision, of_workload},
        gitlab::api::Api,
    },
    text::Clean,
};
use std::sync::Arc;

/// A question about an environment.
pub(in crate::sources::gitlab) enum Asked {
    Subject(Id<Workload>, Option<Id<Revision>>),
    Revisions(Id<Workload>),
    Explain(Id<Workload>),
    Yaml(Id<Workload>),
}

impl Asked {
    /// The question, if it is about an environment.
    pub fn of(question: Question) -> Option<Self> {
        match question {
            Question::Subject(id) => Some(Self::Subject(id, None)),
            Question::Redeployed { workload, to } => Some(Self::Subject(workload, Some(to))),
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

    fn about(&self) -> &Id<Workload> {
        match self {
            Self::Subject(id, _) | Self::Revisions(id) | Self::Explain(id) | Self::Yaml(id) => id,
        }
    }
}

/// Answers it.
pub(in crate::sources::gitlab) async fn answer(api: Arc<Api>, asked: Asked) -> Result<Answer, SourceError> {
    let (project, environment) = place(asked.about())?;
    if matches!(asked, Asked::Subject(..)) {
        // Whoever asks wants to see soon what comes of it.
        api.hurry.on(project);
    }
    let rows = newest(&api, project, environment).await?;
    let site = site(&api, project, environment, &rows);
    match &asked {
        Asked::Subject(id, to) => {
            let mut subject = site.subject().ok_or_else(|| unknown(id))?;
            if let Some(deployment) = to.as_ref().and_then(of_revision).and_then(|id| rows.iter().find(|row| row.id == id)) {
                subject.rerun = Behind::read(&api, project, deployment).await?.map(|behind| behind.rerun(&api));
            }
            Ok(Answer::Subject(Box::new(subject)))
        }
        Asked::Revisions(_) => Ok(Answer::Revisions(site.revisions())),
        Asked::Explain(_) => {
            let conditions = rows.iter().map(line).collect();
            Ok(Answer::Explain { pods: Vec::new(), happenings: Vec::new(), conditions, last_words: Vec::new() })
        }
        Asked::Yaml(_) => Ok(Answer::Text(rows.first().map(|row| lines(project, environment, row)).unwrap_or_default())),
    }
}

/// One deployment in a line: its state, when, and of what.
fn line(row: &WireDeployment) -> (Clean, Clean, Clean) {
    let deployment = row.deployment();
    let state = match &deployment.state {
        State::Moving(word) => word.clone(),
        State::Succeeded => "success".into(),
        State::Failed(_) => "failed".into(),
        State::Gone => "canceled".into(),
        State::Unread => "unknown".into(),
    };
    let why = if let State::Failed(why) = &deployment.state { clean!(": {why}") } else { Clean::EMPTY };
    (state, deployment.created.map(|at| clean!("{at}")).unwrap_or_default(), clean!("{} by {}{why}", deployment.version(), deployment.by))
}

fn lines(project: &str, environment: &str, row: &WireDeployment) -> Vec<Clean> {
    let deployment = row.deployment();
    let job = row.deployable.as_ref().map(|job| clean!("{} #{}", job.name(), job.id)).unwrap_or_default();
    vec![
        clean!("project: {project}"),
        clean!("environment: {environment}"),
        clean!("deployment: {}", deployment.id),
        clean!("commit: {}", deployment.commit),
        clean!("ref: {}", deployment.reference),
        clean!("by: {}", deployment.by),
        clean!("job: {job}"),
        clean!("created: {}", deployment.created.map(|at| at.to_string()).unwrap_or_default()),
    ]
}

/// The project and the environment of a workload of GitLab.
pub(super) fn place(id: &Id<Workload>) -> Result<(&str, &str), SourceError> {
    of_workload(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &Id<Workload>) -> SourceError {
    SourceError::NotFound(clean!("{} is no environment of a project", id.key()))
}
