//! Which lines are shown, and the rows of one screen of them.

use super::{
    Buffer, Hits, Line, Query, Spot, Towards,
    shape::{shape_hash, text_hash},
};
use crate::{
    domain::{Id, Level, LineKind, LogStream},
    text::Clean,
};
use std::collections::{BTreeSet, HashMap};

/// How many lines a screen may look at while it seeks its rows; past it the search is a task of its own.
const PATIENCE: usize = 50_000;
/// How many lines are folded for one screen at most.
const FOLDED: usize = 8_192;
/// How far behind the last row repetitions of the rows above are still counted.
const TAIL: usize = 2_000;
/// Repetitions further apart than this are news, in nanoseconds.
const PAUSE: i64 = 60_000_000_000;

/// Whether lines that say the same again become `× 96`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Every line has its row.
    #[default]
    Never,
    /// Lines of one stream that are equal.
    Same,
    /// Lines of one stream that differ in numbers only.
    Alike,
}

/// Which lines are shown. Changes always are.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What they must have.
    pub query: Query,
    /// How bad they must be at least; those that do not say are let through below warnings.
    pub least: Level,
    /// Only these streams; empty for all.
    pub only: BTreeSet<Id<LogStream>>,
    /// Whether known sidecars speak too.
    pub sidecars: Sidecars,
    /// Whether repetitions fold.
    pub fold: Fold,
}

/// Whether known sidecars are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sidecars {
    /// They are left out and counted.
    #[default]
    Hidden,
    /// They speak as all do.
    Shown,
}

impl View {
    /// Whether a stream is heard at all.
    pub fn hears(&self, stream: &LogStream) -> bool {
        let chosen = self.only.is_empty() || self.only.contains(&stream.id);
        chosen && !self.hides(stream) && self.query.may_hear(stream)
    }

    /// Whether a stream is left out for being a sidecar that nobody asked for.
    fn hides(&self, stream: &LogStream) -> bool {
        stream.sidecar && self.sidecars == Sidecars::Hidden && !self.only.contains(&stream.id)
    }

    /// Whether a line is shown, its stream being heard.
    pub fn lets(&self, line: &Line<'_>) -> bool {
        let bad_enough = line.level >= self.least || line.level == Level::Unknown && self.least < Level::Warn;
        !line.is_said() || bad_enough && (self.query.is_empty() || self.query.finds(line))
    }

    /// Whether every line of the streams it hears is shown.
    fn lets_all(&self) -> bool {
        self.query.is_empty() && self.least == Level::Unknown
    }

    /// The sidecars that are left out: their names, each once, for `istio-proxy hidden`.
    pub fn hidden(&self, buffer: &Buffer) -> Vec<Clean> {
        let names: BTreeSet<Clean> = buffer.streams().filter(|stream| self.hides(stream)).map(|stream| stream.container.clone()).collect();
        names.into_iter().collect()
    }

    /// How many lines are left out with them.
    pub fn hidden_lines(&self, buffer: &Buffer) -> u64 {
        buffer.streams().filter(|stream| self.hides(stream)).map(|stream| buffer.kept_of(&stream.id).0).sum()
    }

    /// The next error in what is shown.
    pub fn trouble(&self, buffer: &Buffer, from: Option<Spot>, towards: Towards) -> Option<Spot> {
        let mut from = from;
        loop {
            let spot = buffer.trouble(from, towards, |stream| self.hears(stream))?;
            if buffer.line(spot).is_some_and(|line| self.lets(&line)) {
                return Some(spot);
            }
            from = Some(spot);
        }
    }

    fn fold_key(&self, line: &Line<'_>) -> Option<u64> {
        match self.fold {
            Fold::Never => None,
            Fold::Same => line.is_said().then(|| text_hash(line.text())),
            Fold::Alike => line.is_said().then(|| shape_hash(line.text())),
        }
    }
}

/// One row: a line, and how often it was said with those that fold into it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The first of them.
    pub line: Line<'a>,
    /// How many they are; 1 for a line alone.
    pub times: usize,
    /// Where the last of them stands.
    pub last: Spot,
}

/// Which lines a screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The newest: it follows.
    Newest,
    /// From this one on.
    From(Spot),
    /// Up to this one.
    Upto(Spot),
}

/// The rows of a screen.
#[derive(Clone, Debug, Default)]
pub struct Page<'a> {
    /// From old to new, at most as many as were asked for.
    pub rows: Vec<Row<'a>>,
    /// Whether the look back was given up: rows are missing that only [`super::Snapshot::search`] will find, or were said more often than they say.
    pub unfinished: bool,
}

