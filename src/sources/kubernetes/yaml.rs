//! A whole object as YAML, without what nobody reads and with its secrets masked.

use crate::{sources::spec, text::Clean};
use serde_json::Value;

/// Fields of metadata that only machines read.
const LEFT_OUT: &[&str] = &["managedFields", "selfLink"];
/// Annotations that repeat the whole object, secrets and all.
const REPEATS: &[&str] = &[super::template::LAST_APPLIED];

/// The lines of `object`.
pub fn lines(object: &Value) -> Vec<Clean> {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        LEFT_OUT.iter().for_each(|key| _ = metadata.shift_remove(*key));
        if let Some(notes) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            REPEATS.iter().for_each(|key| {
                if let Some(value) = notes.get_mut(*key) {
                    *value = "(left out: it repeats the object)".into();
                }
            });
        }
    }
    mask("", &mut object);
    let mut text = String::new();
    write(&mut text, 0, &object, false);
    Clean::lines(&text).collect()
}

/// Masks environment values and whatever looks like a secret, by the name beside it or by its shape.
fn mask(name: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str).map(str::to_owned);
            let reference = map.contains_key("key") && map.contains_key("name");
            for (key, value) in map.iter_mut() {
                let about = if key == "value" { named.as_deref().unwrap_or(key) } else { key };
                if !reference || key == "value" {
                    mask(about, value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(name, item)),
        Value::String(text) if !is_reference(name) => *text = spec::shown(name, text).to_string(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Keys whose values are names of things, though the keys sound like secrets.
fn is_reference(key: &str) -> bool {
    matches!(
        key,
        "name"
            | "secretName"
            | "key"
            | "mountPath"
            | "kind"
            | "apiVersion"
            | "namespace"
            | "uid"
            | "image"
            | "serviceAccountName"
            | "serviceAccount"
            | "topologyKey"
            | "automountServiceAccountToken"
    )
}

fn write(text: &mut String, depth: usize, value: &Value, in_list: bool) {
    let pad = |text: &mut String, first: bool| {
        if !(first && in_list) {
            text.push_str(&"  ".repeat(depth));
        }
    };
    match value {
        Value::Object(map) => {
            for (index, (key, value)) in map.iter().enumerate() {
                pad(text, index == 0);
                text.push_str(&scalar(key));
                text.push(':');
                nested(text, depth, value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pad(text, index == 0);
                text.push_str("- ");
                if leafy(item) { line(text, item) } else { write(text, depth + 1, item, true) }
            }
        }
        other => line(text, other),
    }
}

fn nested(text: &mut String, depth: usize, value: &Value) {
    match value {
        value if leafy(value) => {
            text.push(' ');
            line(text, value);
        }
        Value::Array(_) => {
            text.push('\n');
            write(text, depth, value, false);
        }
        _ => {
            text.push('\n');
            write(text, depth + 1, value, false);
        }
    }
}

fn leafy(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn line(text: &mut String, value: &Value) {
    match value {
        Value::String(string) => text.push_str(&scalar(string)),
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

/// A string as YAML: plain where it can not be taken for anything else, else quoted as JSON, which is YAML too.
fn scalar(string: &str) -> String {
    let plain_start = string.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '•' | '('));
    let plain = plain_start && !string.contains(": ") && !string.contains(" #") && !string.ends_with([':', ' ']) && !string.chars().any(char::is_control);
    let word = matches!(string.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "~");
    let number = string.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && string.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '_' | '-' | '+' | ':' | 'x' | 'o' | 'T' | 'Z'));
    if plain && !word && !number { string.to_owned() } else { Value::from(string).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(object: &Value) -> String {
        lines(object).iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn an_object_reads_as_yaml_again() {
        let object = json!({ "kind": "Pod", "metadata": { "name": "a", "labels": {}, "managedFields": [{}] },
            "spec": { "containers": [{ "name": "app", "args": ["--x", "yes", "1.0"], "env": [{ "name": "A", "value": "true" }] }], "count": 3, "t": "a: b", "time": "2026-01-01T00:00:00Z" } });
        let expected = "kind: Pod\nmetadata:\n  name: a\n  labels: {}\nspec:\n  containers:\n  - name: app\n    args:\n    - \"--x\"\n    - \"yes\"\n    - \"1.0\"\n    env:\n    - name: A\n      value: \"true\"\n  count: 3\n  t: \"a: b\"\n  time: \"2026-01-01T00:00:00Z\"\n";
        assert_eq!(text(&object), expected);
        let mut read: Value = serde_saphyr::from_str(expected).expect("it is YAML");
        read["metadata"]["managedFields"] = json!([{}]);
        assert_eq!(read, object);
    }

    #[test]
    fn secrets_do_not_get_through() {
        let object = json!({ "metadata": { "annotations": { (super::super::template::LAST_APPLIED): "{\"hunter2\":1}" } },
            "spec": { "containers": [{ "args": ["--password=hunter2"], "env": [{ "name": "DB_PASSWORD", "value": "hunter2" },
                { "name": "API", "valueFrom": { "secretKeyRef": { "name": "cart-api", "key": "token" } } }] }], "imagePullSecrets": [{ "name": "registry" }] } });
        let text = text(&object);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("cart-api") && text.contains("registry"), "{text}");
    }
}
