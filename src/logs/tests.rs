//! The buffer against the simplest thing that could do the same: one sorted list of everything that was ever said.

use super::*;
use crate::{
    domain::{Id, Level, LineKind, LogLine, LogStream, SourceId, Version},
    text::{Clean, Painted},
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

static GO: AtomicBool = AtomicBool::new(false);

fn id(stream: &str) -> Id<LogStream> {
    Id::new(&SourceId::new("demo"), stream)
}

fn stream(name: &str, version: &'static str) -> LogStream {
    LogStream { version: Version(Clean::from_static(version)), ..LogStream::new(id(name), name, "app") }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_795_488_000_000 + millis).expect("in range")
}

fn said(millis: i64, text: &str) -> LogLine {
    let text = Painted::from_untrusted(text);
    LogLine { at: Some(at(millis)), level: line::recognise(&text.text), text, kind: LineKind::Output }
}

fn texts<'a>(lines: impl Iterator<Item = Line<'a>>) -> Vec<&'a str> {
    lines.map(|line| line.text()).collect()
}

fn shown(buffer: &Buffer, view: &View, anchor: Anchor, height: usize) -> Vec<String> {
    let times = |row: &Row<'_>| if row.times > 1 { format!(" × {}", row.times) } else { String::new() };
    page(buffer, view, None, anchor, height).rows.iter().map(|row| format!("{}{}", row.line.text(), times(row))).collect()
}

/// The incident of the screens: 2.8.0 comes, and does not know a currency.
fn incident() -> Buffer {
    let mut buffer = Buffer::default();
    for (name, version) in [("m4h9q", "2.7.3"), ("x7k2p", "2.8.0"), ("p9w3d", "2.8.0")] {
        buffer.open(stream(name, version));
    }
    buffer.open(LogStream::new(id("proxy"), "x7k2p", "istio-proxy"));
    buffer.push(&id("m4h9q"), said(-12_000, "INFO priced 12 items in 9 ms"));
    buffer.push(&id("x7k2p"), said(21_000, "ERROR unknown currency \"\""));
    buffer.push(&id("proxy"), said(21_500, "ERROR upstream reset"));
    buffer.push(&id("x7k2p"), said(21_001, "    at price.rs:88"));
    for n in 0..96 {
        buffer.push(&id("p9w3d"), said(30_000 + n * 100, "ERROR unknown currency \"\""));
        buffer.push(&id("m4h9q"), said(30_050 + n * 100, &format!("INFO priced {n} items in 4 ms")));
    }
    buffer.mark(Some(at(0)), LineKind::Change, Clean::from_static("cart 2.7.3 → 2.8.0"));
    buffer
}

#[test]
fn streams_are_merged_by_time_and_changes_stand_between() {
    let buffer = incident();
    let view = View { fold: Fold::Alike, ..View::default() };
    let first = buffer.walk(None, Towards::Newer).next().expect("a line").spot;
    let rows = shown(&buffer, &view, Anchor::From(first), 10);
    assert_eq!(
        rows,
        [
            "INFO priced 12 items in 9 ms",
            "cart 2.7.3 → 2.8.0",
            "ERROR unknown currency \"\"",
            "    at price.rs:88",
            "ERROR unknown currency \"\" × 96",
            "INFO priced 0 items in 4 ms × 96",
        ]
    );
    assert_eq!(shown(&buffer, &view, Anchor::Newest, 2), rows[4..]);
    let same = View { fold: Fold::Same, ..View::default() };
    assert_eq!(shown(&buffer, &same, Anchor::Newest, 200).len(), 6 + 95);
    assert_eq!(shown(&buffer, &View::default(), Anchor::Newest, 2), ["ERROR unknown currency \"\"", "INFO priced 95 items in 4 ms"]);
}

