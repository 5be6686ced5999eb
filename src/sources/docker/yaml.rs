//! An object as YAML that a person reads, its secrets masked.

use crate::{
    sources::spec::secret,
    text::{Clean, redact},
};
use serde_json::Value;

/// What stands where a secret was.
const MASK: &str = "••••";
/// The lines of `value`. Environment variables and labels with secret names lose their values, and whatever looks like a secret is masked wherever it stands.
pub fn lines(value: &Value) -> Vec<Clean> {
    let mut out = Vec::new();
    write(value, 0, "", &mut out);
    out.iter().map(|line| Clean::from_untrusted(line)).collect()
}

/// Writes `value` behind `before`, which ends in a key or a dash or is empty.
fn write(value: &Value, depth: usize, before: &str, out: &mut Vec<String>) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(map) if map.is_empty() => out.push(format!("{before} {{}}")),
        Value::Array(items) if items.is_empty() => out.push(format!("{before} []")),
        Value::Object(map) => {
            // The first entry of an item stands behind its dash.
            let mut head = before.strip_suffix('-').map(|_| format!("{before} "));
            if head.is_none() && !before.is_empty() {
                out.push(before.to_owned());
            }
            for (key, value) in map {
                let begin = head.take().unwrap_or_else(|| pad.clone());
                let name = scalar(key);
                match value {
                    Value::String(text) if secret(key) && !text.is_empty() => out.push(format!("{begin}{name}: {MASK}")),
                    value => write(value, depth + 1, &format!("{begin}{name}:"), out),
                }
            }
        }
        Value::Array(items) => {
            if !before.is_empty() {
                out.push(before.to_owned());
            }
            items.iter().for_each(|item| write(item, depth + 1, &format!("{pad}-"), out));
        }
        Value::String(text) => out.push(format!("{before} {}", scalar(&shown(text)))),
        other => out.push(format!("{before} {other}")),
    }
}

/// A text as it may be shown: `NAME=value` of a secret name loses its value.
fn shown(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if !value.is_empty() && !name.contains(char::is_whitespace) && secret(name.trim_start_matches('-')) => format!("{name}={MASK}"),
        _ => redact(text).into_owned(),
    }
}

/// A scalar, quoted where YAML would read something else.
fn scalar(text: &str) -> String {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"/_".contains(&byte));
    let reserved = matches!(&*text.to_ascii_lowercase(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    let plain = begins
        && !reserved
        && text.bytes().all(|byte| word(byte) || b":=@ ,".contains(&byte) || byte >= 0x80)
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    if plain { text.to_owned() } else { serde_json::to_string(text).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        lines(value).iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn it_reads_as_yaml_and_says_the_same() {
        let value = json!({ "Id": "a1", "State": { "Running": true, "Code": 0, "Error": "" }, "Cmd": ["sh", "-c", "exit 1: no"], "Empty": [], "None": {}, "Null": null,
            "Mounts": [{ "Type": "bind", "Opts": ["ro"] }, { "Type": "volume" }], "Odd key": "yes", "Time": "2026-11-24T02:00:00Z", "Nested": [[1, 2], []] });
        let back: Value = serde_saphyr::from_str(&text(&value)).unwrap();
        assert_eq!(back, value, "{}", text(&value));
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let value = json!({ "Env": ["PATH=/bin", "DB_PASSWORD=hunter2", "URL=postgres://ann:hunter2@db/x"], "Labels": { "api-token": "hunter2", "team": "shop" }, "Cmd": ["--password=hunter2", "serve"] });
        let shown = text(&value);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("PATH=/bin") && shown.contains("DB_PASSWORD=") && shown.contains("team: shop"), "{shown}");
    }
}
