//! Another run of a workflow: what it takes is read from its file as the branch holds it, and which run was started from the answer, or from the list.

use super::{
    api::Api,
    meter::Need,
    wire::{Runs, WireRun},
};
use crate::{
    clean,
    domain::{Again, CheckKind, Finding, Given, Id, Input, InputKind, Inputs, Run, RunNow, Stage, quoted},
    sources::{
        SourceError,
        http::{Ask, Method},
        refusal::Refusal,
    },
    text::{Clean, Name, Raw},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The trigger by which a workflow is started.
const DISPATCH: &str = "workflow_dispatch";
/// Where the files of workflows are; what GitHub itself made has none.
const FOLDER: &str = ".github/workflows/";

/// A file, as GitHub tells it.
#[derive(Deserialize)]
struct Contents {
    content: Option<String>,
    encoding: Option<String>,
}

/// What matters of a workflow's file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    on: Value,
}

/// An answer that names the run.
#[derive(Deserialize)]
struct Named {
    workflow_run_id: Option<u64>,
}

/// What a start of the workflow of `wire` takes, or why it can not be started, and the newest run that was.
pub(super) async fn read(api: &Api, repository: &str, wire: &WireRun, run: &Run) -> Result<(Again, Result<Inputs, Clean>), SourceError> {
    let inputs = declared(api, repository, wire.path(), run.branch.raw()).await?;
    let newest = newest(api, repository, wire, run).await?;
    Ok((Again::Fresh { newest, on: clean!("what {} holds by then", run.branch) }, inputs))
}

async fn declared(api: &Api, repository: &str, path: &str, branch: &str) -> Result<Result<Inputs, Clean>, SourceError> {
    let Some(file) = path.strip_prefix(FOLDER) else { return Ok(Err("GitHub made this workflow itself: there is no file of it to start".into())) };
    if branch.is_empty() {
        return Ok(Err("its run names no branch to start it on".into()));
    }
    // One segment, as GitHub's own client writes it.
    let ask = Api::afresh(repository, &["contents", path]).with("ref", branch);
    let contents = match api.read::<Contents>(Need::Person, repository, ask).await {
        Ok((contents, _)) => contents,
        Err(Refusal::Here(SourceError::NotFound(_))) => return Ok(Err(clean!("{branch} does not hold {file} any more, or the token may not read Contents"))),
        Err(Refusal::Here(error)) => return Ok(Err(clean!("{file} on {branch} can not be read: {error}"))),
        Err(Refusal::Faulty(error) | Refusal::Everywhere(error)) => return Err(error),
    };
    Ok(text(&contents).and_then(|text| takes(&text)).map_err(|why| clean!("{file} on {branch} {why}")))
}

/// The text of a file, which comes in lines of base64.
fn text(contents: &Contents) -> Result<String, Clean> {
    let none = || Clean::from_static("comes without its text");
    let told = contents.content.as_deref().filter(|_| contents.encoding.as_deref() == Some("base64")).ok_or_else(none)?;
    let packed: String = told.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(packed).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(none)
}

/// What a workflow takes by its file (GitHub's documentation of the workflow syntax).
fn takes(text: &str) -> Result<Inputs, Clean> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| clean!("is no YAML: {}", error.to_string().lines().next().unwrap_or_default()))?;
    let not = || Clean::from_static("does not name workflow_dispatch among its triggers: it can not be started by hand");
    match file.on {
        Value::String(one) if one == DISPATCH => Ok(Inputs::default()),
        Value::Array(several) if several.iter().any(|one| one == DISPATCH) => Ok(Inputs::default()),
        Value::Object(triggers) => {
            let event = triggers.get(DISPATCH).ok_or_else(not)?;
            let inputs = event.get("inputs").and_then(Value::as_object);
            Ok(Inputs { known: inputs.into_iter().flatten().map(|(name, told)| input(name, told)).collect(), open: false })
        }
        _ => Err(not()),
    }
}

