//! What a person writes along: variables of a new pipeline, or of a job that is played; and which pipeline it is that was started.

use super::{
    api::Api,
    meter::Need,
    wire::{Numbered, WirePipeline},
};
use crate::{
    clean,
    domain::{Again, Given, Id, Inputs, Run, Stage, Verb, quoted},
    sources::{SourceError, http::Ask},
    text::Clean,
};
use serde_json::{Value, json};

/// Any variable: which ones a project means is told by none of its answers.
pub(super) const fn any() -> Inputs {
    Inputs { known: Vec::new(), open: true }
}

/// What a new pipeline beside this one takes, or why there is none, and the newest that was started so.
pub(super) async fn read(api: &Api, project: &str, wire: &WirePipeline, run: &Run) -> Result<(Again, Result<Inputs, Clean>), SourceError> {
    let on = clean!("what {} holds by then", run.branch);
    if !wire.of_a_branch() {
        return Ok((Again::Fresh { newest: None, on }, Err("it ran for a merge request, and a pipeline is started on a branch or a tag".into())));
    }
    let ask = Api::ask(project, &["pipelines"]).with("ref", run.branch.raw()).with("source", "api");
    let ask = ask.with("order_by", "id").with("sort", "desc").with("per_page", "1");
    let (listed, _) = api.read::<Vec<Numbered>>(Need::Person, project, ask).await?;
    // Both are counted alike, and what an answer named is not older than what the list tells late.
    let newest = listed.first().map(|one| one.id).max(api.started.of(&run.id));
    Ok((Again::Fresh { newest, on }, Ok(any())))
}

/// The body of a request, where anything was written; as it may be shown, or as it is sent (GitLab's documentation of pipelines and jobs).
pub(super) fn body(verb: Verb, branch: &str, given: &[Given], shown: bool) -> Option<Value> {
    let one =
        |given: &Given| json!({ "key": given.name.raw(), "value": if shown { given.shown_value().to_string() } else { given.value.expose().to_owned() } });
    let all: Vec<Value> = given.iter().map(one).collect();
    match verb {
        Verb::Dispatch if all.is_empty() => Some(json!({ "ref": branch })),
        Verb::Dispatch => Some(json!({ "ref": branch, "variables": all })),
        Verb::Play if !all.is_empty() => Some(json!({ "job_variables_attributes": all })),
        _ => None,
    }
}

/// The same by hand.
pub(super) fn command(host: &Clean, path: &str, body: Option<&Value>) -> Clean {
    let post = format!("glab api --hostname {host} -X POST {path}");
    match body {
        Some(body) => clean!("echo {} | {post} -H Content-Type:application/json --input -", quoted(&body.to_string())),
        None => clean!("{post}"),
    }
}

/// Starts it, and keeps which pipeline it is.
pub(super) async fn send(api: &Api, project: &str, from: &Id<Run>, branch: &str, ask: Ask) -> Stage {
    api.started.named(from, None);
    let (stage, reply) = api.carry_told(project, &clean!("a pipeline on {branch}"), ask).await;
    match stage {
        Stage::Accepted { request, warnings, revision, generation } => {
            let id = reply.and_then(|reply| reply.json::<Numbered>().ok()).map(|told| told.id);
            api.started.named(from, id);
            Stage::Accepted { request: id.map(|id| clean!("pipeline #{id}")).or(request), warnings, revision, generation }
        }
        Stage::Unclear { why } => {
            let list = format!("projects/{}/pipelines?source=api&ref={branch}", project.replace('/', "%2F"));
            Stage::Unclear { why: clean!("{why}. Whether it started shows glab api --hostname {} {}", api.login.host, quoted(&list)) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Name, Raw};

    #[test]
    fn what_is_written_goes_along_and_no_secret_into_the_command() {
        let given = [("VERSION", "2.8.1"), ("API_TOKEN", "hunter2")].map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) });
        let sent = |verb, given: &[Given], shown| body(verb, "main", given, shown).map(|body| body.to_string());
        let variables = r#"[{"key":"VERSION","value":"2.8.1"},{"key":"API_TOKEN","value":"hunter2"}]"#;
        assert_eq!(sent(Verb::Dispatch, &given, false), Some(format!(r#"{{"ref":"main","variables":{variables}}}"#)));
        assert_eq!(sent(Verb::Play, &given, false), Some(format!(r#"{{"job_variables_attributes":{variables}}}"#)));
        assert_eq!((sent(Verb::Dispatch, &[], false), sent(Verb::Play, &[], false)), (Some(r#"{"ref":"main"}"#.into()), None));
        let words = command(&"gitlab.com".into(), "projects/1/pipeline", body(Verb::Dispatch, "main", &given, true).as_ref());
        assert!(words.starts_with(r#"echo '{"ref":"main","variables":[{"key":"VERSION","value":"2.8.1"}"#) && !words.contains("hunter2"), "{words}");
    }
}
