//! What a run is started with beside its branch: the inputs that its CI declares, and the values that a person chose for them.

use crate::text::{Clean, Name, Raw, redact, secret};

/// One input, as its CI declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is called.
    pub name: Name,
    /// What it takes.
    pub kind: InputKind,
    /// What it is where nobody writes anything else.
    pub default: Raw,
    /// Whether it must not be empty.
    pub required: bool,
}

/// What an input takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(Vec<Name>),
    /// A list as JSON writes it.
    List,
}

/// All that a start takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What is declared, in that order.
    pub known: Vec<Input>,
    /// Whether it takes any other name too.
    pub open: bool,
}

/// An input and the value that was chosen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it is called.
    pub name: Name,
    /// Its value, as it is sent.
    pub value: Raw,
}

/// What stands for a secret.
const MASK: &str = "••••";
/// A secret of fewer letters can not be told from what is no secret.
const TELLING: usize = 4;
/// So many letters at the end of words are the beginning of one.
const CUT: usize = 8;
/// So much of an input is shown.
const SHOWN: usize = 60;
/// More of a default does not go into a line of text.
const LINE: usize = 2_000;

impl Given {
    fn hidden(&self) -> bool {
        let value = self.value.expose();
        !value.is_empty() && (secret(self.name.raw()) || redact(value) != value)
    }

    /// Its value, masked where that is a secret.
    pub fn shown_value(&self) -> Clean {
        if self.hidden() { Clean::from_static(MASK) } else { Clean::from_untrusted(self.value.expose()) }
    }

    /// `words` of others, who may say again what is secret of it: as it is, as JSON writes it, or its beginning where they were cut. What is shorter than a
    /// few letters is in every sentence.
    pub fn masked_in(&self, words: Clean) -> Clean {
        let value = Clean::from_untrusted(self.value.expose());
        if !self.hidden() || value.chars().count() < TELLING {
            return words;
        }
        let written = serde_json::to_string(value.as_str()).unwrap_or_default();
        let written = written.strip_prefix('"').and_then(|written| written.strip_suffix('"')).unwrap_or(value.as_str());
        let mut said = words.replace(value.as_str(), MASK).replace(written, MASK);
        let whole = said.trim_end_matches('…').len();
        let begun = value.char_indices().map(|(at, _)| &value[..at]).rfind(|begun| begun.chars().count() >= CUT && said[..whole].ends_with(begun));
        if let Some(begun) = begun {
            said.replace_range(whole - begun.len()..whole, MASK);
        }
        if said == words.as_str() { words } else { crate::clean!("{said}") }
    }

    /// `version=2.8.1`; of a secret its name alone.
    pub fn masked(&self) -> Clean {
        crate::clean!("{}={}", self.name, self.shown_value())
    }

    /// The beginning of the same, where there is no room for a long one.
    pub fn shown(&self) -> Clean {
        let masked = self.masked();
        match masked.char_indices().nth(SHOWN) {
            Some((end, _)) => crate::clean!("{}…", &masked[..end]),
            None => masked,
        }
    }
}

impl Input {
    /// The line that says its default. What is not one line is written as one, and is meant as long as nobody changes it.
    pub fn line(&self) -> String {
        format!("{}={}", self.name.raw(), flat(&self.default))
    }

