//! All that is kept of all streams.

use super::{
    segment::Segment,
    stream::Stream,
    walk::{Towards, Walk},
};
use crate::{
    domain::{Id, Level, LineKind, LogLine, LogStream, SourceId},
    text::{Clean, Painted, Span, count},
};
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};

/// How many bits of a line's number count the lines of its stream.
const NUMBER_BITS: u32 = 44;
/// The stream of our own lines: changes, notices.
const MARKS: usize = 0;

/// One line for as long as the console runs, also after it was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(u64);

/// Where a line stands among all: by time, then by stream, then as it arrived. A spot outlives its line, so a cursor that stood on it stays near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    time: i64,
    id: LineId,
}

impl Spot {
    pub(super) fn new(time: i64, stream: usize, number: u64) -> Self {
        Self { time, id: LineId((stream as u64) << NUMBER_BITS | number) }
    }

    /// Just before everything that was said at `at` or later: to go to a time.
    pub fn at(at: Timestamp) -> Self {
        Self { time: nanos(at), id: LineId(0) }
    }

    /// The line that stands here.
    pub fn id(self) -> LineId {
        self.id
    }

    /// The spot just behind this one.
    pub fn behind(self) -> Self {
        Self { time: self.time, id: LineId(self.id.0 + 1) }
    }

    pub(super) fn time(self) -> i64 {
        self.time
    }

    pub(super) fn stream(self) -> usize {
        (self.id.0 >> NUMBER_BITS) as usize
    }

    fn number(self) -> u64 {
        self.id.0 & ((1 << NUMBER_BITS) - 1)
    }

    /// Seen from another stream: the number of its first line that is not before this spot.
    pub(super) fn number_in(self, stream: usize) -> u64 {
        match self.stream().cmp(&stream) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => self.number(),
            std::cmp::Ordering::Greater => u64::MAX,
        }
    }
}

/// Nanoseconds since 1970, at the ends of what 64 bits hold for times that no log has.
pub(super) fn nanos(at: Timestamp) -> i64 {
    at.as_nanosecond().clamp(i128::from(i64::MIN + 1), i128::from(i64::MAX)) as i64
}

/// A line as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Where it stands.
    pub spot: Spot,
    /// Who said it.
    pub stream: &'a Arc<LogStream>,
    /// When, if it was stamped.
    pub at: Option<Timestamp>,
    /// How bad it is; a line that goes on with another has that one's level.
    pub level: Level,
    /// Where it comes from.
    pub kind: LineKind,
    /// Whether it goes on with the line before: a frame of a stack.
    pub continued: bool,
    text: &'a str,
    spans: &'a [Span],
}

impl<'a> Line<'a> {
    pub(super) fn new(stream: &'a Arc<LogStream>, block: &'a Segment, at: usize, spot: Spot) -> Self {
        let traits = block.traits(at);
        Self {
            spot,
            stream,
            at: traits.stamped().then(|| Timestamp::from_nanosecond(spot.time.into()).ok()).flatten(),
            level: traits.level(),
            kind: traits.kind(),
            continued: traits.continued(),
            text: block.text(at),
            spans: block.spans(at),
        }
    }

    /// What it says, harmless since it arrived.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What it says, to be drawn.
    pub fn clean(&self) -> Clean {
        Clean::from_untrusted(self.text)
    }

    /// What it says, in its own colours.
    pub fn painted(&self) -> Painted {
        Painted { text: self.clean(), spans: self.spans.into() }
    }

    /// What it says, for one row: without what has a column of its own, JSON with its message first.
    pub fn brief(&self) -> Painted {
        super::line::brief(self.text, self.spans)
    }

    /// Whether a program said it, rather than we.
    pub fn is_said(&self) -> bool {
        match self.kind {
            LineKind::Output | LineKind::Previous => true,
            LineKind::Notice | LineKind::Change => false,
        }
    }

    /// Whether a search for trouble stops here: an error that begins here.
    pub fn is_trouble(&self) -> bool {
        self.level.is_trouble() && !self.continued
    }
}

/// How much is kept, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Of one stream.
    pub stream: usize,
    /// Of all together.
    pub total: usize,
}

impl Default for Caps {
    /// 64 MiB and 256 MiB.
    fn default() -> Self {
        Self { stream: 64 << 20, total: 256 << 20 }
    }
}

