//! A program of the person's own, which has the terminal for a while.

use crate::text::{Clean, Raw};

/// The words of a command, the program first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Raw>);

impl Program {
    /// The program and its arguments.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().map(Raw::new).collect())
    }

    /// The program and its arguments, as they are handed over.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Raw::expose)
    }

    /// The same as a person types it into a shell.
    pub fn typed(&self) -> Clean {
        Clean::from_untrusted(&self.words().map(quoted).collect::<Vec<_>>().join(" "))
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_not_take_it_as_it_is() {
        for (word, says) in [("alertname=CartErrorRate", "alertname=CartErrorRate"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$(x)", "'$(x)'"), ("", "''")] {
            assert_eq!(quoted(word), says);
        }
        assert_eq!(Program::new(["sh", "-c", "exec sh"]).typed().as_str(), "sh -c 'exec sh'");
    }
}