    /// What it takes: `one of staging, production`.
    pub fn takes(&self) -> Clean {
        match &self.kind {
            InputKind::Text => Clean::from_static("any text"),
            InputKind::Number => Clean::from_static("a number"),
            InputKind::Flag => Clean::from_static("true or false"),
            InputKind::List => Clean::from_static("a list: [\"a\", \"b\"]"),
            InputKind::Choice(of) => crate::clean!("one of {}", of.iter().map(|one| one.clean().as_str()).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Why it does not take this value; none where it does.
    fn wrong(&self, value: &str) -> Option<Clean> {
        let fits = match &self.kind {
            InputKind::Text if value.is_empty() && self.required => return Some(crate::clean!("{} must be written", self.name)),
            _ if value.is_empty() && self.required => return Some(crate::clean!("{} must be written: {}", self.name, self.takes())),
            InputKind::Text => true,
            _ if value.is_empty() && self.default.is_empty() => true,
            InputKind::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            InputKind::Flag => matches!(value, "true" | "false"),
            InputKind::List => value.starts_with('[') && value.ends_with(']'),
            InputKind::Choice(of) => of.iter().any(|one| one.raw() == value),
        };
        (!fits).then(|| crate::clean!("{} takes {}", self.name, self.takes()))
    }
}

fn flat(text: &Raw) -> String {
    text.expose().chars().take(LINE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Inputs {
    /// Whether there is anything to write.
    pub fn any(&self) -> bool {
        self.open || !self.known.is_empty()
    }

    /// The input of this name.
    pub fn named(&self, name: &str) -> Option<&Input> {
        self.known.iter().find(|input| input.name.raw() == name)
    }

    /// What one line says; none where it says nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, line: &str) -> Result<Option<Given>, Clean> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let (name, value) = line.split_once('=').ok_or_else(|| Clean::from_static("a line has no =: write name=value"))?;
        let name = name.trim();
        let value = match self.named(name) {
            Some(input) if value == flat(&input.default) => input.default.clone(),
            Some(_) => Raw::new(value),
            None if name.is_empty() => return Err(Clean::from_static("a value has no name: write name=value")),
            None if self.open => Raw::new(value),
            None => return Err(crate::clean!("it takes no input {}", Name::new(name))),
        };
        let given = Given { name: Name::new(name), value };
        match self.refuses(std::slice::from_ref(&given), false) {
            Some(why) => Err(why),
            None => Ok(Some(given)),
        }
    }

    /// What all lines say together. What is empty and has no default is left to the CI.
    ///
    /// # Errors
    /// What is wrong with them, or missing.
    pub fn given<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Result<Vec<Given>, Clean> {
        let mut given: Vec<Given> = Vec::new();
        for one in lines.map(|line| self.read(line)) {
            let Some(one) = one? else { continue };
            if given.iter().any(|before| before.name == one.name) {
                return Err(crate::clean!("{} is written twice", one.name));
            }
            given.push(one);
        }
        let left = |one: &Given| one.value.is_empty() && self.named(one.name.raw()).is_some_and(|input| input.default.is_empty());
        given.retain(|one| !left(one));
        self.refuses(&given, true).map_or(Ok(given), Err)
    }

    /// Why it does not take these, as it is declared; with `all` also what is missing.
    pub fn refuses(&self, given: &[Given], all: bool) -> Option<Clean> {
        let wrong = given.iter().find_map(|one| match self.named(one.name.raw()) {
            Some(input) => input.wrong(one.value.expose()),
            None if self.open => None,
            None => Some(crate::clean!("it takes no input {}", one.name)),
        });
        let missing = |input: &&Input| all && input.required && given.iter().all(|one| one.name != input.name);
        wrong.or_else(|| self.known.iter().find(missing).and_then(|input| input.wrong("")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str, kind: InputKind, default: &str, required: bool) -> Input {
        Input { name: Name::new(name), kind, default: Raw::new(default), required }
    }

    fn declared() -> Inputs {
        let choice = InputKind::Choice(vec![Name::new("staging"), Name::new("eu prod")]);
        let known = vec![
            input("version", InputKind::Text, "", true),
            input("to", choice, "staging", true),
            input("dry", InputKind::Flag, "", false),
            input("notes", InputKind::Text, "one\ntwo", false),
        ];
        Inputs { known, open: false }
    }

    fn said(inputs: &Inputs, lines: &[&str]) -> Result<Vec<(String, String)>, String> {
        let given = inputs.given(lines.iter().copied()).map_err(|why| why.to_string())?;
        Ok(given.iter().map(|one| (one.name.raw().to_owned(), one.value.expose().to_owned())).collect())
    }

    #[test]
    fn what_is_written_is_what_is_sent() {
        let pairs = |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
        let inputs = declared();
        let lines: Vec<String> = inputs.known.iter().map(Input::line).collect();
        assert_eq!(lines, ["version=", "to=staging", "dry=", "notes=one two"]);
        let sent = said(&inputs, &["version=a=b", "to=eu prod", "dry=", "notes=one two", ""]);
        assert_eq!(sent, pairs(&[("version", "a=b"), ("to", "eu prod"), ("notes", "one\ntwo")]), "a default of two lines stays one");
        let sent = said(&inputs, &["version=1", "to=staging", "dry=true", "notes="]);
        assert_eq!(sent, pairs(&[("version", "1"), ("to", "staging"), ("dry", "true"), ("notes", "")]), "a default that is taken away is gone");
        assert_eq!(said(&Inputs { known: Vec::new(), open: true }, &["A=1", "B="]), pairs(&[("A", "1"), ("B", "")]));
    }

    #[test]
    fn what_can_not_be_sent_is_said() {
        for (lines, why) in [
            (&["version=", "to=staging"][..], "version must be written"),
            (&["to=staging"], "version must be written"),
            (&["version=1"], "to must be written: one of staging, eu prod"),
            (&["version=1", "to=production"], "to takes one of staging, eu prod"),
            (&["version=1", "to=staging", "dry=yes"], "dry takes true or false"),
            (&["version=1", "to=staging", "wet=true"], "it takes no input wet"),
            (&["version=1", "to=staging", "version=2"], "version is written twice"),
            (&["version=1", "to"], "a line has no ="),
            (&["=1"], "a value has no name"),
        ] {
            assert!(said(&declared(), lines).is_err_and(|said| said.contains(why)), "{lines:?}: {:?}", said(&declared(), lines));
        }
        let number = Inputs { known: vec![input("n", InputKind::Number, "3", false)], open: false };
        let list = Inputs { known: vec![input("l", InputKind::List, "", false)], open: false };
        assert!(said(&list, &["l=a, b"]).is_err() && said(&list, &["l=[1, \"b\"]"]).is_ok());
        assert!(said(&number, &["n=four"]).is_err() && said(&number, &["n="]).is_err() && said(&number, &["n=-2.5"]).is_ok());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = |name: &str, value: &str| Given { name: Name::new(name), value: Raw::new(value) }.shown().to_string();
        assert_eq!(shown("version", "2.8.1"), "version=2.8.1");
        assert_eq!(shown("DEPLOY_TOKEN", "hunter2"), "DEPLOY_TOKEN=••••");
        assert_eq!(shown("x", "glpat-0123456789abcdefghij"), "x=••••");
        assert!(shown("long", &"y".repeat(99)).ends_with("yy…"));
        assert!(!format!("{:?}", Given { name: Name::new("a"), value: Raw::new("hunter2") }).contains("hunter2"));
        let again = |name: &str, value: &str, words: &'static str| Given { name: Name::new(name), value: Raw::new(value) }.masked_in(words.into()).to_string();
        assert_eq!(again("api_token", "hunter2", "'hunter2' is no value for api_token"), "'••••' is no value for api_token");
        assert_eq!(again("version", "2.8.1", "2.8.1 is no version"), "2.8.1 is no version");
        assert_eq!(again("api_token", "a", "a branch is gone"), "a branch is gone");
        assert_eq!(again("api_token", "say \"please\"", r#"bad: {"v":"say \"please\""}"#), r#"bad: {"v":"••••"}"#);
        assert_eq!(again("api_token", "0123456789abcdef", "no value: 0123456789…"), "no value: ••••…");
        assert_eq!(again("api_token", "0123456789abcdef", "it ends with 0123"), "it ends with 0123");
    }
}
