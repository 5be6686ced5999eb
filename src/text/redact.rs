//! Secrets that others wrote into their logs, masked before they are painted, copied or exported.

use super::Clean;
use regex::{Captures, Regex, RegexSet};
use std::{borrow::Cow, sync::LazyLock};

/// What stands where a secret was.
const MASK: &str = "•••";

/// A whole block, over line ends: the name of what it was stays.
const BLOCK: &str = r"(?s)-----BEGIN ([A-Z0-9 ]+)-----.*?(?:-----END [A-Z0-9 ]+-----|\z)";

/// Shapes of secrets within a line. What the groups hold is kept, the rest is masked: the first before the mask, the second after it.
const SHAPES: [&str; 13] = [
    // GitHub
    r"(gh[pousr]_)[A-Za-z0-9]{16,}",
    r"(github_pat_)[A-Za-z0-9_]{16,}",
    // GitLab
    r"(gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|ffct)-)[A-Za-z0-9_.\-]{16,}",
    // AWS
    r"(AKIA|ASIA)[A-Z0-9]{16}",
    // Slack
    r"(x(?:ox[a-z]|app)-)[A-Za-z0-9\-]{8,}",
    r"(hooks\.slack\.com/services/)[A-Za-z0-9/_\-]+",
    // JSON web tokens
    r"(eyJ)[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?",
    // user:password@ and token@ in URLs
    r"([A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@]*:)[^\s/]+(@)",
    r"([A-Za-z][A-Za-z0-9+.\-]*://)[^\s/:@?#]{16,}(@)",
    // Headers
    r"((?i)\bauthorization\\?[\x22']?\s*[:=]\s*\\?[\x22']?(?:[a-z]+\s+)?)[^\s\x22',;]{3,}",
    r"((?i)\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{6,}",
    // --password VALUE
    r"((?i)--?[a-z0-9_\-]*(?:password|passwd|secret|token|api-?key)\s+)[^\s\-][^\s]*",
    // password=VALUE, "token": "VALUE", client_secret: 'VALUE'
    r#"((?i)(?:password|passwd|passphrase|pwd|secret|token|credentials?|(?:api|access|private|secret|account|signing)[_\-]?key)(?:\\*["'])?\s*[=:]\s*)(?:\\*"[^"]*"?|'[^']*'?|[^\s,;&"'})\]]+)"#,
];

struct Masks {
    block: Regex,
    any: RegexSet,
    shapes: Vec<Regex>,
}

static MASKS: LazyLock<Masks> = LazyLock::new(|| Masks {
    block: Regex::new(BLOCK).expect("a tested pattern"),
    any: RegexSet::new(SHAPES).expect("tested patterns"),
    shapes: SHAPES.iter().map(|shape| Regex::new(shape).expect("a tested pattern")).collect(),
});

/// `text` with known shapes of secrets masked by `•••`. Lines stay lines; text that was not harmless becomes so, because a secret could be
/// broken up by characters that nobody sees.
pub fn redact(text: &str) -> Cow<'_, str> {
    let clean = cleaned(text);
    let whole = match MASKS.block.replace_all(&clean, format!("[$1 {MASK}]")) {
        Cow::Borrowed(_) => clean,
        Cow::Owned(masked) => Cow::Owned(masked),
    };
    if !MASKS.any.is_match(&whole) && !whole.split(LINE_ENDS).any(is_key_material) {
        return whole;
    }
    let masked = whole.split_inclusive(LINE_ENDS).map(|line| {
        let body = line.trim_end_matches(LINE_ENDS);
        format!("{}{}", mask_line(body), &line[body.len()..])
    });
    Cow::Owned(masked.collect())
}

/// A line end, and what [`Clean`] shows for one.
const LINE_ENDS: [char; 2] = ['\n', '↵'];

fn cleaned(text: &str) -> Cow<'_, str> {
    let harmless = |line: &str| super::sieve::is_plain(line.as_bytes());
    if text.split('\n').all(harmless) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Clean> = text.split('\n').map(Clean::from_untrusted).collect();
    Cow::Owned(lines.join("\n"))
}

fn mask_line(line: &str) -> Cow<'_, str> {
    if is_key_material(line) {
        return Cow::Borrowed(MASK);
    }
    let mut line = Cow::Borrowed(line);
    for at in &MASKS.any.matches(&line) {
        let mask = |found: &Captures<'_>| format!("{}{MASK}{}", &found[1], found.get(2).map_or("", |kept| kept.as_str()));
        if let Cow::Owned(masked) = MASKS.shapes[at].replace_all(&line, mask) {
            line = Cow::Owned(masked);
        }
    }
    line
}

/// A line from inside a block whose beginning is not in sight: base64 of full width, and not a digest.
fn is_key_material(line: &str) -> bool {
    let line = line.trim();
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    (60..=76).contains(&line.len()) && line.bytes().all(base64) && !line.bytes().all(|b| b.is_ascii_hexdigit())
}

/// [`redact`] for lines that come one by one: a block that one line opens stays masked until another closes it.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    inside_block: bool,
}

