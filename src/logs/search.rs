//! Searching what is kept, away from the screen: over shared blocks, a block at a time, until told to stop.

use super::{Buffer, Line, Spot, Towards, segment::Segment, view::View};
use crate::domain::LogStream;
use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

/// What was kept at one moment. It shares its bytes with the buffer; lines that arrive later are not in it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    streams: Vec<(Arc<LogStream>, Vec<Arc<Segment>>)>,
}

impl Snapshot {
    pub(super) fn new(streams: Vec<(Arc<LogStream>, Vec<Arc<Segment>>)>) -> Self {
        Self { streams }
    }

    /// The lines that `view` lets through, without changes and notices. `None` when `stop` was set before the end.
    pub fn search(&self, view: &View, stop: &AtomicBool) -> Option<Hits> {
        let mut spots = Vec::new();
        self.each(view, stop, |line| {
            if line.is_said() {
                spots.push(line.spot);
            }
        })?;
        // Each stream's own are in order already, which this sort makes use of.
        spots.sort();
        Some(Hits { spots })
    }

    /// Hears every line that `view` lets through, stream by stream. `None` when `stop` was set before the end.
    pub(super) fn each<'a>(&'a self, view: &View, stop: &AtomicBool, mut hear: impl FnMut(Line<'a>)) -> Option<()> {
        for (number, (who, blocks)) in self.streams.iter().enumerate().filter(|(_, (who, _))| view.hears(who)) {
            for block in blocks {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                for at in 0..block.len() {
                    let line = Line::new(who, block, at, Spot::new(block.time(at), number, block.number(at)));
                    if view.lets(&line) {
                        hear(line);
                    }
                }
            }
        }
        Some(())
    }
}

/// Lines that were found, in the order of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    spots: Vec<Spot>,
}

impl Hits {
    /// A line that arrived after the search and matches too.
    pub fn add(&mut self, spot: Spot) {
        let at = self.spots.partition_point(|other| *other < spot);
        if self.spots.get(at) != Some(&spot) {
            self.spots.insert(at, spot);
        }
    }

    /// Lets go of those whose line was dropped.
    pub fn forget_dropped(&mut self, buffer: &Buffer) {
        self.spots.retain(|spot| buffer.line(*spot).is_some());
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// The next one after `spot`.
    pub fn after(&self, spot: Spot) -> Option<Spot> {
        self.spots.get(self.spots.partition_point(|other| *other <= spot)).copied()
    }

    /// The one before `spot`.
    pub fn before(&self, spot: Spot) -> Option<Spot> {
        self.spots[..self.rank(spot)].last().copied()
    }

    /// How many stand before `spot`: `hit 3 of 245` is the one of rank 2.
    pub fn rank(&self, spot: Spot) -> usize {
        self.spots.partition_point(|other| *other < spot)
    }

    /// Those from `from` on, or those before it; without it all.
    pub(super) fn from(&self, from: Option<Spot>, towards: Towards) -> &[Spot] {
        match (from, towards) {
            (None, _) => &self.spots,
            (Some(spot), Towards::Newer) => &self.spots[self.rank(spot)..],
            (Some(spot), Towards::Older) => &self.spots[..self.rank(spot)],
        }
    }

    /// All of them, in order.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }
}
