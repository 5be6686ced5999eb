//! A template leaf by leaf, in an operator's terms, with its secrets masked.

use crate::{
    clean,
    domain::{Outline, Part},
    sources::spec::{Leaves, shown, words},
};
use serde_json::Value;

/// The outline of a pod template.
pub fn outline(template: &Value) -> Outline {
    let mut leaves = Leaves::default();
    let spec = template.get("spec").unwrap_or(&Value::Null);
    for (list, prefix) in [("initContainers", "init "), ("containers", "")] {
        for container in spec.get(list).and_then(Value::as_array).into_iter().flatten() {
            let name = container.get("name").and_then(Value::as_str).unwrap_or("?");
            leaves.container(&format!("{prefix}{name}"), container);
        }
    }
    for volume in spec.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        leaves.volume(volume);
    }
    for (key, value) in spec.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "containers" | "initContainers" | "volumes") {
            leaves.flat(Part::Other, key, value);
        }
    }
    for section in ["labels", "annotations"] {
        if let Some(value) = template.pointer(&format!("/metadata/{section}")) {
            leaves.flat(Part::Other, section, value);
        }
    }
    leaves.outline()
}

impl Leaves {
    fn container(&mut self, name: &str, container: &Value) {
        for (key, value) in container.as_object().into_iter().flatten() {
            match key.as_str() {
                "name" => {}
                "image" => self.leaf(Part::Image, name, clean!("{}", value.as_str().unwrap_or_default())),
                "env" => value.as_array().into_iter().flatten().for_each(|variable| self.variable(name, variable)),
                "envFrom" => value.as_array().into_iter().flatten().for_each(|from| self.env_from(name, from)),
                "command" | "args" => self.leaf(Part::Command, &format!("{name}: {key}"), words(value)),
                "resources" => value.as_object().into_iter().flatten().for_each(|(key, value)| self.flat(Part::Resources, &format!("{name}: {key}"), value)),
                "livenessProbe" | "readinessProbe" | "startupProbe" => {
                    let short = key.trim_end_matches("Probe");
                    self.flat(Part::Probes, &format!("{name}: {short}"), value);
                }
                "volumeMounts" | "volumeDevices" => value.as_array().into_iter().flatten().for_each(|mount| self.mount(name, mount)),
                other => self.flat(Part::Other, &format!("{name}: {other}"), value),
            }
        }
    }

    fn variable(&mut self, container: &str, variable: &Value) {
        let name = variable.get("name").and_then(Value::as_str).unwrap_or("?");
        let path = format!("{container}: {name}");
        let text = |pointer: &str| variable.pointer(pointer).and_then(Value::as_str);
        let value = match (
            text("/valueFrom/secretKeyRef/name"),
            text("/valueFrom/configMapKeyRef/name"),
            text("/valueFrom/fieldRef/fieldPath"),
            text("/valueFrom/resourceFieldRef/resource"),
        ) {
            (Some(secret), ..) => clean!("Secret {secret}, key {}", text("/valueFrom/secretKeyRef/key").unwrap_or("?")),
            (_, Some(map), ..) => clean!("ConfigMap {map}, key {}", text("/valueFrom/configMapKeyRef/key").unwrap_or("?")),
            (.., Some(field), _) => clean!("field {field}"),
            (.., Some(resource)) => clean!("resource {resource}"),
            _ => shown(name, text("/value").unwrap_or_default()),
        };
        self.leaf(Part::Environment, &path, value);
    }

    fn env_from(&mut self, container: &str, from: &Value) {
        let prefix = from.get("prefix").and_then(Value::as_str).unwrap_or_default();
        for (kind, key) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
            if let Some(name) = from.pointer(&format!("/{key}/name")).and_then(Value::as_str) {
                self.leaf(Part::Environment, &format!("{container}: {prefix}*"), clean!("all of {kind} {name}"));
            }
        }
    }

    fn mount(&mut self, container: &str, mount: &Value) {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let path = if text("mountPath").is_empty() { text("devicePath") } else { text("mountPath") };
        let read_only = mount.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        let sub = if text("subPath").is_empty() { String::new() } else { format!(", {}", text("subPath")) };
        self.leaf(Part::Volumes, &format!("{container}: {path}"), clean!("{}{sub}{}", text("name"), if read_only { ", read only" } else { "" }));
    }

    fn volume(&mut self, volume: &Value) {
        let name = volume.get("name").and_then(Value::as_str).unwrap_or("?");
        for (kind, value) in volume.as_object().into_iter().flatten().filter(|(key, _)| *key != "name") {
            match value.as_object().is_some_and(serde_json::Map::is_empty) {
                true => self.leaf(Part::Volumes, name, clean!("{kind}")),
                false => self.flat(Part::Volumes, &format!("{name}: {kind}"), value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn leaves(template: &Value) -> Vec<(Part, String, String)> {
        outline(template).0.into_iter().map(|leaf| (leaf.part, leaf.path.to_string(), leaf.value.to_string())).collect()
    }

    fn template(password: &str) -> Value {
        json!({ "metadata": { "labels": { "app": "cart" } }, "spec": {
            "serviceAccountName": "cart",
            "volumes": [{ "name": "tmp", "emptyDir": {} }, { "name": "conf", "configMap": { "name": "cart-conf" } }],
            "containers": [{ "name": "app", "image": "cart:2.8.0", "args": ["--listen", ":8080"],
                "env": [{ "name": "LOG_LEVEL", "value": "info" }, { "name": "DB_PASSWORD", "value": password }, { "name": "URL", "value": "postgres://u:hunter2@db/x" },
                    { "name": "API", "valueFrom": { "secretKeyRef": { "name": "cart-api", "key": "token" } } }],
                "resources": { "limits": { "cpu": "500m" } }, "readinessProbe": { "httpGet": { "path": "/healthz", "port": 8080 } },
                "volumeMounts": [{ "name": "conf", "mountPath": "/etc/cart", "readOnly": true }] }] } })
    }

    #[test]
    fn a_template_is_told_in_an_operators_terms() {
        let all = leaves(&template("hunter2"));
        let has =
            |part, path: &str, value: &str| assert!(all.iter().any(|leaf| *leaf == (part, path.to_owned(), value.to_owned())), "{path} = {value} in {all:#?}");
        has(Part::Image, "app", "cart:2.8.0");
        has(Part::Environment, "app: LOG_LEVEL", "info");
        has(Part::Environment, "app: API", "Secret cart-api, key token");
        has(Part::Command, "app: args", "--listen :8080");
        has(Part::Resources, "app: limits.cpu", "500m");
        has(Part::Probes, "app: readiness.httpGet.path", "/healthz");
        has(Part::Volumes, "app: /etc/cart", "conf, read only");
        has(Part::Volumes, "tmp", "emptyDir");
        has(Part::Volumes, "conf: configMap.name", "cart-conf");
        has(Part::Other, "serviceAccountName", "cart");
        has(Part::Other, "labels.app", "cart");
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]), "sorted");
    }

    #[test]
    fn secrets_are_masked_so_that_a_change_still_shows() {
        let value =
            |password| leaves(&template(password)).into_iter().find(|(_, path, _)| path == "app: DB_PASSWORD").map(|(_, _, value)| value).expect("it is there");
        assert!(value("hunter2").starts_with("•••• ") && !value("hunter2").contains("hunter2"));
        assert_eq!(value("hunter2"), value("hunter2"));
        assert_ne!(value("hunter2"), value("hunter3"));
        assert!(leaves(&template("x")).iter().all(|(_, _, value)| !value.contains("hunter2")), "a password inside a URL is one too");
    }
}
