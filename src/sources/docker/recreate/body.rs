//! The container that takes the place of another: the same but for its image.

use super::{
    config::set_by_hand,
    names::{LEFT, OPERATION, REFERENCE},
};
use crate::{clean, domain::OpId, text::Clean};
use serde_json::{Map, Value, json};

/// The label by which compose remembers which image a container was made from.
const COMPOSE_IMAGE: &str = "com.docker.compose.image";
/// Networks that no setting of a container is kept for.
const BUILT_IN: [&str; 5] = ["", "default", "bridge", "host", "none"];

/// An image to make a container from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub id: String,
    /// What it is asked for by: a name that stands for this very image now, or the id.
    pub reference: String,
    /// What people call it, where it is asked for by the id.
    pub called: Option<String>,
}

/// A container to be made.
#[derive(Debug, PartialEq)]
pub struct Body {
    /// What is posted.
    pub create: Value,
    /// The networks that it joins before it starts, by id, each with its settings. The engine takes one with the first request, and others
    /// only from API 1.44 on.
    pub joins: Vec<(String, Value)>,
}

/// What makes it impossible to make the container `whole` once more as it is: each with what to do instead.
pub fn obstacles(whole: &Value) -> Vec<Clean> {
    let host = &whole["HostConfig"];
    let mut found = Vec::new();
    if host["AutoRemove"] == true {
        found.push(Clean::from_static("it was started with --rm: it is gone as soon as it stops, and could not be brought back"));
    }
    for (key, what) in [("NetworkMode", "network"), ("IpcMode", "memory"), ("PidMode", "processes")] {
        if let Some(other) = host[key].as_str().and_then(|mode| mode.strip_prefix("container:")) {
            found.push(clean!("it shares the {what} of another container ({})", other.get(..12).unwrap_or(other)));
        }
    }
    let networks = || whole["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
    let links = |value: &Value| value["Links"].as_array().is_some_and(|links| !links.is_empty());
    if links(host) || networks().any(|(_, one)| links(one)) {
        found.push(Clean::from_static("it has links to other containers (--link), which the engine writes down for this very container"));
    }
    let mode = host["NetworkMode"].as_str().unwrap_or_default();
    if !BUILT_IN.contains(&mode) && !mode.contains(':') && primary(whole).is_none() {
        found.push(clean!("it was taken out of its network {mode}, and a new one would begin there"));
    }
    found
}

/// The network that the first request names, where it is one with settings: its name and its endpoint.
fn primary(whole: &Value) -> Option<(&String, &Value)> {
    let mode = whole["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    let mut networks = whole["NetworkSettings"]["Networks"].as_object()?.iter();
    networks.find(|(name, one)| !BUILT_IN.contains(&mode) && (*name == mode || one["NetworkID"] == mode))
}

/// The container that takes the place of `whole`, whose image has the configuration `image`, by `operation`; `host` is the engine's name.
pub fn body(whole: &Value, image: &Value, wanted: &Wanted, operation: &OpId, host: &str) -> Body {
    let mut create = set_by_hand(&whole["Config"], image);
    let id = whole["Id"].as_str().unwrap_or_default();
    let given = |name: &str| (name.len() == 12 && id.starts_with(name)) || (whole["HostConfig"]["NetworkMode"] == "host" && name == host);
    if create.get("Hostname").and_then(Value::as_str).is_some_and(given) {
        create.remove("Hostname");
    }
    // What looks like one that the engine made from the address would follow the container to another address.
    if create.get("MacAddress").and_then(Value::as_str).is_some_and(|address| address.starts_with("02:42:")) {
        create.remove("MacAddress");
    }
    create.insert("Image".into(), json!(wanted.reference));
    create.insert("Labels".into(), labels(create.get("Labels"), whole, wanted, operation));
    create.insert("HostConfig".into(), host_config(whole));
    let first = primary(whole);
    if let Some((_, endpoint)) = first {
        let mode = whole["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
        create.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": { mode: settings(endpoint, id) } }));
    }
    let others = whole["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
    let others = others.filter(|(name, _)| !BUILT_IN.contains(&name.as_str()) && first.is_none_or(|(first, _)| first != *name));
    let joins = others.map(|(_, one)| (one["NetworkID"].as_str().unwrap_or_default().to_owned(), settings(one, id))).collect();
    Body { create: Value::Object(create), joins }
}

fn labels(set: Option<&Value>, whole: &Value, wanted: &Wanted, operation: &OpId) -> Value {
    let mut labels: Map<String, Value> = set.and_then(Value::as_object).cloned().unwrap_or_default();
    labels.remove(REFERENCE);
    if labels.contains_key(COMPOSE_IMAGE) {
        labels.insert(COMPOSE_IMAGE.into(), json!(wanted.id));
    }
    labels.insert(OPERATION.into(), json!(operation.as_str()));
    labels.insert(LEFT.into(), whole["Image"].clone());
    labels.extend(wanted.called.as_ref().map(|name| (REFERENCE.to_owned(), json!(name))));
    Value::Object(labels)
}

/// The same, with the volumes that were made for the container: they hold its data, and only the result names them.
fn host_config(whole: &Value) -> Value {
    let mut host = whole["HostConfig"].clone();
    let Some(fields) = host.as_object_mut() else { return host };
    fields.remove("ContainerIDFile");
    let result: Vec<&Value> = whole["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume").collect();
    let mut mounts: Vec<Value> = fields.get("Mounts").and_then(Value::as_array).cloned().unwrap_or_default();
    for mount in &mut mounts {
        let nameless = mount["Type"] == "volume" && mount["Source"].as_str().unwrap_or_default().is_empty();
        if let Some(found) = result.iter().find(|found| nameless && found["Destination"] == mount["Target"]) {
            mount["Source"] = found["Name"].clone();
        }
    }
    let bound = |target: &str| {
        let binds = fields.get("Binds").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        binds.map(|bind| bind.split(':').nth(1).unwrap_or(bind)).any(|to| to == target) || mounts.iter().any(|mount| mount["Target"] == target)
    };
    let made: Vec<Value> = result
        .iter()
        .filter(|mount| !bound(mount["Destination"].as_str().unwrap_or_default()))
        .map(|mount| json!({ "Type": "volume", "Source": mount["Name"], "Target": mount["Destination"], "ReadOnly": mount["RW"] == false }))
        .collect();
    mounts.extend(made);
    if !mounts.is_empty() {
        fields.insert("Mounts".into(), Value::Array(mounts));
    }
    host
}

/// What somebody set for the end of a network: the rest is what the engine made of it.
fn settings(endpoint: &Value, id: &str) -> Value {
    let mut kept: Map<String, Value> = ["IPAMConfig", "DriverOpts", "GwPriority"]
        .iter()
        .filter_map(|key| endpoint.get(*key).filter(|value| !value.is_null()).map(|value| ((*key).to_owned(), value.clone())))
        .collect();
    // Up to API 1.44 the engine's own alias, the short id, stands among them.
    let own = |alias: &Value| alias.as_str().is_some_and(|alias| alias.len() == 12 && id.starts_with(alias));
    let aliases: Vec<Value> = endpoint["Aliases"].as_array().into_iter().flatten().filter(|alias| !own(alias)).cloned().collect();
    if !aliases.is_empty() {
        kept.insert("Aliases".into(), Value::Array(aliases));
    }
    Value::Object(kept)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
