//! What is looked for: `unknown currency`, `/price\.rs:\d+/`, `level:warn`, `pod:x7k2p`, `!healthz`, and any of them together.

use super::Line;
use crate::{
    clean,
    domain::{Level, LogStream},
    text::Clean,
};
use regex::{Regex, RegexBuilder};
use std::fmt;

/// The most a pattern may cost when it is compiled, and while it runs, in bytes.
const REGEX_SIZE: usize = 1 << 20;
const REGEX_CACHE: usize = 4 << 20;

/// Every term must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    not: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Words as they stand.
    Words { text: String, finder: Finder },
    /// A regular expression.
    Pattern { text: String, regex: Regex },
    /// That level or worse.
    Level(Level),
    /// Who says it.
    Who { field: Field, value: String },
}

#[derive(Clone, Debug)]
enum Finder {
    Exact(Box<memchr::memmem::Finder<'static>>),
    AnyCase(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Stream,
    Pod,
    Container,
    Version,
}

const FIELDS: [(&str, Field); 4] = [("stream", Field::Stream), ("pod", Field::Pod), ("container", Field::Container), ("version", Field::Version)];

/// Why a query can not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError(pub Clean);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl std::error::Error for QueryError {}

impl Query {
    /// What a person typed. Plain words are one phrase; capitals in it make it exact; `!` turns a term round; `"…"` and `/…/` may hold spaces.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut terms: Vec<Term> = Vec::new();
        let mut phrase = String::new();
        for token in tokens(text) {
            if let Token::Word { not: false, text } = &token
                && field(text).is_none()
            {
                phrase.push_str(if phrase.is_empty() { "" } else { " " });
                phrase.push_str(text);
                continue;
            }
            if !phrase.is_empty() {
                terms.push(Term { not: false, what: words(&std::mem::take(&mut phrase))? });
            }
            terms.push(term(token)?);
        }
        if !phrase.is_empty() {
            terms.push(Term { not: false, what: words(&phrase)? });
        }
        Ok(Self { terms })
    }

    /// One regular expression, as `--grep` takes it.
    pub fn regex(pattern: &str) -> Result<Self, QueryError> {
        Ok(Self { terms: vec![Term { not: false, what: pattern_of(pattern)? }] })
    }

    /// Whether it looks for nothing, and so finds everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the line has it all.
    pub fn finds(&self, line: &Line<'_>) -> bool {
        self.matches(line.text(), line.level, line.stream)
    }

    pub(super) fn matches(&self, text: &str, level: Level, stream: &LogStream) -> bool {
        self.terms.iter().all(|term| {
            term.not
                != match &term.what {
                    What::Words { finder: Finder::Exact(finder), .. } => finder.find(text.as_bytes()).is_some(),
                    What::Words { finder: Finder::AnyCase(regex), .. } | What::Pattern { regex, .. } => regex.is_match(text),
                    What::Level(least) => level >= *least,
                    What::Who { field, value } => field.names(stream, value),
                }
        })
    }

    /// Whether a stream may say what is looked for; of one that may not, no line needs to be read.
    pub(super) fn may_hear(&self, stream: &LogStream) -> bool {
        self.terms.iter().all(|term| match &term.what {
            What::Who { field, value } => term.not != field.names(stream, value),
            What::Words { .. } | What::Pattern { .. } | What::Level(_) => true,
        })
    }
}

impl Field {
    fn names(self, stream: &LogStream, value: &str) -> bool {
        let has = |name: &str| name.to_lowercase().contains(&value.to_lowercase());
        match self {
            Self::Stream => has(&stream.pod) || has(&stream.container),
            Self::Pod => has(&stream.pod),
            Self::Container => has(&stream.container),
            Self::Version => *stream.version.0 == *value,
        }
    }
}

enum Token {
    Word { not: bool, text: String },
    Quoted { not: bool, text: String },
    Pattern { not: bool, text: String },
}

fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let (not, body) = match rest.strip_prefix('!') {
            Some(body) if !body.is_empty() && !body.starts_with(' ') => (true, body),
            _ => (false, rest),
        };
        let (token, left) = match body.chars().next() {
            Some(quote @ ('"' | '/')) if closed(body, quote).is_some() => {
                let end = closed(body, quote).unwrap_or_default();
                let text = unescape(&body[1..end], quote);
                let token = if quote == '"' { Token::Quoted { not, text } } else { Token::Pattern { not, text } };
                (token, &body[end + 1..])
            }
            _ => {
                let end = body.find(' ').unwrap_or(body.len());
                (Token::Word { not, text: body[..end].to_owned() }, &body[end..])
            }
        };
        tokens.push(token);
        rest = left.trim_start();
    }
    tokens
}