fn input(name: &str, told: &Value) -> Input {
    let options = || told["options"].as_array().into_iter().flatten().map(|one| Name::new(&scalar(one))).collect();
    let kind = match told["type"].as_str() {
        Some("choice") => InputKind::Choice(options()),
        Some("boolean") => InputKind::Flag,
        Some("number") => InputKind::Number,
        // An environment is a text too: which ones there are is told elsewhere.
        _ => InputKind::Text,
    };
    Input { name: Name::new(name), kind, default: Raw::new(&scalar(&told["default"])), required: scalar(&told["required"]) == "true" }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The number of the newest run that was started by hand on its branch: the one that an answer named here, or the newest in the list, which may be late.
async fn newest(api: &Api, repository: &str, wire: &WireRun, run: &Run) -> Result<Option<u64>, SourceError> {
    let ask = Api::afresh(repository, &["actions", "workflows", &wire.workflow().to_string(), "runs"]);
    let ask = ask.with("event", DISPATCH).with("branch", run.branch.raw()).with("exclude_pull_requests", "true").with("per_page", "1");
    let (page, _) = api.read::<Runs>(Need::Person, repository, ask).await?;
    let listed = page.workflow_runs.read.first().map(WireRun::number);
    let Some(id) = api.started.of(&run.id) else { return Ok(listed) };
    match api.read::<WireRun>(Need::Person, repository, Api::afresh(repository, &["actions", "runs", &id.to_string()])).await {
        Ok((started, _)) => Ok(listed.max(Some(started.number()))),
        Err(Refusal::Here(_)) => Ok(listed),
        Err(Refusal::Faulty(error) | Refusal::Everywhere(error)) => Err(error),
    }
}

/// Whether it can be started.
pub(super) fn finding(now: &RunNow) -> Finding {
    match &now.inputs {
        Ok(_) => CheckKind::Pipeline.ok(clean!("it is started by hand too, on {}", now.run.branch)),
        Err(why) => CheckKind::Pipeline.block(why.clone(), None),
    }
}

/// The same by hand, its secrets masked.
pub(in crate::sources) fn command(host: &Clean, workflow: &str, run: &Run, given: &[Given]) -> Clean {
    let host = if host.as_str() == "github.com" { String::new() } else { format!("GH_HOST={host} ") };
    let inputs: String = given.iter().map(|one| format!(" -f {}", quoted(&one.masked()))).collect();
    clean!("{host}gh workflow run {} --ref {}{inputs} -R {}", quoted(workflow), quoted(run.branch.clean()), run.repository)
}

/// What shows whether a run was started.
fn look(host: &Clean, workflow: u64, repository: &str) -> Clean {
    let host = if host.as_str() == "github.com" { String::new() } else { format!("GH_HOST={host} ") };
    clean!("{host}gh run list -w {workflow} -e {DISPATCH} -R {repository}")
}

/// The one request.
pub(super) fn request(host: &str, repository: &str, workflow: u64, branch: &str, given: &[Given]) -> Ask {
    let inputs: Map<String, Value> = given.iter().map(|one| (one.name.raw().to_owned(), json!(one.value.expose()))).collect();
    let mut body = json!({ "ref": branch, "inputs": inputs });
    // Asked so, it answers which run it is (since February 2026). An Enterprise Server up to 3.20 refuses the question (cli/cli#12672).
    if host == "github.com" || host.ends_with(".ghe.com") {
        body["return_run_details"] = json!(true);
    }
    Api::change(Method::POST, repository, &["actions", "workflows", &workflow.to_string(), "dispatches"], Some(Bytes::from(body.to_string())))
}

/// Sends it, and keeps which run it started where the answer says so.
pub(super) async fn send(api: &Api, repository: &str, from: &Id<Run>, workflow: u64, ask: Ask) -> Stage {
    api.started.named(from, None);
    let (stage, reply) = api.carry_told(repository, ask).await;
    match stage {
        Stage::Accepted { request, warnings, revision, generation } => {
            let id = reply.and_then(|reply| reply.json::<Named>().ok()).and_then(|named| named.workflow_run_id);
            api.started.named(from, id);
            Stage::Accepted { request: id.map(|id| clean!("run {id}")).or(request), warnings, revision, generation }
        }
        Stage::Unclear { why } => Stage::Unclear { why: clean!("{why}. Whether it started shows {}", look(&api.login.host, workflow, repository)) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture;

    const FILE: &str = r#"
name: deploy
on:
  push: { branches: [main] }
  workflow_dispatch:
    inputs:
      version: { description: "Which: v1.2", required: true, type: string }
      environment:
        type: choice
        options: [staging, production, 7]
        default: staging
      dry-run: { type: boolean, default: false }
      count: { type: number, default: 3 }
      note: {}
jobs: {}
"#;

    #[test]
    fn what_a_workflow_takes_stands_in_its_file() {
        let inputs = takes(FILE).expect("it can be started");
        let told: Vec<_> = inputs.known.iter().map(|one| (one.line(), one.takes().to_string(), one.required)).collect();
        let line = |line: &str, takes: &str, required| (line.to_owned(), takes.to_owned(), required);
        assert_eq!(
            told,
            [
                line("version=", "any text", true),
                line("environment=staging", "one of staging, production, 7", false),
                line("dry-run=false", "true or false", false),
                line("count=3", "a number", false),
                line("note=", "any text", false),
            ]
        );
        for start in ["on: workflow_dispatch", "on: [push, workflow_dispatch]", "'on': { workflow_dispatch: }", "\"on\":\n  workflow_dispatch:\n    inputs:\n"]
        {
            assert_eq!(takes(start), Ok(Inputs::default()), "{start}");
        }
        for never in ["on: push", "on: [push]", "on: { push: }", "jobs: {}", "on: workflow_dispatched"] {
            assert!(takes(never).is_err_and(|why| why.contains("workflow_dispatch among its triggers")), "{never}");
        }
        assert!(takes("on: [").is_err_and(|why| why.contains("is no YAML")));
    }

    #[test]
    fn which_run_it_is_is_asked_for_where_that_is_no_fault() {
        let given = [Given { name: Name::new("version"), value: Raw::new("2.8.1") }];
        let sent = |host| request(host, "acme/cart", 77, "main", &given).encoded().expect("a body").1;
        assert_eq!(sent("github.com"), r#"{"ref":"main","inputs":{"version":"2.8.1"},"return_run_details":true}"#);
        assert_eq!(sent("acme.ghe.com"), sent("github.com"));
        assert_eq!(sent("github.acme.example"), r#"{"ref":"main","inputs":{"version":"2.8.1"}}"#);
    }

    #[test]
    fn the_same_by_hand_names_no_secret() {
        let given = [("version", "it's 2"), ("token", "hunter2")].map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) });
        let command = command(&"github.com".into(), "deploy.yml", &fixture::run(311), &given);
        assert_eq!(command.as_str(), r"gh workflow run deploy.yml --ref main -f 'version=it'\''s 2' -f 'token=••••' -R acme/cart");
    }
}
