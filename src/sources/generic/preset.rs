//! What is asked, and how it is understood: by a preset (`config/presets`), or as the table itself says.

use crate::{
    clean,
    config::Credential,
    sources::http::{Auth, HeaderName},
    text::Clean,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The presets by their names.
pub(super) const PRESETS: &[(&str, &str)] = &[
    ("azure", include_str!("../../../config/presets/azure.toml")),
    ("bitbucket", include_str!("../../../config/presets/bitbucket.toml")),
    ("buildkite", include_str!("../../../config/presets/buildkite.toml")),
    ("circleci", include_str!("../../../config/presets/circleci.toml")),
    ("drone", include_str!("../../../config/presets/drone.toml")),
    ("teamcity", include_str!("../../../config/presets/teamcity.toml")),
    ("woodpecker", include_str!("../../../config/presets/woodpecker.toml")),
];

/// How one system is asked for its runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    /// What people call it.
    pub title: String,
    /// Where it is; none where everybody has one of their own.
    pub url: Option<String>,
    /// The values that it needs, each with words for what it is.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// The path of its list below `url`, with `{value}` for values.
    #[serde(default)]
    pub path: String,
    /// The parameters, with `{count}` for as many as are wanted.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The most that one page has.
    #[serde(default = "hundred")]
    pub most: usize,
    /// How it knows us.
    #[serde(default)]
    pub token: Token,
    /// What a token must be, for whoever has another one.
    #[serde(default)]
    pub remedy: String,
    /// How its further pages are found.
    #[serde(default)]
    pub next: Next,
    /// The repository, where a run does not say it.
    #[serde(default)]
    pub repository: String,
    /// What one more request is made for, where the list tells no outcome.
    pub each: Option<Each>,
    /// What makes runs of an answer.
    pub runs: String,
}

const fn hundred() -> usize {
    100
}

/// How a system knows us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Token {
    /// `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// As a password, with no name of a user before it.
    Basic,
    /// A header of its own.
    Header(String),
}

impl Token {
    /// The same with a secret; a password where the table names a user.
    pub fn auth(&self, user: Option<&str>, credential: Option<&Credential>) -> Result<Option<Auth>, Clean> {
        let Some(credential) = credential else { return Ok(None) };
        let basic = |user: &str| Auth::Basic { user: user.to_owned(), password: credential.clone() };
        Ok(Some(match (user, self) {
            (Some(user), _) => basic(user),
            (None, Self::Basic) => basic(""),
            (None, Self::Bearer) => Auth::Bearer(credential.clone()),
            (None, Self::Header(_)) => Auth::Header(self.header()?, credential.clone()),
        }))
    }

    /// The header that it is sent in.
    pub fn header(&self) -> Result<HeaderName, Clean> {
        let name = match self {
            Self::Bearer | Self::Basic => "authorization",
            Self::Header(name) => name,
        };
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| clean!("`{}` is not the name of a header", Clean::from_untrusted(name)))
    }
}

/// How further pages are found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Next {
    /// `Link: rel="next"`.
    #[default]
    Link,
    /// This parameter counts them from 1; a page that is not full is the last.
    Count(String),
    /// This header has the value of this parameter.
    Header(String, String),
    /// This field of the answer has the value of this parameter.
    Field(String, String),
}

/// One more request for each of what a list tells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Each {
    /// What makes things of the answer of the list.
    pub items: String,
    /// The path of what is asked of one, with `{field}` for a field of it. The answer is mapped as `{ of: the thing, answer }`.
    pub path: String,
}

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Result<Self, Clean> {
        let Some((_, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
            let known = PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(clean!("there is no preset of this name; known are {known}. Without a preset write url and runs"));
        };
        toml::from_str(text).map_err(|error| clean!("the preset can not be read: {}", error.message()))
    }

    /// What of its values is missing, and what is given and not known.
    pub fn wrong_values(&self, given: &BTreeMap<String, String>) -> Option<Clean> {
        let empty = |name: &str| given.get(name).is_none_or(|value| value.trim().is_empty());
        let missing = self.values.iter().find(|(name, _)| empty(name));
        let missing = missing.map(|(name, what)| clean!("`{name}` is missing: {what}; write values = {{ {name} = \"…\" }}"));
        let known = || match self.values.is_empty() {
            true => Clean::from_static("it needs none"),
            false => clean!("it needs {}", self.values.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        let unknown = given.keys().find(|name| !self.values.contains_key(*name));
        missing.or_else(|| unknown.map(|name| clean!("`{}` is no value of {}; {}", Clean::from_untrusted(name), self.title, known())))
    }
}

/// `text` with `{name}` for what `value` has under that name.
pub(super) fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(&value(name).unwrap_or_default());
        rest = after;
    }
    out + rest
}
