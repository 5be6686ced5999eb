//! What a person writes along: inputs and variables of a new pipeline, or variables of a job that is played; and which pipeline it is that was started.

use super::{
    api::Api,
    meter::Need,
    wire::{Numbered, WirePipeline},
};
use crate::{
    clean,
    domain::{Again, Given, Id, Input, InputKind, Inputs, Run, Stage, Verb, quoted},
    sources::{SourceError, http::Ask, refusal::Refusal},
    text::{Clean, Name, Raw},
};
use serde_json::{Map, Value, json};

/// What the configuration on a branch declares as `spec: inputs`: GraphQL alone tells it, that of newer versions (GitLab's documentation of CI/CD inputs and
/// reference of its GraphQL).
const DECLARED: &str =
    "query($project: ID!, $ref: String!) { project(fullPath: $project) { ciPipelineCreationInputs(ref: $ref) { name type required default options } } }";

/// Any variable: which ones a project means is told by none of its answers.
pub(super) const fn any() -> Inputs {
    Inputs { known: Vec::new(), open: true }
}

/// What a pipeline on a branch takes: the inputs that it declares, where GitLab tells them, and any variable beside them. Where it does not, it says itself
/// which are missing when one is asked for.
async fn takes(api: &Api, project: &str, branch: &str) -> Result<Inputs, SourceError> {
    let Some(ask) = api.query(DECLARED, &json!({ "project": project, "ref": branch })) else { return Ok(any()) };
    let Some((told, _)) = Refusal::or_none(api.read::<Value>(Need::Person, project, ask).await)? else { return Ok(any()) };
    let declared = told.pointer("/data/project/ciPipelineCreationInputs").and_then(Value::as_array);
    Ok(Inputs { known: declared.into_iter().flatten().filter_map(input).collect(), open: true })
}

/// An input as it is declared; none that has no name.
fn input(told: &Value) -> Option<Input> {
    let options: Vec<Name> = told["options"].as_array().into_iter().flatten().map(|one| Name::new(&scalar(one))).collect();
    let kind = match told["type"].as_str() {
        Some("STRING") if !options.is_empty() => InputKind::Choice(options),
        Some("NUMBER") => InputKind::Number,
        Some("BOOLEAN") => InputKind::Flag,
        Some("ARRAY") => InputKind::List,
        _ => InputKind::Text,
    };
    let name = told["name"].as_str().filter(|name| !name.is_empty())?;
    Some(Input { name: Name::new(name), kind, default: Raw::new(&scalar(&told["default"])), required: told["required"] == true })
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as its kind is sent: GitLab takes no text for a number.
fn typed(kind: &InputKind, text: String) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    match kind {
        InputKind::Number => read(&text).filter(Value::is_number),
        InputKind::Flag => read(&text).filter(Value::is_boolean),
        InputKind::List => read(&text).filter(Value::is_array),
        InputKind::Text | InputKind::Choice(_) => None,
    }
    .unwrap_or(Value::String(text))
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
    Ok((Again::Fresh { newest, on }, Ok(takes(api, project, run.branch.raw()).await?)))
}

/// The body of a request, where anything was written; as it may be shown, or as it is sent (GitLab's documentation of pipelines and jobs).
pub(super) fn body(verb: Verb, branch: &str, (takes, given): (&Inputs, &[Given]), shown: bool) -> Option<Value> {
    let value = |one: &Given| if shown { one.shown_value().to_string() } else { one.value.expose().to_owned() };
    let declared = |one: &Given| Some((one.name.raw().to_owned(), typed(&takes.named(one.name.raw())?.kind, value(one))));
    let variables = given.iter().filter(|one| takes.named(one.name.raw()).is_none());
    let variables: Vec<Value> = variables.map(|one| json!({ "key": one.name.raw(), "value": value(one) })).collect();
    match verb {
        Verb::Dispatch => {
            let mut body = json!({ "ref": branch });
            let inputs: Map<String, Value> = given.iter().filter_map(declared).collect();
            if !inputs.is_empty() {
                body["inputs"] = inputs.into();
            }
            if !variables.is_empty() {
                body["variables"] = variables.into();
            }
            Some(body)
        }
        Verb::Play if !variables.is_empty() => Some(json!({ "job_variables_attributes": variables })),
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

    fn written(pairs: &[(&str, &str)]) -> Vec<Given> {
        pairs.iter().map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) }).collect()
    }

    #[test]
    fn what_is_declared_is_sent_as_its_kind_and_the_rest_as_variables() {
        let told = json!([
            { "name": "to", "type": "STRING", "required": false, "default": "staging", "options": ["staging", "production"] },
            { "name": "count", "type": "NUMBER", "required": true, "default": null, "options": [1, 2] },
            { "name": "dry", "type": "BOOLEAN", "required": false, "default": true, "options": null },
            { "name": "regions", "type": "ARRAY", "required": false, "default": ["eu"], "options": null },
            { "name": "DEPLOY_TOKEN", "type": "STRING" }, { "name": null }, { "name": "of_tomorrow", "type": "OBJECT", "default": 7 },
        ]);
        let takes = Inputs { known: told.as_array().into_iter().flatten().filter_map(input).collect(), open: true };
        let lines: Vec<String> = takes.known.iter().map(Input::line).collect();
        assert_eq!(lines, ["to=staging", "count=", "dry=true", "regions=[\"eu\"]", "DEPLOY_TOKEN=", "of_tomorrow=7"]);
        assert!(takes.known[1].required && !takes.known[0].required);
        let given = written(&[("to", "production"), ("count", "2"), ("dry", "false"), ("regions", "[\"eu\",\"us\"]"), ("DEPLOY_TOKEN", "hunter2"), ("X", "1")]);
        let sent = |shown| body(Verb::Dispatch, "main", (&takes, &given), shown).expect("a body");
        let inputs = json!({ "to": "production", "count": 2, "dry": false, "regions": ["eu", "us"], "DEPLOY_TOKEN": "hunter2" });
        assert_eq!(sent(false), json!({ "ref": "main", "inputs": inputs, "variables": [{ "key": "X", "value": "1" }] }));
        assert_eq!((&sent(true)["inputs"]["count"], &sent(true)["inputs"]["DEPLOY_TOKEN"]), (&json!(2), &json!("••••")));
    }

    #[test]
    fn what_is_written_goes_along_and_no_secret_into_the_command() {
        let given = written(&[("VERSION", "2.8.1"), ("API_TOKEN", "hunter2")]);
        let sent = |verb, given: &[Given], shown| body(verb, "main", (&any(), given), shown).map(|body| body.to_string());
        let variables = r#"[{"key":"VERSION","value":"2.8.1"},{"key":"API_TOKEN","value":"hunter2"}]"#;
        assert_eq!(sent(Verb::Dispatch, &given, false), Some(format!(r#"{{"ref":"main","variables":{variables}}}"#)));
        assert_eq!(sent(Verb::Play, &given, false), Some(format!(r#"{{"job_variables_attributes":{variables}}}"#)));
        assert_eq!((sent(Verb::Dispatch, &[], false), sent(Verb::Play, &[], false)), (Some(r#"{"ref":"main"}"#.into()), None));
        let words = command(&"gitlab.com".into(), "projects/1/pipeline", body(Verb::Dispatch, "main", (&any(), &given), true).as_ref());
        assert!(words.starts_with(r#"echo '{"ref":"main","variables":[{"key":"VERSION","value":"2.8.1"}"#) && !words.contains("hunter2"), "{words}");
    }
}