impl Redactor {
    /// The next line, masked.
    pub fn line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        let ends = line.find("-----END ");
        if self.inside_block {
            let Some(end) = ends else {
                return Cow::Borrowed(MASK);
            };
            self.inside_block = false;
            let rest = line[end + 9..].split_once("-----").map_or("", |(_, rest)| rest);
            let rest = self.line(rest).into_owned();
            return Cow::Owned(format!("{MASK}{rest}"));
        }
        self.inside_block = line.rfind("-----BEGIN ").is_some_and(|begin| !line[begin..].contains("-----END "));
        redact(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is written, and the part of it that nobody may read. No real credentials: made up here.
    const PLANTED: [(&str, &str); 24] = [
        ("using ghp_0123456789abcdefABCDEF0123456789abcd now", "0123456789abcdef"),
        ("gho_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdef"),
        ("ghs_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdef"),
        ("github_pat_11AAAAAAA0aaaaaaaaaaaaa_bbbbbbbbbbbb", "aaaaaaaaaaa"),
        ("x glpat-abcdefghij0123456789 y", "abcdefghij"),
        ("key AKIAABCDEFGHIJKLMNOP", "ABCDEFGHIJ"),
        ("xoxb-1234567890-abcdefghij", "abcdefghij"),
        ("https://hooks.slack.com/services/T00/B00/abcdefgh", "abcdefgh"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("Authorization: Bearer abc.def-123", "abc.def"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("{\"Authorization\":\"token s3cr3tvalue\"}", "s3cr3tvalue"),
        ("got bearer 0123456789", "0123456789"),
        ("password=hunter2 user=ann", "hunter2"),
        ("DB_PASSWORD: hunter2", "hunter2"),
        ("{\"password\": \"hunt er2\", \"user\": 1}", "er2"),
        ("{\\\"password\\\":\\\"hunter2\\\"}", "hunter2"),
        ("token=abc123&x=1", "abc123"),
        ("client_secret='hunt er2'", "er2"),
        ("api-key=abc123", "abc123"),
        ("postgres://ann:hunter2@db/shop", "hunter2"),
        ("https://0123456789abcdef0123@git.example/x", "0123456789abcdef"),
        ("mysql -u root --password hunter2", "hunter2"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\nabc\n-----END PRIVATE KEY----- after", "MIIEvQ"),
    ];

    #[test]
    fn no_planted_secret_survives() {
        for (text, secret) in PLANTED {
            let masked = redact(text);
            assert!(!masked.contains(secret), "{masked}");
            assert!(masked.contains(MASK), "{masked}");
            assert_eq!(redact(&masked), masked, "masking twice");
        }
    }

    #[test]
    fn what_surrounds_a_secret_stays() {
        assert_eq!(redact("password=hunter2 user=ann"), "password=••• user=ann");
        assert_eq!(redact("GET /x?token=abc&y=1 200"), "GET /x?token=•••&y=1 200");
        assert_eq!(redact("postgres://ann:hunter2@db/shop"), "postgres://ann:•••@db/shop");
        assert_eq!(redact("Authorization: Bearer abcdefgh, next"), "Authorization: Bearer •••, next");
        assert_eq!(redact("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- after"), "[PRIVATE KEY •••] after");
    }

    #[test]
    fn ordinary_lines_are_borrowed() {
        for text in ["priced 12 items in 9 ms", "max_tokens=512", "http://cart:8080/healthz", "sha256:9f86d081884c7d659a2feaa0c55ad015", "a\nb"] {
            assert!(matches!(redact(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_secret_broken_by_what_nobody_sees_is_masked_too() {
        assert!(!redact("ghp_0123456789\x1b[0mabcdefABCDEF0123456789abcd").contains("0123456789"));
        assert!(!redact("pass\0word=hunter2").contains("hunter2"));
    }

    #[test]
    fn a_block_over_several_lines_is_masked_line_by_line() {
        let mut redactor = Redactor::default();
        let lines = ["before", "-----BEGIN RSA PRIVATE KEY-----", "MIIEow", "IBAAKC", "-----END RSA PRIVATE KEY----- x", "after"];
        let masked: Vec<_> = lines.map(|line| redactor.line(line).into_owned()).into();
        assert_eq!(masked, ["before", "[RSA PRIVATE KEY •••]", "•••", "•••", "••• x", "after"]);
        let alone = "MIIEowIBAAKCAQEAq0123456789abcdefghijABCDEFGHIJklmnopqrstuvwxyz0";
        assert_eq!(redact(alone), MASK);
    }

    proptest! {
        #[test]
        fn masking_and_cleaning_can_be_done_in_any_order(
            parts in prop::collection::vec(prop_oneof![
                prop::sample::select(PLANTED.map(|(text, _)| text).to_vec()).prop_map(String::from),
                prop::sample::select(super::super::tests::PAYLOADS.to_vec()).prop_map(String::from),
                ".{0,12}", "[\n\r\t \u{1b}\\[\u{202e}\u{200d}:=@]{0,3}",
            ], 0..6)
        ) {
            let text = parts.concat();
            let (masked_first, cleaned_first) = (redact(&text), Clean::from_untrusted(&text));
            prop_assert_eq!(&*Clean::from_untrusted(&masked_first), &*redact(&cleaned_first));
        }

        #[test]
        fn a_planted_secret_never_survives_whatever_stands_around_it(before in "(\\PC{0,8} )?", planted in prop::sample::select(PLANTED.to_vec()), after in "( \\PC{0,8})?") {
            let masked = redact(&format!("{before}{}{after}", planted.0)).into_owned();
            prop_assert!(!masked.contains(planted.1) || before.contains(planted.1) || after.contains(planted.1), "{}", masked);
        }
    }
}