/// The lines of many streams, merged by time, the oldest of which are dropped and counted.
#[derive(Debug)]
pub struct Buffer {
    streams: Vec<Stream>,
    by_id: HashMap<Id<LogStream>, usize>,
    caps: Caps,
    weight: usize,
    lost: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new(Caps::default())
    }
}

impl Buffer {
    /// Nothing yet.
    pub fn new(caps: Caps) -> Self {
        let mut buffer = Self { streams: Vec::new(), by_id: HashMap::new(), caps, weight: 0, lost: 0 };
        buffer.open(LogStream::new(Id::new(&SourceId::new("pilothouse"), "marks"), "", ""));
        buffer
    }

    /// A stream that will speak, or what is known of it now.
    pub fn open(&mut self, stream: LogStream) {
        match self.by_id.get(&stream.id) {
            Some(known) => self.streams[*known].who = Arc::new(stream),
            None => {
                self.by_id.insert(stream.id.clone(), self.streams.len());
                self.streams.push(Stream::new(stream, self.caps.stream));
            }
        }
    }

    /// A line of a stream, put where its time says. Its spot, unless that is older than what is kept.
    pub fn push(&mut self, stream: &Id<LogStream>, line: LogLine) -> Option<Spot> {
        let stream = match self.by_id.get(stream) {
            Some(stream) => *stream,
            None => {
                self.open(LogStream::new(stream.clone(), stream.key(), ""));
                self.by_id[stream]
            }
        };
        self.push_to(stream, line)
    }

    /// A change or a notice among the lines.
    pub fn mark(&mut self, at: Option<Timestamp>, kind: LineKind, text: Clean) -> Option<Spot> {
        self.push_to(MARKS, LogLine { at, level: Level::Unknown, text: text.into(), kind })
    }

    /// Lines that never arrived, because they came faster than they could be taken: counted, and said where they are missing.
    pub fn lost(&mut self, stream: &Id<LogStream>, lines: u64) {
        self.lost += lines;
        let text = crate::clean!("{} lines left out here: they came faster than they could be taken", count(lines));
        self.push(stream, LogLine { kind: LineKind::Notice, text: text.into(), ..LogLine::default() });
    }

    fn push_to(&mut self, stream: usize, line: LogLine) -> Option<Spot> {
        // A line without a time was said after the one before it.
        let last = || self.streams[stream].last_time().or_else(|| self.streams.iter().filter_map(Stream::last_time).max());
        let time = line.at.map(nanos).or_else(last).unwrap_or_default();
        let speaker = &mut self.streams[stream];
        let before = speaker.weight;
        let number = speaker.push(time, line)?;
        while speaker.weight > self.caps.stream && speaker.blocks.len() > 1 {
            speaker.drop_oldest();
        }
        self.weight = self.weight - before + speaker.weight;
        self.keep_within_total();
        Some(Spot::new(time, stream, number))
    }

    fn keep_within_total(&mut self) {
        while self.weight > self.caps.total {
            let held = self.streams.iter_mut().filter(|stream| !stream.blocks.is_empty());
            let Some(oldest) = held.min_by_key(|stream| stream.blocks[0].last_time()) else {
                return;
            };
            let before = oldest.weight;
            oldest.drop_oldest();
            self.weight -= before - oldest.weight;
        }
    }

    /// Forgets everything: what was said, who spoke, what was dropped.
    pub fn clear(&mut self) {
        *self = Self::new(self.caps);
    }

    /// Gives every line, in the order of time, and keeps none of them; who speaks stays known. For whoever writes lines out as they come.
    pub fn drain(&mut self, mut each: impl FnMut(&Line<'_>)) {
        self.walk(None, Towards::Newer).for_each(|line| each(&line));
        self.streams.iter_mut().for_each(Stream::empty);
        self.weight = 0;
    }

    /// The line that stands at `spot`, if it is still kept.
    pub fn line(&self, spot: Spot) -> Option<Line<'_>> {
        let stream = self.streams.get(spot.stream())?;
        let (block, at) = stream.seek(spot.time, spot.number());
        let held = stream.blocks.get(block)?;
        (held.number(at) == spot.number() && held.time(at) == spot.time).then(|| Line::new(&stream.who, held, at, spot))
    }

    /// Where the line of that id stands, if it is still kept.
    pub fn spot(&self, id: LineId) -> Option<Spot> {
        let bare = Spot { time: 0, id };
        let stream = self.streams.get(bare.stream())?;
        let (block, at) = stream.find(bare.number())?;
        Some(Spot { time: stream.blocks[block].time(at), id })
    }

