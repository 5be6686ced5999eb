//! How bad a line is, in the ways programs say it.

use crate::domain::Level;

/// How far into a line its level is looked for.
const NEAR: usize = 96;
/// How far a `level=` may be.
const FAR: usize = 256;

/// The level of a line: JSON, logfmt, klog, syslog, GitHub's marks, or a word near its beginning.
pub fn recognise(text: &str) -> Level {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let found = match bytes.first() {
        Some(b'{') => return in_json(text).unwrap_or_default(),
        Some(b'<') => in_syslog(text).map(|(level, _)| level),
        Some(b'#' | b':') => in_mark(text).map(|(level, _)| level),
        _ => in_klog(bytes),
    };
    found.or_else(|| in_logfmt(text)).or_else(|| head(text).level).or_else(|| by_words(text)).unwrap_or_default()
}

/// Where the message of a plain line begins, after the program's own time and level.
pub(super) fn message_start(text: &str) -> usize {
    let lead = text.len() - text.trim_start().len();
    let body = &text[lead..];
    if let Some((_, length)) = in_syslog(body).or_else(|| in_mark(body)) {
        return lead + length;
    }
    if in_klog(body.as_bytes()).is_some() {
        return body.find("] ").map_or(0, |end| lead + end + 2);
    }
    let head = head(body);
    if head.level.is_some() && head.message > 0 { lead + head.message } else { 0 }
}

/// `"level":"error"`, `"severity": "ERROR"`, `"lvl":50`, anywhere in the object.
fn in_json(text: &str) -> Option<Level> {
    let mut from = 0;
    while let Some(at) = memchr::memchr(b':', &text.as_bytes()[from..]) {
        let colon = from + at;
        from = colon + 1;
        if is_level_key(text[..colon].trim_end()) {
            return json_value(text[from..].trim_start());
        }
    }
    None
}

fn is_level_key(before: &str) -> bool {
    let Some(key) = before.strip_suffix('"') else {
        return false;
    };
    ["level", "severity", "lvl", "levelname", "log.level", "@l", "loglevel", "Level"]
        .iter()
        .any(|name| key.strip_suffix(name).is_some_and(|rest| rest.ends_with('"') && !rest.ends_with("\\\"")))
}

fn json_value(value: &str) -> Option<Level> {
    if let Some(quoted) = value.strip_prefix('"') {
        return Level::named(quoted.split('"').next()?);
    }
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u32 = value[..digits].parse().ok()?;
    // Pino and bunyan count 10 to 60 upwards, GELF and journald are syslog's 0 to 7.
    Some(match number {
        0..=7 => Level::of_syslog(number),
        8..=10 => Level::Trace,
        11..=20 => Level::Debug,
        21..=30 => Level::Info,
        31..=40 => Level::Warn,
        41..=50 => Level::Error,
        _ => Level::Fatal,
    })
}

/// `level=error`, `lvl=eror`, `severity="warn"` as a word of its own.
fn in_logfmt(text: &str) -> Option<Level> {
    let near = &text.as_bytes()[..text.len().min(FAR)];
    memchr::memchr_iter(b'=', near).find_map(|at| {
        let before = &near[..at];
        let key = ["level", "lvl", "severity"].iter().find(|key| before.ends_with(key.as_bytes()))?;
        let free = before[..at - key.len()].last().is_none_or(|b| matches!(b, b' ' | b'[' | b','));
        let value = text.get(at + 1..)?.trim_start_matches('"');
        let word = &value[..value.bytes().position(|b| !b.is_ascii_alphabetic()).unwrap_or(value.len())];
        if free { Level::named(word) } else { None }
    })
}

/// `E1123 02:54:31.123456       1 price.go:88] …`
fn in_klog(bytes: &[u8]) -> Option<Level> {
    let (letter, rest) = bytes.split_first()?;
    let date = rest.len() > 4 && rest[..4].iter().all(u8::is_ascii_digit) && rest[4] == b' ';
    match (letter, date) {
        (b'I', true) => Some(Level::Info),
        (b'W', true) => Some(Level::Warn),
        (b'E', true) => Some(Level::Error),
        (b'F', true) => Some(Level::Fatal),
        _ => None,
    }
}

