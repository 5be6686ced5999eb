//! What a pipeline asks somebody, and the answer to it.

use super::{
    now::Pages,
    post::{Field, Post},
};
use crate::{
    clean,
    domain::{CheckKind, Finding, Held, Verb},
    sources::{
        SourceError,
        ci::Rows,
        jenkins::api::{Api, Need, Way},
        spec,
    },
    text::{Clean, Name, Raw},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// So much of a question is shown.
const SHOWN: usize = 60;

/// One question.
#[derive(Debug)]
pub(super) struct Input {
    /// How Jenkins knows it.
    pub id: String,
    message: String,
    wants: Wants,
}

/// What an answer must hold beside yes or no.
#[derive(Debug)]
enum Wants {
    Nothing,
    Values(Vec<Wanted>),
    /// Something, and nobody tells what.
    Untold,
}

/// One value, and what it is where nobody writes another; none where it must be written.
#[derive(Debug)]
struct Wanted {
    name: String,
    value: Option<Value>,
}

/// As Stage View tells it. Older ones tell nothing of the values, and show by the address whether there are any.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Pending {
    id: Option<String>,
    message: Option<String>,
    inputs: Option<Rows<Definition>>,
    #[serde(rename = "proceedUrl")]
    proceed: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    definition: Option<Value>,
}

/// As Pipeline Graph View tells it, among the steps.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Steps {
    data: Option<Listed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    steps: Option<Rows<Step>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    state: Option<String>,
    #[serde(rename = "inputStep")]
    input: Option<Asked>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    id: Option<String>,
    message: Option<String>,
    parameters: Option<bool>,
}

impl Definition {
    /// The value of somebody who presses "proceed" and writes nothing. An empty text is none: whoever asks for one wants one.
    fn wanted(self) -> Wanted {
        let default = self.definition.as_ref().and_then(|definition| definition.get("defaultVal")).cloned();
        let value = default.filter(|value| match self.kind.as_str() {
            "BooleanParameterDefinition" => value.is_boolean(),
            "StringParameterDefinition" | "TextParameterDefinition" | "ChoiceParameterDefinition" => value.as_str().is_some_and(|text| !text.is_empty()),
            // Passwords, files, credentials, and what plugins bring along.
            _ => false,
        });
        Wanted { name: self.name, value }
    }
}

impl Pending {
    fn input(self) -> Option<Input> {
        let empty = self.proceed.as_deref().is_some_and(|url| url.ends_with("/proceedEmpty"));
        let wants = match self.inputs {
            Some(inputs) if inputs.all == 0 => Wants::Nothing,
            Some(Rows { read, lost: None, .. }) => Wants::Values(read.into_iter().map(Definition::wanted).collect()),
            Some(_) => Wants::Untold,
            None if empty => Wants::Nothing,
            None => Wants::Untold,
        };
        Some(Input { id: self.id.filter(|id| !id.is_empty())?, message: self.message.unwrap_or_default(), wants })
    }
}

impl Step {
    fn input(self) -> Option<Input> {
        let paused = self.state.as_deref().is_none_or(|state| state.eq_ignore_ascii_case("paused"));
        let asked = self.input.filter(|_| paused)?;
        let wants = if asked.parameters == Some(false) { Wants::Nothing } else { Wants::Untold };
        Some(Input { id: asked.id.filter(|id| !id.is_empty())?, message: asked.message.unwrap_or_default(), wants })
    }
}

/// What a list of Stage View asks.
pub(super) fn of_stage_view(list: Rows<Pending>) -> Vec<Input> {
    list.read.into_iter().filter_map(Pending::input).collect()
}

/// What a build asks now, by the plugin that is there; none where none tells.
pub(super) async fn read(api: &Api, path: &str, number: u64) -> Result<Option<Vec<Input>>, SourceError> {
    let build = number.to_string();
    let view = matches!(api.way(), Way::Unknown | Way::StageView);
    if view && let Some(list) = api.find_for::<Rows<Pending>>(Need::Change, path, Api::ask(path, &[&build, "wfapi", "pendingInputActions"])).await? {
        return Ok(Some(of_stage_view(list)));
    }
    let graph = matches!(api.way(), Way::Unknown | Way::GraphView);
    if graph && let Some(told) = api.find_for::<Steps>(Need::Change, path, Api::ask(path, &[&build, "stages", "allSteps"])).await? {
        let steps = told.data.and_then(|data| data.steps).unwrap_or_default().read;
        return Ok(Some(steps.into_iter().filter_map(Step::input).collect()));
    }
    Ok(None)
}

