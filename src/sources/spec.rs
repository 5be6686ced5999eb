//! Specifications as JSON: how two are compared, and how one is told leaf by leaf in an operator's terms, its secrets masked.

use crate::{
    clean,
    domain::{Leaf, Outline, Part},
    text::{Clean, Raw, redact},
};
use ring::{hmac, rand::SystemRandom};
use serde_json::Value;
use std::sync::LazyLock;

pub use crate::text::secret;

/// The hash by which what the operator saw is compared: SHA-256 in hex over its JSON with sorted keys.
pub fn hash(spec: &Value) -> Raw {
    let digest = ring::digest::digest(&ring::digest::SHA256, canonical(spec).as_bytes());
    Raw::new(&hex(digest.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text that two have in common if and only if they say the same.
pub fn canonical(value: &Value) -> String {
    match value {
        // Nothing and a null are one: a ControllerRevision writes `creationTimestamp: null` where a newer server writes nothing.
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            pairs.sort_by_key(|(key, _)| *key);
            let inner: Vec<_> = pairs.into_iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value))).collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// The key of the masks. It lives as long as this process: a mask tells that a value changed, and nothing else to anybody.
static KEY: LazyLock<Option<hmac::Key>> = LazyLock::new(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());

/// `value` as it may be shown under `name`: `•••• 3f9a` where it is secret.
pub fn shown(name: &str, value: &str) -> Clean {
    if !value.is_empty() && (secret(name) || redact(value) != value) { mask(value) } else { Clean::from_untrusted(value) }
}

/// A mask that changes with the value.
pub fn mask(value: &str) -> Clean {
    let Some(key) = KEY.as_ref() else { return Clean::from_static("••••") };
    let tag = hmac::sign(key, value.as_bytes());
    clean!("•••• {}", hex(&tag.as_ref()[..2]))
}

/// Leaves in the making.
#[derive(Default)]
pub struct Leaves(Vec<Leaf>);

impl Leaves {
    /// One leaf.
    pub fn leaf(&mut self, part: Part, path: &str, value: Clean) {
        self.0.push(Leaf { part, path: Clean::from_untrusted(path), value });
    }

    /// All scalars below `value`, with their paths.
    pub fn flat(&mut self, part: Part, path: &str, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| self.flat(part, &format!("{path}.{key}"), value)),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                let step = item.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                self.flat(part, &format!("{path}[{step}]"), item);
            }),
            Value::String(text) => {
                let name = path.rsplit(['.', '[']).next().unwrap_or(path);
                // References and labels are names of things, not the things.
                let reference = path.contains("Ref") || path.contains("ecretName") || part == Part::Volumes || part == Part::Probes;
                self.leaf(part, path, if reference { Clean::from_untrusted(text) } else { shown(name, text) });
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) => self.leaf(part, path, clean!("{value}")),
        }
    }

    /// All leaves of `outline`, their paths led by `lead`.
    pub fn under(&mut self, lead: &str, outline: Outline) {
        self.0.extend(outline.0.into_iter().map(|leaf| Leaf { path: clean!("{lead}{}", leaf.path), ..leaf }));
    }

    /// All of them, in their order.
    pub fn outline(mut self) -> Outline {
        self.0.sort();
        Outline(self.0)
    }
}

/// A command as a person types it, without the secrets in it.
pub fn words(value: &Value) -> Clean {
    let words = value.as_array().into_iter().flatten().map(|word| word.as_str().unwrap_or_default());
    let line = words.map(|word| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_owned() }).collect::<Vec<_>>().join(" ");
    let masked = redact(&line);
    if masked == line { Clean::from_untrusted(&line) } else { clean!("{masked} {}", mask(&line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_does_not_depend_on_the_order_of_keys_and_does_on_that_of_lists() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(hash(&parse(r#"{"a":1,"b":{"c":null,"d":"é"}}"#)), hash(&parse(r#"{"b":{"d":"é","c":null},"a":1}"#)));
        assert_ne!(hash(&parse("[1,2]")), hash(&parse("[2,1]")));
        assert_eq!(canonical(&parse(r#"{"b":[true,"\""],"a":{}}"#)), r#"{"a":{},"b":[true,"\""]}"#);
    }
}
