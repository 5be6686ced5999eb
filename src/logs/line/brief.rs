//! A line as one row: the message first, the rest after it; and unfolded, when somebody asks.

use super::level::message_start;
use crate::text::{Clean, Painted, Span};
use serde_json::{Map, Value};

/// Under which names loggers put the message.
const MESSAGE: &[&str] = &["msg", "message", "@m", "@mt", "short_message", "log", "textPayload", "event"];
/// What the row shows in columns of its own, or what says nothing at three in the morning.
const SHOWN_ELSEWHERE: &[&str] =
    &["level", "severity", "lvl", "levelname", "log.level", "@l", "loglevel", "time", "ts", "timestamp", "@timestamp", "@t", "datetime", "v", "pid"];

/// What a line says, for one row: of JSON the message and then the other fields, of plain text what follows its own time and level.
/// `spans` are the colours of `text`; what JSON escaped is made harmless once more.
pub fn brief(text: &str, spans: &[Span]) -> Painted {
    if let Some(fields) = object(text) {
        return Clean::from_untrusted(&from_fields(&fields)).into();
    }
    let from = message_start(text);
    let cut = |at: u32| at.saturating_sub(from as u32);
    let spans = spans.iter().map(|span| Span { start: cut(span.start), end: cut(span.end), ..*span }).filter(|span| span.start < span.end);
    Painted { text: Clean::from_untrusted(&text[from..]), spans: spans.collect() }
}

/// A JSON line as the lines of a person: one field each, indented; `None` if it is not JSON.
pub fn unfold(text: &str) -> Option<Vec<Clean>> {
    let pretty = serde_json::to_string_pretty(&object(text)?).ok()?;
    Some(Clean::lines(&pretty).collect())
}

fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn from_fields(fields: &Map<String, Value>) -> String {
    let message = MESSAGE.iter().find_map(|name| fields.get(*name).and_then(Value::as_str).map(|text| (*name, text)));
    let mut row = message.map_or(String::new(), |(_, text)| text.to_owned());
    for (name, value) in fields {
        if message.is_some_and(|(taken, _)| taken == name) || SHOWN_ELSEWHERE.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let gap = if row.is_empty() { "" } else { "  " };
        match value {
            Value::String(text) => row.push_str(&format!("{gap}{name}={text}")),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => row.push_str(&format!("{gap}{name}={value}")),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_message_comes_first_and_what_has_a_column_is_left_out() {
        for (line, row) in [
            (r#"{"time":"t","level":"error","code":7,"msg":"unknown currency","order":{"id":1}}"#, r#"unknown currency  code=7  order={"id":1}"#),
            (r#"{"a":"b","c":null}"#, "a=b"),
            (r#"{"broken"#, r#"{"broken"#),
            ("2026-11-24 02:54:31,123 ERROR unknown currency", "unknown currency"),
            ("[warn] slow query", "slow query"),
            ("E1123 02:54:31.123456       1 price.go:88] unknown currency", "unknown currency"),
            ("##[error]Process completed", "Process completed"),
            ("<11>cart: x", "cart: x"),
            ("cart said ERROR once", "cart said ERROR once"),
            ("2026-11-24 02:54:31 hello", "2026-11-24 02:54:31 hello"),
            ("    at cart.price(Price.java:88)", "    at cart.price(Price.java:88)"),
        ] {
            assert_eq!(&*brief(line, &[]).text, row, "{line}");
        }
    }

    #[test]
    fn what_json_escaped_is_made_harmless() {
        assert_eq!(&*brief(r#"{"msg":"a\u001b]0;owned\u0007b\nc\u202e"}"#, &[]).text, "ab↵c␣");
        let lines = unfold("{\"a\":\"\u{202e}\u{9b}31m\"}").expect("JSON");
        assert_eq!(&*lines[1], "  \"a\": \"␣31m\"");
    }

    #[test]
    fn colours_move_with_the_message() {
        let line = Painted::from_untrusted("\x1b[31mERROR\x1b[0m unknown \x1b[1mcurrency\x1b[0m");
        let row = brief(&line.text, &line.spans);
        let parts: Vec<_> = row.parts().map(|(part, paint)| (part, paint.bold)).collect();
        assert_eq!(parts, [("unknown ", false), ("currency", true)]);
    }

    #[test]
    fn json_unfolds_in_the_order_it_was_written() {
        let lines = unfold(r#"{"b":1,"a":["x"]}"#).expect("JSON");
        assert_eq!(lines.iter().map(Clean::as_str).collect::<Vec<_>>(), ["{", "  \"b\": 1,", "  \"a\": [", "    \"x\"", "  ]", "}"]);
        assert_eq!(unfold("plain"), None);
    }

    proptest! {
        #[test]
        fn any_line_has_a_row(line in "\\PC{0,60}") {
            let line = Painted::from_untrusted(&line);
            let row = brief(&line.text, &line.spans);
            prop_assert_eq!(row.parts().map(|(part, _)| part).collect::<String>(), &*row.text);
            unfold(&line.text);
        }
    }
}