impl Input {
    /// The question in one line.
    fn words(&self) -> String {
        let line = self.message.lines().next().map(str::trim).filter(|line| !line.is_empty()).unwrap_or(&self.id);
        let short: String = line.chars().take(SHOWN).collect();
        if short.len() < line.len() { format!("{short}…") } else { short }
    }

    /// What holds the run.
    pub fn held(&self) -> Held {
        Held { environment: Name::new(&format!("\"{}\"", self.words())), key: Raw::new(&self.id), ours: None, asks: Vec::new() }
    }

    /// The request that says yes or no to it, where what yes must hold is known.
    pub fn answer(&self, verb: Verb, path: &str, build: &str) -> Option<Post> {
        let post = |what: &str| Post::at(path, &[build, "input", &self.id, what]);
        match &self.wants {
            _ if verb == Verb::Reject => Some(post("abort")),
            Wants::Nothing => Some(post("proceedEmpty")),
            // What is left out becomes nothing at all: each value is sent, also where it is the default.
            Wants::Values(values) => {
                let form = |shown: bool| {
                    let one = |wanted: &Wanted| Some(json!({ "name": wanted.name, "value": if shown { wanted.shown()? } else { wanted.value.clone()? } }));
                    let all: Option<Vec<Value>> = values.iter().map(one).collect();
                    Some(json!({ "parameter": all? }).to_string())
                };
                let field = Field { name: "json".into(), value: form(false)?, shown: clean!("{}", form(true)?) };
                Some(post("proceed").filled(vec![field]))
            }
            Wants::Untold => None,
        }
    }
}

impl Wanted {
    /// Its default as it may be shown.
    fn shown(&self) -> Option<Value> {
        self.value.as_ref().map(|value| value.as_str().map_or_else(|| value.clone(), |text| Value::from(spec::shown(&self.name, text).as_str())))
    }
}

/// Whether the answer can be given.
pub(super) fn finding(verb: Verb, asks: Option<&[Input]>, pages: &Pages) -> Finding {
    let kind = CheckKind::Pipeline;
    let there = || Some(clean!("answer it at {}input/", pages.build));
    let one = match asks {
        None => return kind.block("what it asks is not told: neither Pipeline: Stage View nor Pipeline Graph View is there", there()),
        Some([]) => return kind.block("it asks nobody anything", None),
        Some([one]) => one,
        Some(several) => {
            let words: Vec<String> = several.iter().map(Input::words).collect();
            return kind.block(clean!("it asks several things at once: {}", words.join("; ")), there());
        }
    };
    let asks = one.words();
    match (&one.wants, verb) {
        (_, Verb::Reject) => kind.ok(clean!("it asks: {asks}")),
        (Wants::Nothing, _) => kind.ok(clean!("it asks: {asks}")),
        (Wants::Untold, _) => kind.block(clean!("it wants values, and which ones is not told: {asks}"), there()),
        (Wants::Values(values), _) => {
            let open: Vec<&str> = values.iter().filter(|wanted| wanted.value.is_none()).map(|wanted| wanted.name.as_str()).collect();
            if !open.is_empty() {
                return kind.block(clean!("it wants what has no default, or is a secret or a file: {}", open.join(", ")), there());
            }
            let told = |wanted: &Wanted| Some(format!("{}={}", wanted.name, plain(&wanted.shown()?)));
            let all: Vec<String> = values.iter().filter_map(told).collect();
            kind.warn(clean!("it is answered with its defaults: {}", all.join(", ")), there())
        }
    }
}

fn plain(value: &Value) -> Clean {
    value.as_str().map_or_else(|| clean!("{value}"), Clean::from_untrusted)
}
