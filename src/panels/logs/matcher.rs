//! What a filter of a log means.

use crate::{domain::Level, logs::Line};
use regex::{Regex, RegexBuilder};

/// A filter: words or a regular expression, `!` for everything else, `level:error` and `pod:x7k2p` beside it.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    level: Option<Level>,
    pod: Option<String>,
    words: Option<Regex>,
    inverted: bool,
}

/// How large a compiled expression may get: a filter is typed by a person.
const SIZE: usize = 1 << 20;

impl Matcher {
    /// Reads what was typed. Words that are no regular expression are taken as they stand; small letters fit any case.
    pub fn read(text: &str) -> Self {
        let mut matcher = Self::default();
        let mut rest = Vec::new();
        for word in text.split_whitespace() {
            match word.split_once(':') {
                Some(("level", level)) => matcher.level = Level::named(level),
                Some(("pod", pod)) => matcher.pod = Some(pod.to_owned()),
                _ => rest.push(word),
            }
        }
        let rest = rest.join(" ");
        let (rest, inverted) = rest.strip_prefix('!').map_or((rest.as_str(), false), |rest| (rest, true));
        let any_case = !rest.chars().any(char::is_uppercase);
        let build = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(any_case).size_limit(SIZE).dfa_size_limit(4 * SIZE).build().ok();
        matcher.inverted = inverted;
        matcher.words = (!rest.is_empty()).then(|| build(rest).or_else(|| build(&regex::escape(rest)))).flatten();
        matcher
    }

    /// Whether a line is shown. Our own marks always are.
    pub fn fits(&self, line: &Line<'_>) -> bool {
        if matches!(line.kind, crate::domain::LineKind::Change | crate::domain::LineKind::Notice) {
            return true;
        }
        self.level.is_none_or(|least| line.level >= least)
            && self.pod.as_ref().is_none_or(|pod| line.stream.pod.contains(pod.as_str()))
            && self.words.as_ref().is_none_or(|words| words.is_match(line.text()) != self.inverted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_expression_is_taken_as_it_stands() {
        assert!(Matcher::read("price.rs:88 (").words.is_some_and(|words| words.is_match("at Price.rs:88 (x")));
        assert!(Matcher::read("!noise").inverted);
        assert_eq!(Matcher::read("level:error boom").level, Some(Level::Error));
    }
}
