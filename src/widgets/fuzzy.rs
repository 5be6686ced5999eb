//! Finding by a few letters: the palette, and every list that is long.

use super::{Align, Line, Piece, draw_line, field, highlight, line_width, pad};
use crate::{
    text::Clean,
    theme::{Role, Theme},
};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use ratatui::{buffer::Buffer, layout::Rect};
use std::ops::Range;

/// Something that can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is searched and shown.
    pub name: Clean,
    /// What it does, in a few words.
    pub says: Clean,
    /// The key that does the same.
    pub key: Clean,
    /// Why it can not be chosen now; empty where it can.
    pub why_not: Clean,
}

impl Choice {
    /// Whether Enter on it does something.
    pub fn available(&self) -> bool {
        self.why_not.is_empty()
    }
}

/// A choice that matches what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one of those given.
    pub index: usize,
    /// The bytes of its name that matched.
    pub letters: Vec<Range<usize>>,
}

/// The choices whose name or description holds the typed letters in their order, the best first; all, as given, when nothing was typed.
/// What can not be chosen comes after what can, whatever its score.
pub fn rank(typed: &str, choices: &[Choice]) -> Vec<Found> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
    let mut scored: Vec<(u32, Found)> = choices
        .iter()
        .enumerate()
        .filter_map(|(index, choice)| {
            let (score, letters) = by_name(&pattern, &choice.name, &mut matcher).or_else(|| by_words(&pattern, choice, &mut matcher))?;
            Some((score, Found { index, letters }))
        })
        .collect();
    scored.sort_by_key(|(score, found)| (!choices[found.index].available(), std::cmp::Reverse(*score), found.index));
    scored.into_iter().map(|(_, found)| found).collect()
}

fn by_name(pattern: &Pattern, name: &str, matcher: &mut Matcher) -> Option<(u32, Vec<Range<usize>>)> {
    let (mut chars, mut at) = (Vec::new(), Vec::new());
    let text = Utf32Str::new(name, &mut chars);
    let score = pattern.indices(text, matcher, &mut at)?;
    at.sort_unstable();
    at.dedup();
    Some((score.saturating_mul(2), bytes(name, &at)))
}

/// A match in the description counts, below one in the name.
fn by_words(pattern: &Pattern, choice: &Choice, matcher: &mut Matcher) -> Option<(u32, Vec<Range<usize>>)> {
    let mut chars = Vec::new();
    let words = format!("{} {}", choice.name, choice.says);
    Some((pattern.score(Utf32Str::new(&words, &mut chars), matcher)?, Vec::new()))
}

/// The matcher counts characters (the first of each cluster); lines are sliced by bytes.
fn bytes(name: &str, at: &[u32]) -> Vec<Range<usize>> {
    use unicode_segmentation::UnicodeSegmentation;
    let clusters: Vec<Range<usize>> = if name.is_ascii() {
        (0..name.len()).map(|byte| byte..byte + 1).collect()
    } else {
        name.grapheme_indices(true).map(|(byte, cluster)| byte..byte + cluster.len()).collect()
    };
    at.iter().filter_map(|index| clusters.get(*index as usize).cloned()).collect()
}

/// A list of choices with one selected.
pub struct Picker<'a> {
    /// All choices.
    pub choices: &'a [Choice],
    /// Those to show, in order.
    pub found: &'a [Found],
    /// Which of `found` is selected.
    pub selected: usize,
}