/// `<11>…`, with the length of the part before the message.
fn in_syslog(text: &str) -> Option<(Level, usize)> {
    let (priority, _) = text.strip_prefix('<')?.split_once('>')?;
    let number: u32 = priority.parse().ok().filter(|n| *n <= 191 && priority.len() <= 3)?;
    Some((Level::of_syslog(number % 8), priority.len() + 2))
}

/// GitHub's `##[error]…` and `::warning file=…::…`, with the length of the mark.
fn in_mark(text: &str) -> Option<(Level, usize)> {
    let level = |word: &str| match word {
        "error" => Some(Level::Error),
        "warning" => Some(Level::Warn),
        "notice" | "group" | "endgroup" | "command" | "section" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        _ => None,
    };
    if let Some((word, _)) = text.strip_prefix("##[").and_then(|rest| rest.split_once(']')) {
        return Some((level(word)?, word.len() + 4));
    }
    let (mark, _) = text.strip_prefix("::")?.split_once("::")?;
    Some((level(mark.split(' ').next()?)?, mark.len() + 4))
}

/// The level word near the beginning of a plain line, and where the message after it begins (0 if the word stands among others).
struct Head {
    level: Option<Level>,
    message: usize,
}

fn head(text: &str) -> Head {
    let bytes = text.as_bytes();
    let start = after_times(bytes);
    let near = bytes.len().min(start + NEAR);
    let mut at = start;
    let mut first = true;
    while at < near {
        if !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').map_or(bytes.len(), |n| at + n);
        if let Some(level) = level_word(bytes, at, end) {
            let message = bytes[end..].iter().position(|b| !matches!(b, b']' | b':' | b'|' | b')' | b' ')).map_or(bytes.len(), |n| end + n);
            return Head { level: Some(level), message: if first { message } else { 0 } };
        }
        first = false;
        at = end;
    }
    Head { level: None, message: 0 }
}

/// The level that the word `at..end` names: in capitals, or set off by brackets, a colon or columns.
fn level_word(bytes: &[u8], at: usize, end: usize) -> Option<Level> {
    let word = &bytes[at..end];
    let before = at.checked_sub(1).map(|i| bytes[i]);
    let after = bytes.get(end).copied();
    let path = before.is_some_and(|b| matches!(b, b'/' | b'.' | b'=' | b'-' | b'"')) || after.is_some_and(|b| matches!(b, b'/' | b'=' | b'"'));
    if path || !(3..=11).contains(&word.len()) {
        return None;
    }
    let capitals = word.iter().all(u8::is_ascii_uppercase);
    let columns = |gap: Option<&[u8]>| gap == Some(b"  ");
    let opened = || before.is_none_or(|b| matches!(b, b'[' | b'|' | b'(')) || columns(at.checked_sub(2).map(|from| &bytes[from..at]));
    let closed = || after.is_none_or(|b| matches!(b, b']' | b':' | b'|' | b')' | b'[')) || columns(bytes.get(end..end + 2));
    let said = || before == Some(b' ') && after == Some(b':') && word != b"log";
    // Most words are none: the table is asked last.
    if capitals || opened() && closed() || said() { Level::named(std::str::from_utf8(word).ok()?) } else { None }
}

/// Where a line goes on after the times that it begins with: dates, clocks, zones, also in brackets.
fn after_times(bytes: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..4 {
        let word = &bytes[at..bytes.len().min(at + 40)];
        let end = word.iter().position(|b| *b == b' ').unwrap_or(word.len());
        let digits = word[..end].iter().filter(|b| b.is_ascii_digit()).count();
        let time = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b',' | b'/' | b'+' | b'[' | b']' | b'T' | b'Z');
        let zone = at > 0 && matches!(word[..end].strip_suffix(b"]").unwrap_or(&word[..end]), b"UTC" | b"GMT" | b"Z" | b"CET" | b"CEST");
        let timely = zone || digits >= 4 && word[..end].iter().all(time);
        if !timely || end == word.len() {
            break;
        }
        at += end;
        at += bytes[at..].iter().take_while(|b| **b == b' ').count();
    }
    at
}

