//! Lines of one shape: how many, since when, and which versions say them.

use super::{
    Line, Snapshot, Spot,
    shape::{shape, shape_hash},
    view::View,
};
use crate::{
    clean,
    domain::{Level, Version},
    text::{Clean, count},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::AtomicBool,
};

/// What is known of the lines of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// The shape, numbers and ids written `#`.
    pub shape: Clean,
    /// The first of them.
    pub first: Spot,
    /// When that was, if it was stamped.
    pub since: Option<Timestamp>,
    /// The worst level among them.
    pub level: Level,
    /// How many.
    pub lines: u64,
    /// How many each version said.
    pub versions: BTreeMap<Version, u64>,
    /// What was kept from before the first one.
    pub before: Before,
}

/// Whether it is known that nothing of a shape was said earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Lines from before are kept, none of them of this shape.
    None,
    /// Nothing from before is kept.
    Unknown,
}

impl Alike {
    /// Whether only `version` says it.
    pub fn is_only(&self, version: &Version) -> bool {
        self.versions.len() == 1 && self.versions.contains_key(version)
    }

    /// `245 lines like this since 02:54:31: all 2.8.0, none before`, with the time as the screen writes it.
    pub fn sentence(&self, since: &str) -> Clean {
        let lines = if self.lines == 1 { "1 line".to_owned() } else { format!("{} lines", count(self.lines)) };
        let mut who: Vec<_> = self.versions.iter().filter(|(version, _)| !version.0.is_empty()).collect();
        who.sort_by(|a, b| b.1.cmp(a.1));
        let who = match who[..] {
            [] => String::new(),
            [(version, said)] if *said == self.lines => format!(": all {version}"),
            _ => format!(": {}", who.iter().map(|(version, said)| format!("{} {version}", count(**said))).collect::<Vec<_>>().join(", ")),
        };
        let before = match self.before {
            Before::None => ", none before",
            Before::Unknown => "",
        };
        clean!("{lines} like this since {since}{who}{before}")
    }
}

impl Snapshot {
    /// What is known of the lines shaped like `text`, among those that `view` lets through. `None` if there are none, or `stop` was set.
    pub fn alike(&self, text: &str, view: &View, stop: &AtomicBool) -> Option<Alike> {
        let wanted = shape_hash(text);
        let mut shapes = Shapes::default();
        self.each(view, stop, |line| {
            shapes.sees(&line);
            if shape_hash(line.text()) == wanted {
                shapes.take(wanted, &line);
            }
        })?;
        shapes.finish().pop()
    }

    /// All shapes at `least` or worse among the lines that `view` lets through, the most frequent first. `None` if `stop` was set.
    pub fn shapes(&self, least: Level, view: &View, stop: &AtomicBool) -> Option<Vec<Alike>> {
        let mut shapes = Shapes::default();
        self.each(view, stop, |line| {
            shapes.sees(&line);
            if line.level >= least && !line.continued {
                shapes.take(shape_hash(line.text()), &line);
            }
        })?;
        Some(shapes.finish())
    }
}

#[derive(Default)]
struct Shapes {
    oldest: Option<Spot>,
    found: HashMap<u64, Alike>,
}

impl Shapes {
    fn sees(&mut self, line: &Line<'_>) {
        self.oldest = Some(self.oldest.map_or(line.spot, |oldest| oldest.min(line.spot)));
    }

    fn take(&mut self, key: u64, line: &Line<'_>) {
        if !line.is_said() {
            return;
        }
        let alike = self.found.entry(key).or_insert_with(|| Alike {
            shape: Clean::from_untrusted(&shape(line.text())),
            first: line.spot,
            since: line.at,
            level: line.level,
            lines: 0,
            versions: BTreeMap::new(),
            before: Before::Unknown,
        });
        if line.spot < alike.first {
            (alike.first, alike.since) = (line.spot, line.at);
        }
        alike.level = alike.level.max(line.level);
        alike.lines += 1;
        match alike.versions.get_mut(&line.stream.version) {
            Some(said) => *said += 1,
            None => drop(alike.versions.insert(line.stream.version.clone(), 1)),
        }
    }

    fn finish(self) -> Vec<Alike> {
        let oldest = self.oldest;
        let mut all: Vec<Alike> = self.found.into_values().collect();
        for alike in &mut all {
            alike.before = if oldest.is_some_and(|oldest| oldest < alike.first) { Before::None } else { Before::Unknown };
        }
        all.sort_by(|a, b| b.lines.cmp(&a.lines).then(a.first.cmp(&b.first)));
        all
    }
}
