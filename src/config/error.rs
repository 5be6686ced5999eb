//! Errors with their place: `file:line:column`, the line, a caret, and what to do.

use super::{literal, read};
use crate::text::Clean;
use std::{fmt, ops::Range, path::Path, sync::Arc};
use unicode_width::UnicodeWidthStr;

/// One thing that is wrong with the configuration, told with its remedy. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    place: Place,
    what: Clean,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A file or the like as a whole.
    Whole(Clean),
    /// A spot in a file.
    Spot { file: Clean, line: usize, column: usize, excerpt: Option<Excerpt> },
}

/// The line of the spot and what is pointed at in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: Clean,
    before: usize,
    width: usize,
}

impl ConfigError {
    /// `what` is wrong with a file as a whole.
    pub fn of_file(file: &Path, what: &str) -> Self {
        Self { place: Place::Whole(Clean::from_untrusted(&file.to_string_lossy())), what: Clean::from_untrusted(what) }
    }

    /// What is wrong and what to do, without the place.
    pub fn what(&self) -> &Clean {
        &self.what
    }

    /// `file:line:column`, or the file alone.
    pub fn place(&self) -> Clean {
        match &self.place {
            Place::Whole(name) => name.clone(),
            Place::Spot { file, line, column, .. } => crate::clean!("{file}:{line}:{column}"),
        }
    }

    /// Puts errors in the order in which a person comes across them: file by file as they were found, each from its beginning.
    pub fn in_order(errors: Vec<Self>) -> Vec<Self> {
        let spot = |error: &Self| match &error.place {
            Place::Whole(name) => (name.clone(), 0, 0),
            Place::Spot { file, line, column, .. } => (file.clone(), *line, *column),
        };
        let mut files: Vec<Clean> = Vec::new();
        errors.iter().map(|error| spot(error).0).for_each(|file| {
            if !files.contains(&file) {
                files.push(file);
            }
        });
        let mut errors = errors;
        errors.sort_by_key(|error| {
            let (file, line, column) = spot(error);
            (files.iter().position(|known| *known == file), line, column)
        });
        errors
    }

    /// What is told, line by line: the place and what is wrong there, then the line itself with a caret.
    pub fn lines(&self) -> Vec<Clean> {
        let mut lines = vec![crate::clean!("{}: {}", self.place(), self.what)];
        if let Place::Spot { line, excerpt: Some(excerpt), .. } = &self.place {
            let gutter = line.to_string();
            lines.push(crate::clean!(" {gutter} | {}", excerpt.line));
            lines.push(crate::clean!(" {:w$} | {:before$}{}", "", "", "^".repeat(excerpt.width), w = gutter.len(), before = excerpt.before));
        }
        lines
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// A text of the configuration and where it came from.
#[derive(Clone, Default)]
pub(super) struct Text {
    origin: Clean,
    is_file: bool,
    body: Arc<str>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({})", self.origin)
    }
}

/// Widest excerpt of a line, in characters.
const EXCERPT: usize = 120;

impl Text {
    /// The content of a file, whatever its line ends; a byte order mark at its beginning does not count.
    pub fn file(name: &Path, body: &str) -> Self {
        let body = body.strip_prefix('\u{feff}').unwrap_or(body).replace("\r\n", "\n");
        Self { origin: Clean::from_untrusted(&name.to_string_lossy()), is_file: true, body: body.into() }
    }

    /// What a variable or a flag says.
    pub fn said(origin: &str, body: &str) -> Self {
        Self { origin: Clean::from_untrusted(origin), is_file: false, body: body.into() }
    }

    pub fn body(&self) -> &str {
        &self.body
    }

    /// The error that `what` is wrong at these bytes.
    pub fn error(&self, span: &Range<usize>, what: &str) -> ConfigError {
        let what = Clean::from_untrusted(&literal::masked(what));
        if !self.is_file {
            return ConfigError { place: Place::Whole(self.origin.clone()), what };
        }
        let start = self.floor(span.start);
        let begin = self.body[..start].rfind('\n').map_or(0, |i| i + 1);
        let end = self.body[start..].find('\n').map_or(self.body.len(), |i| start + i);
        let line = 1 + self.body[..begin].matches('\n').count();
        let column = 1 + self.body[begin..start].chars().count();
        // In a text that is no TOML any line may be the middle of a secret.
        let may_show = literal::looks_like_config(&self.body[begin..end]) || read::parse(&self.body).is_ok();
        let excerpt = may_show.then(|| excerpt(&self.body[begin..end], column - 1, self.pointed(span, end))).flatten();
        ConfigError { place: Place::Spot { file: self.origin.clone(), line, column, excerpt }, what }
    }

    /// How many characters of the line are pointed at.
    fn pointed(&self, span: &Range<usize>, line_end: usize) -> usize {
        let (start, end) = (self.floor(span.start), self.floor(span.end.min(line_end)));
        if end > start { self.body[start..end].trim_end().chars().count().max(1) } else { 1 }
    }

    fn floor(&self, at: usize) -> usize {
        (0..=at.min(self.body.len())).rev().find(|i| self.body.is_char_boundary(*i)).unwrap_or(0)
    }
}

/// The line with the spot in sight, without what might be a secret; nothing where the line is no more than that.
fn excerpt(line: &str, column: usize, pointed: usize) -> Option<Excerpt> {
    let masked = literal::masked(line);
    if masked != line && masked.chars().count() < column {
        return None;
    }
    let from = column.saturating_sub(EXCERPT / 2);
    let part = |from: usize, count: usize| masked.chars().skip(from).take(count).collect::<String>();
    let clean = |text: &str| Clean::from_untrusted(text);
    let before = clean(&part(from, column - from)).width();
    let width = clean(&part(column, pointed.min(EXCERPT / 2))).width().max(1);
    Some(Excerpt { line: clean(&part(from, EXCERPT)), before, width })
}
