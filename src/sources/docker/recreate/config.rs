//! What somebody set for a container, told apart from what came with its image.
//!
//! The engine merges the two and answers the sum. Sent back as it is it would freeze the defaults of the image that is left (its `PATH`, its
//! command, its labels) over the one that is gone back to: so they are taken out first, and the engine merges anew.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Lists and maps of which the image's own entries are taken out one by one.
const MAPS: [&str; 3] = ["Labels", "Volumes", "ExposedPorts"];
/// What belongs to an image, or to the container that is left, and never to the next one.
const DROPPED: [&str; 3] = ["Image", "OnBuild", "ArgsEscaped"];

fn object<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value[key].as_object().into_iter().flatten()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The part of a container's `config` that did not come with the `image` whose own configuration that is.
pub fn set_by_hand(config: &Value, image: &Value) -> Object {
    let mut set = Object::new();
    for (key, value) in config.as_object().into_iter().flatten() {
        let own = match key.as_str() {
            "Env" => Value::Array(list(config, key).filter(|one| !list(image, key).any(|other| other == *one)).cloned().collect()),
            "Healthcheck" => Value::Object(object(config, key).filter(|(field, value)| image[key][*field] != **value).map(pair).collect()),
            "Cmd" | "Entrypoint" => continue,
            key if DROPPED.contains(&key) => continue,
            key if MAPS.contains(&key) => Value::Object(object(config, key).filter(|(name, value)| image[key].get(*name) != Some(value)).map(pair).collect()),
            key if image.get(key) == Some(value) => continue,
            _ => value.clone(),
        };
        if !empty(&own) {
            set.insert(key.clone(), own);
        }
    }
    set.extend(command(config, image));
    set
}

fn pair((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// An entry point that is set switches the image's command off; without one the image's entry point stays, whatever the command.
fn command(config: &Value, image: &Value) -> Object {
    let same = |key: &str| config[key] == image[key] || (empty(&config[key]) && empty(&image[key]));
    let kept = |key: &str| (key.to_owned(), if empty(&config[key]) { json!([]) } else { config[key].clone() });
    match (same("Entrypoint"), same("Cmd")) {
        (true, true) => Object::new(),
        (true, false) if !empty(&config["Cmd"]) => [kept("Cmd")].into_iter().collect(),
        // An entry point that only repeats the image's has still switched the command off.
        (_, false) | (false, true) => [kept("Entrypoint"), kept("Cmd")].into_iter().collect(),
    }
}

/// What the engine makes of what was `set` and of an `image`, by its own rules.
pub fn merged(set: &Object, image: &Value) -> Value {
    let mut whole: Object = image.as_object().into_iter().flatten().filter(|(key, _)| !DROPPED.contains(&key.as_str())).map(pair).collect();
    for (key, value) in set {
        let sum = match key.as_str() {
            "Env" => environment(value, &image["Env"]),
            key if key == "Healthcheck" || MAPS.contains(&key) => {
                let both = object(image, key).chain(value.as_object().into_iter().flatten());
                Value::Object(both.map(pair).collect())
            }
            _ => value.clone(),
        };
        whole.insert(key.clone(), sum);
    }
    Value::Object(whole)
}

/// Variables that were set, then the image's others.
fn environment(set: &Value, image: &Value) -> Value {
    let name = |variable: &Value| variable.as_str().unwrap_or_default().split('=').next().unwrap_or_default().to_owned();
    let own: Vec<Value> = set.as_array().cloned().unwrap_or_default();
    let others = image.as_array().into_iter().flatten().filter(|variable| !own.iter().any(|other| name(other) == name(variable)));
    Value::Array(own.iter().chain(others).cloned().collect())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