#[test]
fn sidecars_are_hidden_with_a_count_until_they_are_asked_for() {
    let buffer = incident();
    let mut view = View::default();
    assert_eq!((view.hidden(&buffer), view.hidden_lines(&buffer)), (vec![Clean::from_static("istio-proxy")], 1));
    assert!(!shown(&buffer, &view, Anchor::Newest, 500).contains(&"ERROR upstream reset".to_owned()));
    view.sidecars = Sidecars::Shown;
    assert!(view.hidden(&buffer).is_empty());
    assert!(shown(&buffer, &view, Anchor::Newest, 500).contains(&"ERROR upstream reset".to_owned()));
    view = View { only: [id("proxy")].into(), ..View::default() };
    assert_eq!(shown(&buffer, &view, Anchor::Newest, 500), ["cart 2.7.3 → 2.8.0", "ERROR upstream reset"]);
}

#[test]
fn trouble_is_where_an_error_begins_and_a_stack_belongs_to_its_error() {
    let buffer = incident();
    let view = View::default();
    let first = view.trouble(&buffer, None, Towards::Newer).expect("trouble");
    assert_eq!(buffer.line(first).expect("kept").stream.short(), "x7k2p");
    let second = view.trouble(&buffer, Some(first), Towards::Newer).expect("trouble");
    assert_eq!(buffer.line(second).expect("kept").stream.short(), "p9w3d");
    assert_eq!(view.trouble(&buffer, Some(second), Towards::Older), Some(first));
    assert_eq!(view.trouble(&buffer, Some(first), Towards::Older), None);
    let errors = View { least: Level::Error, query: Query::parse("pod:x7k2p").expect("a query"), ..View::default() };
    assert_eq!(shown(&buffer, &errors, Anchor::Newest, 9), ["cart 2.7.3 → 2.8.0", "ERROR unknown currency \"\"", "    at price.rs:88"]);
}

#[test]
fn lines_of_one_shape_are_told_by_version_and_since_when() {
    let buffer = incident();
    let alike = buffer.snapshot().alike("ERROR unknown currency \"\"", &View::default(), &GO).expect("some");
    assert_eq!(alike.since, Some(at(21_000)));
    assert_eq!(&*alike.sentence("02:54:31"), "97 lines like this since 02:54:31: all 2.8.0, none before");
    let priced = buffer.snapshot().alike("INFO priced 7 items in 1 ms", &View::default(), &GO).expect("some");
    assert_eq!(&*priced.sentence("02:53:58"), "97 lines like this since 02:53:58: all 2.7.3");
    let shapes = buffer.snapshot().shapes(Level::Warn, &View::default(), &GO).expect("not stopped");
    assert_eq!(shapes.len(), 1);
    assert!(shapes[0].is_only(&Version(Clean::from_static("2.8.0"))));
    assert_eq!(buffer.snapshot().alike("never said", &View::default(), &GO), None);
}

#[test]
fn a_search_can_be_stopped_and_sees_one_moment() {
    let mut buffer = incident();
    let view = View { query: Query::parse("currency").expect("a query"), ..View::default() };
    let snapshot = buffer.snapshot();
    assert_eq!(snapshot.search(&view, &AtomicBool::new(true)), None);
    let late = buffer.push(&id("x7k2p"), said(22_000, "unknown currency again")).expect("kept");
    let mut hits = snapshot.search(&view, &GO).expect("not stopped");
    assert_eq!(hits.len(), 97);
    hits.add(late);
    hits.add(late);
    assert_eq!((hits.len(), hits.rank(late)), (98, 1));
    assert_eq!(hits.before(late), hits.spots().first().copied());
    assert_eq!(Some(hits.spots()[2]), hits.after(late));
    let rows = page(&buffer, &view, Some(&hits), Anchor::Upto(late), 9).rows;
    assert_eq!(texts(rows.iter().map(|row| row.line)), ["cart 2.7.3 → 2.8.0", "ERROR unknown currency \"\"", "unknown currency again"]);
    let rows = page(&buffer, &view, Some(&hits), Anchor::From(late), 2).rows;
    assert_eq!(texts(rows.iter().map(|row| row.line)), ["unknown currency again", "ERROR unknown currency \"\""]);
}

