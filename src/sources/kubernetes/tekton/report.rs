//! What a run has to show: its results. Tests, coverage and artifacts are no nouns of Tekton.

use super::{
    api::{Api, Fresh},
    origin,
    wire::Param,
};
use crate::{
    domain::{Id, Report, Run},
    sources::SourceError,
    text::{Clean, redact, secret},
};

/// So much of a result is shown.
const SHOWN: usize = 200;

/// The results of a run, as far as it has come.
pub async fn read(api: &Api, run: &Id<Run>) -> Result<Report, SourceError> {
    let Fresh { lean, .. } = api.fresh(run).await?;
    Ok(Report { results: origin::results(&lean).map(shown).collect(), ..Report::default() })
}

/// A result may be anything that somebody wrote: what looks like a secret is masked.
fn shown(result: &Param) -> (Clean, Clean) {
    // Masked before it is cut: the half of a secret has no shape of one.
    let text: String = redact(result.text().trim()).chars().take(SHOWN).collect();
    let value = if secret(&result.name) { Clean::from_static("••••") } else { Clean::from_untrusted(&text) };
    (Clean::from_untrusted(&result.name), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_result_of_any_type_is_told_and_none_of_its_secrets() {
        let told = |name: &str, value: Value| shown(&Param { name: name.into(), value }).1.to_string();
        assert_eq!(told("tags", json!(["1.2", "latest"])), r#"["1.2","latest"]"#);
        assert_eq!(told("image", json!({ "url": "r/a", "digest": "sha256:aa" })), r#"{"url":"r/a","digest":"sha256:aa"}"#);
        assert_eq!((told("count", json!(3)), told("none", Value::Null)), ("3".to_owned(), String::new()));
        assert!(!told("login", json!({ "user": "kim", "password": "hunter2" })).contains("hunter2"));
        // What is cut off must not be what shows that it is one.
        let token = format!("{} https://kim:{}@git.example/x", "x".repeat(150), "hunter2".repeat(20));
        assert!(!told("log", json!(token)).contains("hunter2"), "{}", told("log", json!(token)));
    }
}
