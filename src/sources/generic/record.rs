//! From what an expression makes of an answer to a run. What can not be read is told, never left out in silence.

use crate::{
    clean,
    domain::{Id, Run, RunStatus, SourceId},
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde_json::Value;

/// A larger number of a time counts milliseconds.
const MILLIS: f64 = 1e11;

/// A run, and what of it could not be read.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub run: Run,
    pub lacks: Option<Clean>,
}

impl Record {
    /// Reads one; of a repository where it does not say so itself.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(source: &SourceId, repository: &Name, value: &Value) -> Result<Self, Clean> {
        if !value.is_object() {
            return Err(clean!("it is {}, and an object is expected", kind(value)));
        }
        let field = |name: &str| text(value.get(name));
        let id = field("id").ok_or("it has no id")?;
        let mut lacks = None;
        let mut moment = |name: &str| match time(value.get(name)) {
            Ok(time) => time,
            Err(said) => {
                lacks.get_or_insert_with(|| clean!("`{name}` is no time: {said}"));
                None
            }
        };
        let (created, started, ended) = (moment("created"), moment("started"), moment("ended"));
        let number = ["number", "id"].iter().find_map(|name| value.get(name).and_then(whole)).unwrap_or_default();
        let run = Run {
            id: Id::new(source, &line(Some(id))),
            repository: field("repository").map_or_else(|| repository.clone(), |name| Name::new(&name)),
            workflow: line(field("workflow")),
            number,
            attempt: value.get("attempt").and_then(whole).and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1).max(1),
            title: line(field("title")),
            branch: Name::new(&field("branch").unwrap_or_default()),
            commit: Name::new(&field("commit").unwrap_or_default()),
            actor: line(field("actor")),
            status: status(field("status"), field("why")),
            created,
            started,
            ended,
            was: None,
            digests: Box::default(),
            usual: None,
            url: field("url").filter(|url| url.starts_with("https://") || url.starts_with("http://")).map_or(Clean::EMPTY, |url| Clean::from_untrusted(&url)),
        };
        Ok(Self { run, lacks })
    }
}

/// A text, or a number as one; nothing where it is empty.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first line.
fn line(text: Option<String>) -> Clean {
    Clean::from_untrusted(text.as_deref().and_then(|text| text.lines().next()).unwrap_or_default())
}

/// A whole number, also where it is written as a text.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The words of ours; any other one is told as it is, and is never green.
fn status(word: Option<String>, why: Option<String>) -> RunStatus {
    match word.as_deref() {
        Some("queued") => RunStatus::Queued,
        Some("running") => RunStatus::Running,
        Some("waiting") => RunStatus::Waiting(line(why)),
        Some("success") => RunStatus::Success,
        Some("warn") => RunStatus::Warn,
        Some("failed") => RunStatus::Failed,
        Some("cancelled" | "canceled") => RunStatus::Cancelled,
        Some("skipped") => RunStatus::Skipped,
        Some("neutral") => RunStatus::Neutral,
        Some("stale") => RunStatus::Stale,
        Some(_) => RunStatus::Unknown(line(word)),
        None => RunStatus::Unknown("no status".into()),
    }
}