impl Picker<'_> {
    /// Draws as many as `area` has rows, the selected one among them.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buf.area);
        super::clear(buf, area, theme);
        if self.found.is_empty() {
            let says = [vec![Piece::new(Role::Dim, "nothing matches")]];
            return super::table::draw_empty(buf, Rect { height: area.height.min(1), ..area }, &says, theme);
        }
        let names = self.found.iter().map(|found| super::width(&self.choices[found.index].name)).max().unwrap_or(0).min(usize::from(area.width) / 2);
        let first = super::viewport(self.selected, 0, usize::from(area.height), self.found.len());
        for (row, (at, found)) in area.rows().zip(self.found.iter().enumerate().skip(first)) {
            let line = self.line(found, names, usize::from(area.width));
            draw_line(buf, row, &line, Align::Left, theme);
            if at == self.selected {
                buf.set_style(row, theme.style(Role::Cursor));
            }
        }
    }

    fn line(&self, found: &Found, names: usize, width: usize) -> Line {
        let choice = &self.choices[found.index];
        let role = if choice.available() { Role::Text } else { Role::Faint };
        let name = highlight(&[Piece::new(role, choice.name.clone())], &found.letters, if choice.available() { Role::Accent } else { Role::Dim });
        let says = if choice.available() { Piece::new(Role::Dim, choice.says.clone()) } else { Piece::new(Role::Warn, choice.why_not.clone()) };
        let key = vec![Piece::new(Role::Key, choice.key.clone())];
        let left = [pad(&name, names, Align::Left), vec![Piece::blank(2), says]].concat();
        let room = width.saturating_sub(line_width(&key) + 1);
        if choice.key.is_empty() || room < names { left } else { [pad(&left, room, Align::Left), vec![Piece::blank(1)], key].concat() }
    }
}

/// Draws the palette: the field on top, the list below it.
pub fn palette(buf: &mut Buffer, area: Rect, typed: &super::Field, picker: &Picker<'_>, theme: &Theme) {
    let area = area.intersection(buf.area);
    let count = vec![Piece::new(Role::Dim, crate::clean!("{} of {}", picker.found.len(), picker.choices.len()))];
    field::prompt(buf, area, &[Piece::new(Role::Key, ":")], typed, &super::Look::Plain, &count, theme);
    picker.draw(buf, Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area }, theme);
}

#[cfg(test)]
mod tests {
    use super::super::{
        Field,
        tests::{drawn, theme},
    };
    use super::*;

    fn choices() -> Vec<Choice> {
        let choice = |name: &'static str, says: &'static str, key: &'static str, why_not: &'static str| Choice {
            name: name.into(),
            says: says.into(),
            key: key.into(),
            why_not: why_not.into(),
        };
        vec![
            choice("restart", "roll out the same version anew", "r", ""),
            choice("roll back", "to the last proven version", "R", ""),
            choice("scale", "set the number of replicas", "", ""),
            choice("resume", "let a paused rollout go on", "", "cart is not paused"),
        ]
    }

    fn names(typed: &str) -> Vec<String> {
        let choices = choices();
        rank(typed, &choices).iter().map(|found| choices[found.index].name.to_string()).collect()
    }

    #[test]
    fn a_few_letters_find_the_best_first() {
        assert_eq!(names("rb")[0], "roll back");
        assert_eq!(names("replicas"), ["scale"], "descriptions are searched too");
        assert_eq!(names("zzz"), [""; 0]);
    }

    #[test]
    fn nothing_typed_shows_all_and_what_can_not_be_chosen_comes_last() {
        assert_eq!(names(""), ["restart", "roll back", "scale", "resume"]);
        assert_eq!(names("res").last().map(String::as_str), Some("resume"));
    }

    #[test]
    fn matched_letters_are_whole_characters_in_any_script() {
        let choices = vec![Choice { name: "zürich 漢字".into(), says: Clean::EMPTY, key: Clean::EMPTY, why_not: Clean::EMPTY }];
        let found = rank("字", &choices);
        let name = &choices[0].name;
        assert_eq!(found[0].letters.iter().map(|letters| &name[letters.clone()]).collect::<String>(), "字");
    }

    #[test]
    fn the_palette_says_why_a_choice_is_not_available() {
        let (choices, typed) = (choices(), Field::holding("re"));
        let found = rank(typed.text(), &choices);
        let picker = Picker { choices: &choices, found: &found, selected: 0 };
        insta::assert_snapshot!(drawn(48, 5, |buf, area| palette(buf, area, &typed, &picker, &theme())), @"
        :re                                       4 of 4
        restart    roll out the same version anew      r
        scale      set the number of replicas
        roll back  to the last proven version          R
        resume     cart is not paused
        ");
    }
}
