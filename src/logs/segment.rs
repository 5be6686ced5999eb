//! A block of lines: one text, and per line 13 bytes that say where it ends, when it was said and what it is.

use crate::{
    domain::{Level, LineKind, LogLine},
    text::Span,
};
use std::{collections::BTreeMap, mem::size_of};

/// How much text a block holds before the next one begins.
pub(super) const BLOCK: usize = 256 * 1024;

/// What a line is, in one byte: its level, its kind, whether it belongs to the line before, whether it was stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traits(u8);

impl Traits {
    const CONTINUED: u8 = 1 << 5;
    const STAMPED: u8 = 1 << 6;

    pub(super) fn of(line: &LogLine, level: Level, continued: bool) -> Self {
        let kind = match line.kind {
            LineKind::Output => 0,
            LineKind::Previous => 1,
            LineKind::Notice => 2,
            LineKind::Change => 3,
        };
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        Self(level as u8 | kind << 3 | flag(continued, Self::CONTINUED) | flag(line.at.is_some(), Self::STAMPED))
    }

    pub(super) fn level(self) -> Level {
        Level::ALL[usize::from(self.0 & 7).min(Level::ALL.len() - 1)]
    }

    pub(super) fn kind(self) -> LineKind {
        [LineKind::Output, LineKind::Previous, LineKind::Notice, LineKind::Change][usize::from(self.0 >> 3 & 3)]
    }

    pub(super) fn continued(self) -> bool {
        self.0 & Self::CONTINUED != 0
    }

    pub(super) fn stamped(self) -> bool {
        self.0 & Self::STAMPED != 0
    }
}

/// The numbers of a block's lines in the order in which they arrived.
#[derive(Clone, Debug)]
enum Numbers {
    /// One after another from here.
    From(u64),
    /// Late lines stand between others.
    Each(Vec<u64>),
}

/// Lines of one stream in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    text: String,
    ends: Vec<u32>,
    /// Nanoseconds since 1970.
    times: Vec<i64>,
    traits: Vec<Traits>,
    numbers: Numbers,
    spans: BTreeMap<u64, Box<[Span]>>,
    span_bytes: usize,
    /// Of each level, so that a search for trouble passes over blocks without any.
    levels: [u32; 7],
}

/// A line on its way into a block.
pub(super) struct Entry {
    pub time: i64,
    pub number: u64,
    pub traits: Traits,
    pub line: LogLine,
}

impl Segment {
    pub(super) fn new(first: u64) -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            times: Vec::new(),
            traits: Vec::new(),
            numbers: Numbers::From(first),
            spans: BTreeMap::new(),
            span_bytes: 0,
            levels: [0; 7],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// What it costs in memory, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let numbers = match &self.numbers {
            Numbers::From(_) => 0,
            Numbers::Each(numbers) => numbers.len() * size_of::<u64>(),
        };
        let per_line = size_of::<u32>() + size_of::<i64>() + size_of::<Traits>();
        size_of::<Self>() + self.text.len() + self.len() * per_line + numbers + self.span_bytes
    }

    /// Whether `more` bytes still find room.
    pub(super) fn has_room(&self, more: usize, block: usize) -> bool {
        self.len() == 0 || self.text.len() + more <= block
    }

    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1] as usize }
    }

    pub(super) fn text(&self, at: usize) -> &str {
        &self.text[self.start(at)..self.ends[at] as usize]
    }

    pub(super) fn time(&self, at: usize) -> i64 {
        self.times[at]
    }

    pub(super) fn traits(&self, at: usize) -> Traits {
        self.traits[at]
    }

    pub(super) fn number(&self, at: usize) -> u64 {
        match &self.numbers {
            Numbers::From(first) => first + at as u64,
            Numbers::Each(numbers) => numbers[at],
        }
    }

    pub(super) fn spans(&self, at: usize) -> &[Span] {
        if self.spans.is_empty() {
            return &[];
        }
        self.spans.get(&self.number(at)).map_or(&[], |spans| spans)
    }

    pub(super) fn last_time(&self) -> i64 {
        self.times.last().copied().unwrap_or(i64::MIN)
    }

    pub(super) fn count(&self, level: Level) -> u32 {
        self.levels[level as usize]
    }

    /// How many lines there are no later than `time`: where a line said then belongs.
    pub(super) fn place_for(&self, time: i64) -> usize {
        self.times.partition_point(|said| *said <= time)
    }

    /// The first line that stands at or after (`time`, `number`).
    pub(super) fn seek(&self, time: i64, number: u64) -> usize {
        let equal = self.times.partition_point(|said| *said < time);
        let same = self.times[equal..].partition_point(|said| *said == time);
        let (mut low, mut high) = (equal, equal + same);
        while low < high {
            let middle = low.midpoint(high);
            if self.number(middle) < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where the line of that number is.
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        match &self.numbers {
            Numbers::From(first) => number.checked_sub(*first).map(|at| at as usize).filter(|at| *at < self.len()),
            Numbers::Each(numbers) => numbers.iter().position(|other| *other == number),
        }
    }

    /// Puts a line at place `at`; what is behind moves by it.
    pub(super) fn insert(&mut self, at: usize, entry: Entry) {
        let Entry { time, number, traits, line } = entry;
        self.renumber(at, number);
        let start = self.start(at);
        let length = line.text.text.len() as u32;
        self.text.insert_str(start, &line.text.text);
        self.ends[at..].iter_mut().for_each(|end| *end += length);
        self.ends.insert(at, start as u32 + length);
        self.times.insert(at, time);
        self.traits.insert(at, traits);
        self.levels[traits.level() as usize] += 1;
        if !line.text.spans.is_empty() {
            self.span_bytes += size_of_val(&*line.text.spans) + 64;
            self.spans.insert(number, line.text.spans);
        }
    }

    fn renumber(&mut self, at: usize, number: u64) {
        if self.len() == 0 {
            self.numbers = Numbers::From(number);
            return;
        }
        if let Numbers::From(first) = self.numbers {
            if at == self.len() && number == first + at as u64 {
                return;
            }
            self.numbers = Numbers::Each((first..first + self.len() as u64).collect());
        }
        if let Numbers::Each(numbers) = &mut self.numbers {
            numbers.insert(at, number);
        }
    }

    /// Takes the lines from `at` on out into a block of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let start = self.start(at);
        let mut ends = self.ends.split_off(at);
        ends.iter_mut().for_each(|end| *end -= start as u32);
        let numbers = match &mut self.numbers {
            Numbers::From(first) => Numbers::From(*first + at as u64),
            Numbers::Each(numbers) => Numbers::Each(numbers.split_off(at)),
        };
        let mut rest =
            Self { text: self.text.split_off(start), ends, times: self.times.split_off(at), traits: self.traits.split_off(at), numbers, ..Self::new(0) };
        for line in 0..rest.len() {
            if let Some(spans) = self.spans.remove(&rest.number(line)) {
                rest.spans.insert(rest.number(line), spans);
            }
        }
        self.recount();
        rest.recount();
        self.seal();
        rest
    }

    fn recount(&mut self) {
        self.levels = [0; 7];
        self.traits.iter().for_each(|traits| self.levels[traits.level() as usize] += 1);
        self.span_bytes = self.spans.values().map(|spans| size_of_val(&**spans) + 64).sum();
    }

    /// Gives back the room that was kept for more.
    pub(super) fn seal(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.times.shrink_to_fit();
        self.traits.shrink_to_fit();
    }
}