#[test]
fn what_is_dropped_or_lost_is_counted_and_said() {
    let mut buffer = Buffer::new(Caps { stream: 4_000, total: 6_000 });
    for n in 0..1_000 {
        buffer.push(&id("a"), said(n, &format!("line {n}")));
        assert!(buffer.bytes() <= 6_000 + 1_000, "{}", buffer.bytes());
    }
    let (kept, dropped) = buffer.kept_of(&id("a"));
    assert_eq!((kept + dropped, buffer.dropped()), (1_000, dropped));
    assert!(kept > 20 && dropped > 500, "{kept} {dropped}");
    buffer.lost(&id("a"), 1_204);
    assert_eq!(buffer.dropped(), dropped + 1_204);
    let last = buffer.walk(None, Towards::Older).next().expect("a line");
    assert_eq!((last.text(), last.kind), ("1,204 lines left out here: they came faster than they could be taken", LineKind::Notice));
    assert_eq!(buffer.push(&id("a"), said(0, "long gone")), None);
    assert_eq!(buffer.dropped(), buffer.kept_of(&id("a")).1 + 1_204);
}

#[test]
fn a_selection_outlives_its_line() {
    let mut buffer = Buffer::new(Caps { stream: 4_000, total: 60_000 });
    let spots: Vec<_> = (0..300).filter_map(|n| buffer.push(&id("a"), said(n, &format!("line {n}")))).collect();
    assert!(buffer.line(spots[0]).is_none(), "dropped");
    assert_eq!(buffer.spot(spots[0].id()), None);
    let near = page(&buffer, &View::default(), None, Anchor::From(spots[0]), 1).rows[0].line;
    assert_eq!(Some(near.spot), buffer.walk(None, Towards::Newer).next().map(|line| line.spot));
    assert_eq!(buffer.spot(spots[299].id()), Some(spots[299]));
    assert_eq!(buffer.line(spots[299]).expect("kept").text(), "line 299");
}

#[test]
fn a_line_without_a_time_follows_the_one_before_it() {
    let mut buffer = Buffer::default();
    buffer.push(&id("a"), said(1_000, "one"));
    buffer.push(&id("a"), LogLine { text: Painted::from_untrusted("two"), ..LogLine::default() });
    buffer.push(&id("b"), said(2_000, "three"));
    let lines: Vec<_> = buffer.walk(None, Towards::Newer).collect();
    assert_eq!(texts(lines.iter().copied()), ["one", "two", "three"]);
    assert_eq!(lines[1].at, None);
    assert_eq!(texts(buffer.walk(Some(Spot::at(at(1_500))), Towards::Newer)), ["three"]);
}

#[test]
fn colours_stay_with_their_line_when_late_lines_come_between() {
    let mut buffer = Buffer::new(Caps { stream: 8_000, total: 80_000 });
    for n in (0..60).rev() {
        let line = Painted::from_untrusted(&format!("\x1b[3{}m{n}\x1b[0m said", n % 8));
        buffer.push(&id("a"), LogLine { text: line, ..said(n, "") });
    }
    let lines: Vec<_> = buffer.walk(None, Towards::Newer).collect();
    assert!(lines.len() > 20);
    for line in lines {
        assert_eq!(
            line.painted(),
            Painted::from_untrusted(&format!(
                "\x1b[3{}m{}\x1b[0m said",
                line.text().split(' ').next().expect("a number").parse::<u8>().expect("a number") % 8,
                line.text().split(' ').next().expect("a number")
            ))
        );
    }
}

#[test]
fn a_line_costs_little_more_than_its_bytes() {
    let mut buffer = Buffer::default();
    let text = "x".repeat(160);
    for n in 0..20_000 {
        buffer.push(&id("a"), said(n, &text));
    }
    let each = buffer.bytes() as f64 / 20_000.0;
    assert!((170.0..176.0).contains(&each), "{each}");
}