    /// Along all lines, from `from` on (newer begins with it, older before it), or from the end.
    pub fn walk(&self, from: Option<Spot>, towards: Towards) -> Walk<'_> {
        Walk::new(&self.streams, from, towards, |_| true)
    }

    /// As [`Buffer::walk`], past the streams that `heard` refuses.
    pub fn walk_among(&self, from: Option<Spot>, towards: Towards, heard: impl Fn(&LogStream) -> bool) -> Walk<'_> {
        Walk::new(&self.streams, from, towards, |stream| stream == MARKS || heard(&self.streams[stream].who))
    }

    /// The next error that begins after `from` (or before it), among the streams that `heard` lets through. Blocks without trouble are passed over.
    pub fn trouble(&self, from: Option<Spot>, towards: Towards, heard: impl Fn(&LogStream) -> bool) -> Option<Spot> {
        let found = (0..self.streams.len()).filter(|stream| heard(&self.streams[*stream].who)).filter_map(|stream| self.trouble_in(stream, from, towards));
        match towards {
            Towards::Newer => found.min(),
            Towards::Older => found.max(),
        }
    }

    fn trouble_in(&self, stream: usize, from: Option<Spot>, towards: Towards) -> Option<Spot> {
        let held = &self.streams[stream];
        let is_trouble = |block: &Segment, at: usize| block.traits(at).level().is_trouble() && !block.traits(at).continued();
        let worth = |block: &Segment| block.count(Level::Error) + block.count(Level::Fatal) > 0;
        let seek = |spot: Spot| held.seek(spot.time, spot.number_in(stream));
        let (block, at) = match towards {
            Towards::Newer => {
                let (first, start) = from.map_or((0, 0), |spot| seek(spot.behind()));
                let from_at = |block: usize| if block == first { start } else { 0 };
                (first..held.blocks.len()).filter(|block| worth(&held.blocks[*block])).find_map(|block| {
                    let lines = &held.blocks[block];
                    Some((block, (from_at(block)..lines.len()).find(|at| is_trouble(lines, *at))?))
                })?
            }
            Towards::Older => {
                let (last, end) = from.map_or((held.blocks.len(), 0), seek);
                let to = |block: usize| if block == last { end } else { held.blocks[block].len() };
                (0..held.blocks.len().min(last + 1)).rev().filter(|block| worth(&held.blocks[*block])).find_map(|block| {
                    let lines = &held.blocks[block];
                    Some((block, (0..to(block)).rev().find(|at| is_trouble(lines, *at))?))
                })?
            }
        };
        Some(Spot::new(held.blocks[block].time(at), stream, held.blocks[block].number(at)))
    }

    /// Who speaks, our own marks left out.
    pub fn streams(&self) -> impl Iterator<Item = &Arc<LogStream>> {
        self.streams[MARKS + 1..].iter().map(|stream| &stream.who)
    }

    /// How many lines of a stream are kept, and how many were dropped.
    pub fn kept_of(&self, stream: &Id<LogStream>) -> (u64, u64) {
        self.by_id.get(stream).map_or((0, 0), |at| (self.streams[*at].lines, self.streams[*at].dropped))
    }

    /// How many lines are kept.
    pub fn len(&self) -> u64 {
        self.streams.iter().map(|stream| stream.lines).sum()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that were said and are not kept: the oldest, and those that came too fast. To be shown wherever it is not 0.
    pub fn dropped(&self) -> u64 {
        self.lost + self.streams.iter().map(|stream| stream.dropped).sum::<u64>()
    }

    /// What is kept, in bytes.
    pub fn bytes(&self) -> usize {
        self.weight
    }

    /// How many lines of each level are kept, in the order of [`Level::ALL`].
    pub fn levels(&self) -> [u64; 7] {
        let blocks = self.streams.iter().flat_map(|stream| &stream.blocks);
        blocks.fold([0; 7], |mut sums, block| {
            Level::ALL.iter().for_each(|level| sums[*level as usize] += u64::from(block.count(*level)));
            sums
        })
    }

    /// All that is kept now, to be searched elsewhere while lines go on arriving. Copies nothing.
    pub fn snapshot(&self) -> super::Snapshot {
        super::Snapshot::new(self.streams.iter().map(|stream| (stream.who.clone(), stream.blocks.iter().cloned().collect())).collect())
    }
}