/// Lines of crashes that carry no level.
fn by_words(text: &str) -> Option<Level> {
    const CRASHES: &[(&str, Level)] = &[
        ("panic: ", Level::Fatal),
        ("fatal error: ", Level::Fatal),
        ("Traceback (most recent call last)", Level::Error),
        ("Exception in thread ", Level::Error),
        ("Unhandled exception", Level::Error),
        ("Uncaught ", Level::Error),
        ("Segmentation fault", Level::Fatal),
        ("Killed", Level::Fatal),
        ("Error: ", Level::Error),
        ("npm ERR!", Level::Error),
    ];
    if text.starts_with("thread '") && text.contains("' panicked at") || text.starts_with("thread '") && text.contains(") panicked at") {
        return Some(Level::Fatal);
    }
    CRASHES.iter().find(|(words, _)| text.starts_with(words)).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn programs_say_their_level_in_many_ways() {
        for (line, level) in [
            (r#"{"time":"x","level":"error","msg":"m"}"#, Level::Error),
            (r#"{"severity": "WARNING", "message":"level: x"}"#, Level::Warn),
            (r#"{"level":50,"msg":"pino"}"#, Level::Error),
            (r#"{"level":3,"short_message":"gelf"}"#, Level::Error),
            (r#"{"msg":"\"level\":\"error\"","lvl":"info"}"#, Level::Info),
            (r#"{"msg":"no level"}"#, Level::Unknown),
            (r#"ts=2026-11-24T02:54:31Z level=warn msg="ERROR in name""#, Level::Warn),
            ("time=x lvl=dbug sublevel=error lvl=debug", Level::Debug),
            ("E1123 02:54:31.123456       1 price.go:88] unknown currency", Level::Error),
            ("I1123 02:54:31.123456       1 main.go:8] ERROR is a word here", Level::Info),
            ("<11>Nov 24 02:54:31 host cart: x", Level::Error),
            ("##[error]Process completed with exit code 1.", Level::Error),
            ("::warning file=a.rs,line=1::unused", Level::Warn),
            ("2026-11-24 02:54:31,123 ERROR [main] c.a.Cart - x", Level::Error),
            ("2026-11-24 02:54:31.123 UTC [71] FATAL:  role missing", Level::Fatal),
            ("2026/11/24 02:54:31 [warn] 31#31: *1 upstream", Level::Warn),
            ("[2026-11-24 02:54:31 +0000] [7] [INFO] Booting worker", Level::Info),
            ("2026-11-24T02:54:31.1Z  INFO cart::price: priced 12 items, 0 ERROR", Level::Info),
            ("ERROR:root:no such thing", Level::Error),
            ("error: could not compile", Level::Error),
            ("error[E0425]: cannot find value", Level::Error),
            ("cart: error: no such file", Level::Error),
            ("2026-11-24T02:54:31Z    info    starting    {}", Level::Info),
            ("panic: runtime error: index out of range", Level::Fatal),
            ("thread 'main' panicked at src/price.rs:88:5:", Level::Fatal),
            ("Traceback (most recent call last):", Level::Error),
            ("GET /error/ 200", Level::Unknown),
            ("0 errors, 2 warnings", Level::Unknown),
            ("an error was expected here", Level::Unknown),
            ("priced 12 items in 9 ms", Level::Unknown),
            ("", Level::Unknown),
        ] {
            assert_eq!(recognise(line), level, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_has_a_level_and_a_message_within_it(line in "\\PC{0,60}|[\\[\\]<>#:={}\" 0-9TZA-Eilevror-]{0,60}") {
            recognise(&line);
            prop_assert!(line.get(message_start(&line)..).is_some(), "{}", message_start(&line));
        }
    }
}
