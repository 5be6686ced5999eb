//! One request that changes something: where it goes, and the form that it carries.

use crate::{
    clean,
    sources::{
        http::{Ask, Method, Url},
        jenkins::api::{Api, Login},
        spec,
    },
    text::Clean,
};

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    path: String,
    below: Vec<String>,
    query: Option<(&'static str, String)>,
    fields: Vec<Field>,
}

/// One field of its form, and how that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub name: String,
    pub value: String,
    pub shown: Clean,
}

impl Field {
    /// A field whose name tells whether it is a secret.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), shown: spec::shown(name, value) }
    }
}

impl Post {
    /// One to what is below a job, or with an empty path below the server.
    pub fn at(path: &str, below: &[&str]) -> Self {
        Self { path: path.to_owned(), below: below.iter().map(|part| (*part).to_owned()).collect(), query: None, fields: Vec::new() }
    }

    /// With a parameter of the URL.
    pub fn with(self, key: &'static str, value: &str) -> Self {
        Self { query: Some((key, value.to_owned())), ..self }
    }

    /// With a form.
    pub fn filled(self, fields: Vec<Field>) -> Self {
        Self { fields, ..self }
    }

    /// As it is sent.
    pub fn ask(&self) -> Ask {
        let pairs = || self.fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect();
        let empty = if self.fields.is_empty() { Ask::change(Method::POST, "", None) } else { Ask::post_form("", pairs()) };
        let below: Vec<&str> = self.below.iter().map(String::as_str).collect();
        let ask = Api::below(empty, &self.path, &below);
        self.query.iter().fold(ask, |ask, (key, value)| ask.with(key, value))
    }

    /// Where it goes.
    pub fn url(&self, login: &Login) -> Option<Url> {
        self.ask().url(&Url::parse(&login.url).ok()?).ok()
    }

    /// The same by hand: curl asks for the token itself.
    pub fn by_hand(&self, login: &Login) -> Clean {
        let user = login.token.as_ref().map(|(user, _)| format!(" -u {}", quoted(user))).unwrap_or_default();
        let url = self.url(login).map(|url| quoted(url.as_str())).unwrap_or_default();
        let fields: String = self.fields.iter().map(|field| format!(" --data-urlencode {}", quoted(&format!("{}={}", field.name, field.shown)))).collect();
        clean!("curl -X POST{user} {url}{fields}")
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