/// Where what `quote` opens is closed: at the next one without a backslash that ends a word. `/var/log` is a path and no pattern.
fn closed(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped && at > 1 && text[at + 1..].chars().next().is_none_or(|next| next == ' ');
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// In words a backslash escapes the quote and itself; in a pattern only the slash, all else being the pattern's own.
fn unescape(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if *next == quote || quote == '"' && *next == '\\' => out.extend(chars.next()),
            ('\\', Some(_)) => out.extend([Some(c), chars.next()].into_iter().flatten()),
            _ => out.push(c),
        }
    }
    out
}

fn escape(text: &str, quote: char) -> String {
    let mut out = String::from(quote);
    let mut escaped = false;
    for c in text.chars() {
        let again = if quote == '"' { c == quote || c == '\\' } else { c == quote && !escaped };
        out.extend(again.then_some('\\'));
        out.push(c);
        escaped = c == '\\' && !escaped;
    }
    out.push(quote);
    out
}

fn field(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.split_once(':')?;
    (!value.is_empty() && (key == "level" || FIELDS.iter().any(|(name, _)| *name == key))).then_some((key, value))
}

fn term(token: Token) -> Result<Term, QueryError> {
    let (not, what) = match token {
        Token::Quoted { not, text } => (not, words(&text)?),
        Token::Pattern { not, text } => (not, pattern_of(&text)?),
        Token::Word { not, text } => (not, named(&text)?),
    };
    Ok(Term { not, what })
}

fn named(word: &str) -> Result<What, QueryError> {
    let Some((key, value)) = field(word) else {
        return words(word);
    };
    if let Some((_, field)) = FIELDS.iter().find(|(name, _)| *name == key) {
        return Ok(What::Who { field: *field, value: value.to_owned() });
    }
    match Level::named(value) {
        Some(level) => Ok(What::Level(level)),
        None => Err(QueryError(clean!("level:{value} is no level: trace, debug, info, warn, error or fatal"))),
    }
}

fn words(text: &str) -> Result<What, QueryError> {
    let finder = if text.chars().any(char::is_uppercase) {
        Finder::Exact(Box::new(memchr::memmem::Finder::new(text).into_owned()))
    } else {
        Finder::AnyCase(compile(&regex::escape(text), true)?)
    };
    Ok(What::Words { text: text.to_owned(), finder })
}

fn pattern_of(text: &str) -> Result<What, QueryError> {
    let mut escaped = false;
    let capitals = text.chars().any(|c| {
        let letter = c.is_uppercase() && !escaped;
        escaped = c == '\\' && !escaped;
        letter
    });
    Ok(What::Pattern { text: text.to_owned(), regex: compile(text, !capitals)? })
}