/// A time as RFC 3339 has it, or seconds or milliseconds since 1970. Nothing, zero and the year 1 stand for none.
fn time(value: Option<&Value>) -> Result<Option<Timestamp>, Clean> {
    let number = |number: f64| {
        let seconds = if number.abs() >= MILLIS { number / 1000.0 } else { number };
        // Fractions of a millisecond are nobody's.
        if seconds <= 0.0 { Ok(None) } else { Timestamp::from_millisecond((seconds * 1000.0) as i64).map(Some) }
    };
    let told = |value: &Value| clean!("{}", value.to_string().chars().take(60).collect::<String>());
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() || text.starts_with("0001-") => Ok(None),
        Some(value @ Value::String(text)) => match (text.parse::<Timestamp>(), text.parse::<f64>()) {
            (Ok(time), _) => Ok(Some(time)),
            (Err(_), Ok(said)) => number(said).map_err(|_| told(value)),
            (Err(_), Err(_)) => Err(told(value)),
        },
        Some(value) => value.as_f64().map_or_else(|| Err(told(value)), |said| number(said).map_err(|_| told(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Record, Clean> {
        Record::read(&SourceId::new("http/x"), &Name::new("acme/cart"), &value)
    }

    #[test]
    fn what_is_missing_or_null_is_no_reason_to_lose_a_run() {
        let run = read(json!({ "id": 7 })).unwrap().run;
        assert_eq!((run.id.key(), run.number, run.attempt, run.repository.raw()), ("7", 7, 1, "acme/cart"));
        assert_eq!((&run.status, run.created, &*run.url), (&RunStatus::Unknown("no status".into()), None, ""));
        let all = ["status", "title", "branch", "commit", "created", "started", "ended", "url", "number", "attempt", "actor", "workflow", "repository", "why"];
        let nulls: serde_json::Map<String, Value> = all.iter().map(|name| ((*name).to_owned(), Value::Null)).chain([("id".into(), "7".into())]).collect();
        assert_eq!(read(nulls.into()).unwrap(), Record { run, lacks: None });
    }

    #[test]
    fn what_is_no_run_is_refused_with_its_reason() {
        for (value, why) in [
            (json!({ "status": "success" }), "it has no id"),
            (json!({ "id": null }), "it has no id"),
            (json!({ "id": " " }), "it has no id"),
            (json!([]), "it is a list, and an object is expected"),
            (json!(7), "it is a number, and an object is expected"),
        ] {
            assert_eq!(&*read(value).unwrap_err(), why);
        }
    }

    #[test]
    fn a_word_that_nobody_knows_is_told_as_it_is() {
        let of = |status: Value| read(json!({ "id": 1, "status": status, "why": "for Kim" })).unwrap().run.status;
        assert_eq!(of("frozen\u{1b}[31m".into()), RunStatus::Unknown("frozen".into()));
        assert_eq!(of("SUCCESS".into()), RunStatus::Unknown("SUCCESS".into()));
        assert_eq!((of("canceled".into()), of("waiting".into())), (RunStatus::Cancelled, RunStatus::Waiting("for Kim".into())));
        assert_eq!(of(json!({})), RunStatus::Unknown("no status".into()));
    }

    #[test]
    fn times_are_read_in_every_shape_and_a_bad_one_is_told() {
        let of = |time: Value| read(json!({ "id": 1, "status": "failed", "ended": time })).unwrap();
        let good = Some("2026-08-01T03:00:00Z".parse::<Timestamp>().unwrap());
        for time in [
            json!("2026-08-01T03:00:00Z"),
            json!("2026-08-01T03:00:00.0000000Z"),
            json!("2026-08-01T05:00:00+02:00"),
            json!("20260801T050000+0200"),
            json!(1_785_553_200),
            json!(1_785_553_200_000_u64),
            json!("1785553200"),
        ] {
            assert_eq!((of(time.clone()).run.ended, of(time.clone()).lacks), (good, None), "{time}");
        }
        for none in [json!(0), json!(-62_135_596_800_i64), json!(""), json!("0001-01-01T00:00:00"), Value::Null] {
            assert_eq!((of(none.clone()).run.ended, of(none.clone()).lacks), (None, None), "{none}");
        }
        for bad in [json!("yesterday"), json!([1]), json!(true), json!(1e300)] {
            let record = of(bad.clone());
            assert!(record.run.ended.is_none() && record.lacks.is_some_and(|words| words.starts_with("`ended` is no time")), "{bad}");
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_kept_and_titles_are_one_line() {
        let run = read(json!({ "id": 1, "url": "file:///etc/passwd", "title": "One\n\nTwo" })).unwrap().run;
        assert_eq!((&*run.url, &*run.title), ("", "One"));
    }
}