/// The rows of one screen of `height`. With `hits`, from a search of the same view, only those lines are looked at.
pub fn page<'a>(buffer: &'a Buffer, view: &View, hits: Option<&Hits>, anchor: Anchor, height: usize) -> Page<'a> {
    match anchor {
        Anchor::From(spot) => {
            let mut seen = 0;
            let lines = lines(buffer, view, hits, Some(spot), Towards::Newer, &mut seen);
            let rows = fold(view, lines, height);
            Page { unfinished: seen >= PATIENCE && rows.len() < height, rows }
        }
        Anchor::Upto(spot) => upwards(buffer, view, hits, Some(spot.behind()), height),
        Anchor::Newest => upwards(buffer, view, hits, None, height),
    }
}

/// What a view lets through, along the log, or along what a search has found with the changes between.
fn lines<'a>(buffer: &'a Buffer, view: &View, hits: Option<&Hits>, from: Option<Spot>, towards: Towards, seen: &mut usize) -> impl Iterator<Item = Line<'a>> {
    let mut walk = buffer.walk_among(from, towards, |stream| hits.is_none() && view.hears(stream)).take(PATIENCE).peekable();
    let mut found = hits.map_or(&[][..], |hits| hits.from(from, towards));
    let all = view.lets_all();
    std::iter::from_fn(move || {
        let next = match towards {
            Towards::Newer => found.first(),
            Towards::Older => found.last(),
        };
        let hit_first = |hit: &Spot, line: &Line<'_>| if towards == Towards::Newer { *hit < line.spot } else { *hit > line.spot };
        if let Some(hit) = next
            && walk.peek().is_none_or(|line| hit_first(hit, line))
        {
            let hit = *hit;
            found = if towards == Towards::Newer { &found[1..] } else { &found[..found.len() - 1] };
            return Some(buffer.line(hit));
        }
        *seen += 1;
        walk.next().map(|line| (all || view.lets(&line)).then_some(line))
    })
    .flatten()
}

fn upwards<'a>(buffer: &'a Buffer, view: &View, hits: Option<&Hits>, from: Option<Spot>, height: usize) -> Page<'a> {
    let mut seen = 0;
    let mut older = lines(buffer, view, hits, from, Towards::Older, &mut seen);
    let mut window: Vec<Line<'a>> = Vec::new();
    let mut wanted = if view.fold == Fold::Never { height } else { (height * 4).clamp(256, FOLDED) };
    let (mut rows, given_up) = loop {
        let missing = wanted - window.len();
        window.extend(older.by_ref().take(missing));
        let rows = fold(view, window.iter().rev().copied(), usize::MAX);
        let given_up = window.len() == wanted && wanted >= FOLDED && view.fold != Fold::Never;
        // One row more than is shown, so that the first one shown was seen to begin.
        if rows.len() > height || window.len() < wanted || view.fold == Fold::Never || given_up {
            break (rows, given_up);
        }
        wanted = FOLDED.min(wanted * 4);
    };
    drop(older);
    let rows = rows.split_off(rows.len().saturating_sub(height));
    Page { unfinished: given_up || seen >= PATIENCE && rows.len() < height, rows }
}

/// Puts repetitions into the row of the first. A stream's repetitions end with another line of that stream, with a pause, and with a change.
fn fold<'a>(view: &View, lines: impl Iterator<Item = Line<'a>>, height: usize) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut open: HashMap<u64, (u64, usize)> = HashMap::new();
    let mut beyond = 0;
    for line in lines {
        let key = view.fold_key(&line);
        let stream = line.spot.stream() as u64;
        let same = open.get(&stream).filter(|(shape, row)| Some(*shape) == key && line.spot.time() - rows[*row].last.time() <= PAUSE);
        if let Some((_, row)) = same {
            (rows[*row].times, rows[*row].last) = (rows[*row].times + 1, line.spot);
        } else if rows.len() < height {
            match (line.kind, key) {
                (LineKind::Change, _) => open.clear(),
                (_, Some(key)) => drop(open.insert(stream, (key, rows.len()))),
                (_, None) => drop(open.remove(&stream)),
            }
            rows.push(Row { line, times: 1, last: line.spot });
        } else {
            open.remove(&stream);
        }
        beyond += usize::from(rows.len() >= height);
        if beyond > 0 && (open.is_empty() || beyond > TAIL || line.kind == LineKind::Change) {
            break;
        }
    }
    rows
}