fn compile(pattern: &str, any_case: bool) -> Result<Regex, QueryError> {
    let built = RegexBuilder::new(pattern).case_insensitive(any_case).size_limit(REGEX_SIZE).dfa_size_limit(REGEX_CACHE).nest_limit(64).build();
    built.map_err(|error| {
        let said = error.to_string();
        QueryError(clean!("/{pattern}/ is no pattern that can be used: {}", said.lines().last().unwrap_or_default().trim_start_matches("error: ")))
    })
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            f.write_str(if at > 0 { " " } else { "" })?;
            f.write_str(if term.not { "!" } else { "" })?;
            match &term.what {
                What::Words { text, .. } => f.write_str(&escape(text, '"'))?,
                What::Pattern { text, .. } => f.write_str(&escape(text, '/'))?,
                What::Level(level) => write!(f, "level:{}", level.word().to_lowercase())?,
                What::Who { field, value } => {
                    let name = FIELDS.iter().find(|(_, other)| other == field).map_or("", |(name, _)| name);
                    write!(f, "{name}:{value}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Id, SourceId, Version};
    use proptest::prelude::*;

    fn found(query: &str, text: &str, level: Level) -> bool {
        let mut stream = LogStream::new(Id::new(&SourceId::new("demo"), "1"), "cart-6b9d7f-x7k2p", "cart");
        stream.version = Version(Clean::from_static("2.8.0"));
        let query = Query::parse(query).expect("a query");
        let found = query.matches(text, level, &stream);
        assert!(!found || query.may_hear(&stream));
        found
    }

    #[test]
    fn a_query_says_what_a_line_must_have() {
        for (query, yes) in [
            ("", true),
            ("unknown currency", true),
            ("currency unknown", false),
            ("UNKNOWN currency", false),
            ("Unknown currency", true),
            ("/currency \"\\w*\"/", true),
            ("/^Unknown/ level:error", true),
            ("/^unknown/", true),
            ("/^UNKNOWN/", false),
            ("level:warn", true),
            ("level:fatal", false),
            ("!level:fatal", true),
            ("!healthz", true),
            ("!currency", false),
            ("unknown !healthz pod:x7k2p version:2.8.0", true),
            ("pod:other", false),
            ("!pod:other stream:CART container:cart", true),
            ("version:2.8", false),
            ("\"currency \\\"\\\"\"", true),
            ("price.rs:88", true),
            ("http://x", false),
        ] {
            assert_eq!(found(query, "Unknown currency \"\" at price.rs:88", Level::Error), yes, "{query}");
        }
        assert!(found("/var/log", "open /var/log/x", Level::Unknown), "a path is words");
        assert!(found("a / b", "a / b", Level::Unknown));
        assert!(found("wow !", "wow !", Level::Unknown));
    }

    #[test]
    fn a_query_that_can_not_be_used_says_why() {
        assert_eq!(&*Query::parse("level:eror").expect_err("refused").0, "level:eror is no level: trace, debug, info, warn, error or fatal");
        assert!(Query::parse("/(/").expect_err("refused").0.contains("unclosed group"));
        assert!(Query::regex("(a{1000}){1000}").is_err(), "too large");
    }

    #[test]
    fn backslashes_and_quotes_come_back() {
        for text in ["\\", "a\\\"b", "/a\\/ b/", "/a\\\\/", "\"a\\\\ b\"", "C:\\x \"y\"", "\"\"", "/", "//", "/a b"] {
            let query = Query::parse(text).expect("a query");
            let again = Query::parse(&query.to_string()).expect("what was printed parses");
            assert_eq!(again.to_string(), query.to_string(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_query_that_is_printed_is_the_same_query(
            text in "[ -~é]{0,24}|(!?(\"[a-z\\\\\" ]{1,6}\"|/[a-z.+ ]{1,6}/|level:(info|warn)|pod:[a-z0-9]{1,4}|[a-z]{1,5}) ){0,4}"
        ) {
            if let Ok(query) = Query::parse(&text) {
                let printed = query.to_string();
                let again = Query::parse(&printed).expect("what was printed parses");
                prop_assert_eq!(again.to_string(), printed);
                for line in ["", "a", "abc def", "info"] {
                    let stream = LogStream::new(Id::new(&SourceId::new("demo"), "1"), "abc", "x");
                    prop_assert_eq!(query.matches(line, Level::Info, &stream), again.matches(line, Level::Info, &stream));
                }
            }
        }
    }
}
