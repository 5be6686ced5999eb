//! The lines of one stream: blocks in the order of time, the oldest of which go first.

use super::segment::{BLOCK, Entry, Segment, Traits};
use crate::domain::{Level, LogLine, LogStream};
use std::{collections::VecDeque, sync::Arc};

/// One who speaks, and what is kept of it.
#[derive(Debug)]
pub(super) struct Stream {
    pub who: Arc<LogStream>,
    /// Each holds lines no earlier than the one before it; none is empty.
    pub blocks: VecDeque<Arc<Segment>>,
    pub lines: u64,
    pub weight: usize,
    /// Lines that were said and are no longer kept.
    pub dropped: u64,
    block: usize,
    next: u64,
    /// Nothing older than this is kept any more.
    horizon: i64,
    level: Level,
}

impl Stream {
    /// `cap` is the most it may weigh; its blocks are small enough that dropping one is not dropping everything.
    pub(super) fn new(who: LogStream, cap: usize) -> Self {
        Self {
            who: Arc::new(who),
            blocks: VecDeque::new(),
            lines: 0,
            weight: 0,
            dropped: 0,
            block: BLOCK.min(cap / 4),
            next: 0,
            horizon: i64::MIN,
            level: Level::Unknown,
        }
    }

    pub(super) fn last_time(&self) -> Option<i64> {
        self.blocks.back().map(|block| block.last_time())
    }

    /// Puts a line where its time says, after those of the same time. Its number, or `None` if everything of that time is gone already.
    pub(super) fn push(&mut self, time: i64, line: LogLine) -> Option<u64> {
        if time < self.horizon {
            self.dropped += 1;
            return None;
        }
        let number = self.next;
        self.next += 1;
        let continued = line.level == Level::Unknown && continues(&line.text.text);
        let level = if continued { self.level } else { line.level };
        self.level = level;
        let entry = Entry { time, number, traits: Traits::of(&line, level, continued), line };
        self.lines += 1;
        if self.last_time().is_none_or(|last| last <= time) {
            self.append(entry);
        } else {
            self.place(entry);
        }
        Some(number)
    }

    fn append(&mut self, entry: Entry) {
        let room = self.blocks.back().is_some_and(|last| last.has_room(entry.line.text.text.len(), self.block));
        if !room {
            if let Some(full) = self.blocks.back_mut().and_then(Arc::get_mut) {
                full.seal();
            }
            self.add_block(self.blocks.len(), Segment::new(entry.number));
        }
        let last = self.blocks.len() - 1;
        let at = self.blocks[last].len();
        self.insert(last, at, entry);
    }

    /// A late line: among others, at the cost of moving one block's worth of bytes.
    fn place(&mut self, entry: Entry) {
        let block = self.blocks.partition_point(|block| block.time(0) <= entry.time).saturating_sub(1);
        let at = self.blocks[block].place_for(entry.time);
        let (length, size) = (entry.line.text.text.len(), self.blocks[block].len());
        if self.blocks[block].has_room(length, self.block) {
            return self.insert(block, at, entry);
        }
        if at == 0 || at == size {
            let block = if at == 0 { block } else { block + 1 };
            self.add_block(block, Segment::new(entry.number));
            return self.insert(block, 0, entry);
        }
        // A back-fill goes on where it has begun, so the block is parted there, unless that leaves crumbs.
        let parted = if (size / 8..=size - size / 8).contains(&at) { at } else { size / 2 };
        let rest = self.change(block, |full| full.split_off(parted));
        self.add_block(block + 1, rest);
        self.place(entry);
    }

    fn insert(&mut self, block: usize, at: usize, entry: Entry) {
        self.change(block, |block| block.insert(at, entry));
    }

    fn change<T>(&mut self, block: usize, change: impl FnOnce(&mut Segment) -> T) -> T {
        // A search may still read the block; then it keeps the old one.
        let block = Arc::make_mut(&mut self.blocks[block]);
        self.weight -= block.weight();
        let out = change(block);
        self.weight += block.weight();
        out
    }

    fn add_block(&mut self, at: usize, block: Segment) {
        self.weight += block.weight();
        self.blocks.insert(at, Arc::new(block));
    }

    /// Lets go of the oldest block.
    pub(super) fn drop_oldest(&mut self) {
        let Some(oldest) = self.blocks.pop_front() else {
            return;
        };
        self.weight -= oldest.weight();
        self.lines -= oldest.len() as u64;
        self.dropped += oldest.len() as u64;
        self.horizon = oldest.last_time();
    }

    /// Lets go of all lines. Numbers go on from where they were.
    pub(super) fn empty(&mut self) {
        self.blocks.clear();
        (self.lines, self.weight) = (0, 0);
    }

    /// The first place at or after (`time`, `number`): block and line; past the end if there is none.
    pub(super) fn seek(&self, time: i64, number: u64) -> (usize, usize) {
        let block = self.blocks.partition_point(|block| {
            let last = block.len() - 1;
            (block.time(last), block.number(last)) < (time, number)
        });
        (block, self.blocks.get(block).map_or(0, |found| found.seek(time, number)))
    }

    /// Where the line of that number is.
    pub(super) fn find(&self, number: u64) -> Option<(usize, usize)> {
        // The newest are asked for most.
        (0..self.blocks.len()).rev().find_map(|block| Some((block, self.blocks[block].find(number)?)))
    }
}

/// Whether a line goes on with what the line before began: the frames of a stack, the body of a dump.
fn continues(text: &str) -> bool {
    text.starts_with(' ') || text.starts_with("Caused by: ") || text.starts_with("goroutine ") || text.starts_with("... ")
}
