//! Checks written answers against the descriptions that the systems publish, where those are at hand.

use serde_json::Value;
use std::path::Path;

/// What is wrong with `answer` as the 200 of `GET path` by the description `spec` (such as `alertmanager/openapi-v2-0.34.0.yaml`);
/// none where there is no such file here, which is told.
pub(crate) fn faults(spec: &str, path: &str, answer: &Value) -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared/specs", "../../shared/specs"].iter().find_map(|dir| std::fs::read_to_string(root.join(dir).join(spec)).ok());
    let Some(text) = found else {
        eprintln!("{spec} is not here: the answer of {path} is not checked against it");
        return None;
    };
    let spec: Value = serde_saphyr::from_str(&text).expect("a description is YAML");
    let ok = &spec["paths"][path]["get"]["responses"]["200"];
    let schema = if ok["schema"].is_object() { &ok["schema"] } else { &ok["content"]["application/json"]["schema"] };
    assert!(schema.is_object(), "{path} is not described");
    let mut faults = Vec::new();
    check(&spec, schema, answer, "", &mut faults);
    Some(faults)
}

fn check(spec: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let target = spec.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target} is not described"));
        return check(spec, target, value, at, faults);
    }
    let fits = |schema: &Value| {
        let mut inner = Vec::new();
        check(spec, schema, value, at, &mut inner);
        inner.is_empty()
    };
    for word in ["oneOf", "anyOf"] {
        if schema[word].as_array().is_some_and(|choices| !choices.iter().any(fits)) {
            faults.push(format!("{at}: none of {word}: {value}"));
        }
    }
    each(&schema["allOf"]).for_each(|part| check(spec, part, value, at, faults));
    if !is_type(&schema["type"], value) {
        return faults.push(format!("{at}: {} is wanted, not {value}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        faults.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if let Some(fields) = value.as_object() {
        each(&schema["required"]).filter_map(Value::as_str).filter(|key| !fields.contains_key(*key)).for_each(|key| faults.push(format!("{at}: no {key}")));
        for (key, value) in fields {
            let inner = Some(&schema["properties"][key]).filter(|inner| inner.is_object()).unwrap_or(&schema["additionalProperties"]);
            check(spec, inner, value, &format!("{at}/{key}"), faults);
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        check(spec, &schema["items"], value, &format!("{at}/{index}"), faults);
    }
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn is_type(wanted: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    };
    match wanted {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(one),
        _ => true,
    }
}
