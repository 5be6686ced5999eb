//! Along the merged order of all streams, up or down, without ever writing that order down.

use super::{
    buffer::{Line, Spot},
    segment::Segment,
    stream::Stream,
};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Which way to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// To what was said earlier.
    Older,
    /// To what was said later.
    Newer,
}

/// The line that a stream would give next.
struct Head {
    spot: Spot,
    stream: usize,
    block: usize,
    at: usize,
    towards: Towards,
}

impl Head {
    fn new(streams: &[Stream], stream: usize, (block, at): (usize, usize), towards: Towards) -> Option<Self> {
        let held = streams[stream].blocks.get(block)?;
        let spot = Spot::new(held.time(at), stream, held.number(at));
        Some(Self { spot, stream, block, at, towards })
    }

    fn next(&self, streams: &[Stream]) -> Option<Self> {
        let blocks = &streams[self.stream].blocks;
        let place = match self.towards {
            Towards::Newer if self.at + 1 < blocks[self.block].len() => (self.block, self.at + 1),
            Towards::Newer => (self.block + 1, 0),
            Towards::Older if self.at > 0 => (self.block, self.at - 1),
            Towards::Older => last_of(blocks, self.block)?,
        };
        Self::new(streams, self.stream, place, self.towards)
    }
}

/// The last line before `block`.
fn last_of(blocks: &std::collections::VecDeque<std::sync::Arc<Segment>>, block: usize) -> Option<(usize, usize)> {
    let before = block.checked_sub(1)?;
    Some((before, blocks[before].len() - 1))
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.spot == other.spot
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    /// The greatest comes out of the heap first.
    fn cmp(&self, other: &Self) -> Ordering {
        match self.towards {
            Towards::Older => self.spot.cmp(&other.spot),
            Towards::Newer => other.spot.cmp(&self.spot),
        }
    }
}

/// Lines in the order of time, from a spot on.
pub struct Walk<'a> {
    streams: &'a [Stream],
    heads: BinaryHeap<Head>,
}

impl<'a> Walk<'a> {
    /// Along the streams that `heard` lets through; newer begins at `from` itself, older just before it. Without `from`, at the end it comes from.
    pub(super) fn new(streams: &'a [Stream], from: Option<Spot>, towards: Towards, heard: impl Fn(usize) -> bool) -> Self {
        let heads = (0..streams.len()).filter(|stream| heard(*stream)).filter_map(|stream| {
            let blocks = &streams[stream].blocks;
            let place = match (from, towards) {
                (None, Towards::Newer) => (0, 0),
                (None, Towards::Older) => last_of(blocks, blocks.len())?,
                (Some(spot), Towards::Newer) => streams[stream].seek(spot.time(), spot.number_in(stream)),
                (Some(spot), Towards::Older) => match streams[stream].seek(spot.time(), spot.number_in(stream)) {
                    (block, 0) => last_of(blocks, block)?,
                    (block, at) => (block, at - 1),
                },
            };
            Head::new(streams, stream, place, towards)
        });
        Self { streams, heads: heads.collect() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let head = {
            let mut top = self.heads.peek_mut()?;
            match top.next(self.streams) {
                Some(next) => std::mem::replace(&mut *top, next),
                None => std::collections::binary_heap::PeekMut::pop(top),
            }
        };
        let stream = &self.streams[head.stream];
        Some(Line::new(&stream.who, &stream.blocks[head.block], head.at, head.spot))
    }
}