/// One line of the model: where it stands and what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    time: i64,
    stream: usize,
    number: usize,
    text: String,
}

/// What must be kept: of each stream everything in order, without as many of the oldest as were dropped.
fn model(all: &[Said], buffer: &Buffer) -> Vec<Said> {
    let mut kept = Vec::new();
    for (stream, name) in STREAMS.iter().enumerate() {
        let mut own: Vec<Said> = all.iter().filter(|line| line.stream == stream).cloned().collect();
        own.sort();
        let (lines, dropped) = buffer.kept_of(&id(name));
        assert_eq!(lines + dropped, own.len() as u64);
        kept.extend(own.into_iter().skip(dropped as usize));
    }
    kept.sort();
    kept
}

const STREAMS: [&str; 3] = ["a", "b", "c"];
const WORDS: [&str; 5] = ["INFO priced 12", "ERROR unknown", "    at price.rs", "WARN slow", "plain"];

fn script() -> impl Strategy<Value = Vec<(usize, i64, usize, usize)>> {
    // Mostly onwards in time, sometimes late, sometimes very late, often at the same time.
    let step = prop_oneof![6 => Just(0i64), 6 => 1i64..20, 3 => -30i64..0, 1 => -2_000i64..2_000];
    prop::collection::vec((0usize..3, step, 0usize..5, 0usize..40), 0..300)
}

fn fill(script: &[(usize, i64, usize, usize)], caps: Caps) -> (Buffer, Vec<Said>, Vec<Option<Spot>>) {
    let mut buffer = Buffer::new(caps);
    STREAMS.iter().for_each(|name| buffer.open(stream(name, "1")));
    let (mut all, mut spots, mut now) = (Vec::new(), Vec::new(), 10_000i64);
    for (number, (stream, step, word, length)) in script.iter().enumerate() {
        let time = now + step;
        now = now.max(time);
        let text = format!("{}{}", WORDS[*word], "·".repeat(*length));
        spots.push(buffer.push(&id(STREAMS[*stream]), said(time, &text)));
        all.push(Said { time, stream: *stream, number, text });
    }
    (buffer, all, spots)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_kept_is_what_a_sorted_list_would_keep(script in script(), stream in 900usize..20_000, total in 2_000usize..40_000) {
        let (buffer, all, spots) = fill(&script, Caps { stream, total });
        let kept = model(&all, &buffer);
        for (line, spot) in all.iter().zip(&spots) {
            let held = kept.contains(line);
            let found = spot.and_then(|spot| buffer.line(spot)).map(|line| line.text());
            prop_assert_eq!(found, held.then_some(&*line.text));
            let known = spot.and_then(|spot| buffer.spot(spot.id()));
            prop_assert_eq!(known, if held { *spot } else { None });
        }
        let expected: Vec<&str> = kept.iter().map(|line| &*line.text).collect();
        prop_assert_eq!(texts(buffer.walk(None, Towards::Newer)), expected.clone());
        let mut older = texts(buffer.walk(None, Towards::Older));
        older.reverse();
        prop_assert_eq!(older, expected);
        prop_assert!(buffer.bytes() <= total.max(stream + 2_000));
        prop_assert_eq!(buffer.levels().iter().sum::<u64>(), kept.len() as u64);
    }

    #[test]
    fn a_walk_can_begin_anywhere(script in script(), from in 0usize..300, stream in 900usize..20_000) {
        let (buffer, all, spots) = fill(&script, Caps { stream, total: 1 << 20 });
        let kept = model(&all, &buffer);
        let Some(Some(spot)) = spots.get(from) else { return Ok(()); };
        let me = &all[from];
        let cut = kept.partition_point(|line| line < me);
        prop_assert_eq!(texts(buffer.walk(Some(*spot), Towards::Newer)), kept[cut..].iter().map(|line| &*line.text).collect::<Vec<_>>());
        prop_assert_eq!(texts(buffer.walk(Some(*spot), Towards::Older)), kept[..cut].iter().rev().map(|line| &*line.text).collect::<Vec<_>>());
    }

    #[test]
    fn searching_pages_and_trouble_agree_with_reading_everything(script in script(), query in 0usize..4, from in 0usize..300, height in 1usize..30) {
        let (buffer, _, spots) = fill(&script, Caps { stream: 6_000, total: 1 << 20 });
        let query = Query::parse(["", "price", "level:warn", "!priced pod:a"][query]).expect("a query");
        let view = View { query, ..View::default() };
        let lines: Vec<Line<'_>> = buffer.walk(None, Towards::Newer).filter(|line| view.query.finds(line)).collect();
        let all: Vec<Spot> = lines.iter().map(|line| line.spot).collect();
        let hits = buffer.snapshot().search(&view, &GO).expect("not stopped");
        prop_assert_eq!(hits.spots(), &all[..]);
        let Some(Some(spot)) = spots.get(from) else { return Ok(()); };
        let spot = *spot;
        for hits in [None, Some(&hits)] {
            let rows = |anchor| page(&buffer, &view, hits, anchor, height).rows.iter().map(|row| row.line.spot).collect::<Vec<_>>();
            let cut = all.partition_point(|other| *other < spot);
            prop_assert_eq!(rows(Anchor::From(spot)), all[cut..].iter().take(height).copied().collect::<Vec<_>>());
            let cut = all.partition_point(|other| *other <= spot);
            prop_assert_eq!(rows(Anchor::Upto(spot)), all[cut.saturating_sub(height)..cut].to_vec());
            prop_assert_eq!(rows(Anchor::Newest), all[all.len().saturating_sub(height)..].to_vec());
        }
        let trouble: Vec<Spot> = lines.iter().filter(|line| line.is_trouble()).map(|line| line.spot).collect();
        prop_assert_eq!(view.trouble(&buffer, Some(spot), Towards::Newer), trouble.iter().find(|other| **other > spot).copied());
        prop_assert_eq!(view.trouble(&buffer, Some(spot), Towards::Older), trouble.iter().rev().find(|other| **other < spot).copied());
    }

    #[test]
    fn a_snapshot_does_not_change_while_lines_arrive(script in script(), cut in 0usize..300) {
        let cut = cut.min(script.len());
        let (mut buffer, _, _) = fill(&script[..cut], Caps { stream: 6_000, total: 20_000 });
        let before: Vec<Spot> = buffer.walk(None, Towards::Newer).map(|line| line.spot).collect();
        let snapshot = buffer.snapshot();
        for (stream, step, word, _) in &script[cut..] {
            buffer.push(&id(STREAMS[*stream]), said(10_000 + step, WORDS[*word]));
        }
        let hits = snapshot.search(&View::default(), &GO).expect("not stopped");
        prop_assert_eq!(hits.spots(), &before[..]);
    }

    #[test]
    fn folding_hides_no_line(script in script(), height in 1usize..400) {
        let (buffer, _, _) = fill(&script, Caps::default());
        for fold in [Fold::Same, Fold::Alike] {
            let view = View { fold, ..View::default() };
            let rows = page(&buffer, &view, None, Anchor::Newest, 1_000).rows;
            prop_assert_eq!(rows.iter().map(|row| row.times as u64).sum::<u64>(), buffer.len());
            prop_assert!(rows.windows(2).all(|two| two[0].line.spot < two[1].line.spot));
            let fewer = page(&buffer, &view, None, Anchor::Newest, height).rows;
            prop_assert_eq!(fewer.len(), rows.len().min(height));
            prop_assert_eq!(fewer.iter().map(|row| row.last).collect::<Vec<_>>(), rows[rows.len() - fewer.len()..].iter().map(|row| row.last).collect::<Vec<_>>());
        }
    }
}
