//! From the bytes of a log to its lines. A line longer than 16 KiB was cut by the engine, each part with a time of its own in front: the parts
//! are joined again, with the time of the first.

use super::frames::{Frames, NoFrame, Part, Voice};
use crate::logs::line::split_time;

/// No more of one line is kept.
const LONGEST: usize = 1 << 20;
/// Where the engine cuts a line.
const CUT: usize = 16 << 10;
/// The longest time in front of a part.
const STAMP: usize = 36;

/// What a log says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A line as the engine sent it: its time, a space, its text, no line end.
    Line(Vec<u8>),
    /// The engine itself says why it can not go on.
    Broken(Vec<u8>),
}

/// Reads one log.
#[derive(Debug)]
pub enum Lines {
    /// With frames.
    Framed {
        /// Takes them apart.
        frames: Frames,
        /// The record that is arriving.
        record: Vec<u8>,
        /// The lines that are not whole yet: of its output, of its errors.
        open: [Vec<u8>; 2],
    },
    /// Of a terminal: text as it is.
    Terminal {
        /// The line that is not whole yet.
        open: Vec<u8>,
    },
}

impl Lines {
    /// The log of a container with or without a terminal. Only its configuration tells: what the answer says of itself can not be trusted.
    pub fn new(tty: bool) -> Self {
        if tty { Self::Terminal { open: Vec::new() } } else { Self::Framed { frames: Frames::default(), record: Vec::new(), open: Default::default() } }
    }

    /// What `bytes` complete.
    ///
    /// # Errors
    /// When there should be frames and are none.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Said>, NoFrame> {
        let mut said = Vec::new();
        match self {
            Self::Framed { frames, record, open } => frames.feed(bytes, |part| match part {
                Part::Bytes(_, bytes) => keep(record, bytes),
                Part::End(voice) => whole(&std::mem::take(record), voice, open, &mut said),
            })?,
            Self::Terminal { open } => {
                for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                    keep(open, part);
                    if part.ends_with(b"\n") {
                        said.push(Said::Line(uncut(&line(&std::mem::take(open)))));
                    }
                }
            }
        }
        Ok(said)
    }

    /// What is left when the log has ended: lines without an end.
    pub fn finish(&mut self) -> Vec<Said> {
        let left = match self {
            Self::Framed { open, .. } => std::mem::take(open).into_iter().collect(),
            Self::Terminal { open } => vec![uncut(&line(&std::mem::take(open)))],
        };
        left.into_iter().filter(|line| !line.is_empty()).map(Said::Line).collect()
    }
}

fn keep(line: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST.saturating_sub(line.len());
    line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    if bytes.len() > room && bytes.ends_with(b"\n") {
        line.push(b'\n');
    }
}

/// A record is a line, or the part of one where it has no line end.
fn whole(record: &[u8], voice: Voice, open: &mut [Vec<u8>; 2], said: &mut Vec<Said>) {
    let open = match voice {
        Voice::Output => &mut open[0],
        Voice::Errors => &mut open[1],
        Voice::Engine => return said.push(Said::Broken(line(record))),
    };
    let more = if open.is_empty() { record } else { untimed(record) };
    for part in more.split_inclusive(|byte| *byte == b'\n') {
        keep(open, part);
        if part.ends_with(b"\n") {
            said.push(Said::Line(line(&std::mem::take(open))));
        }
    }
}

/// A part without its time.
fn untimed(part: &[u8]) -> &[u8] {
    match split_time(part) {
        (Some(_), _) => memchr::memchr(b' ', part).map_or(part, |at| &part[at + 1..]),
        (None, _) => part,
    }
}

fn line(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec()
}

/// Takes the times out of a long line of a terminal, which has no frames to tell its parts: one stands wherever the engine has cut.
fn uncut(line: &[u8]) -> Vec<u8> {
    let stamp = line.len() - untimed(line).len();
    let mut text = line[..line.len().min(stamp + CUT)].to_vec();
    let mut at = stamp + CUT;
    while at < line.len() {
        let rest = &line[at..];
        let head = &rest[..rest.len().min(STAMP)];
        let skip = head.len() - untimed(head).len();
        let end = rest.len().min(skip + CUT);
        text.extend_from_slice(&rest[skip..end]);
        at += end;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: &str = "2026-11-24T02:54:31.123456789Z ";

    fn frame(kind: u8, said: &[u8]) -> Vec<u8> {
        let length = u32::try_from(said.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0], &length[..], said].concat()
    }

    fn texts(said: Vec<Said>) -> Vec<String> {
        said.into_iter()
            .map(|said| match said {
                Said::Line(line) => String::from_utf8(line).unwrap(),
                Said::Broken(line) => format!("! {}", String::from_utf8(line).unwrap()),
            })
            .collect()
    }

    #[test]
    fn parts_of_a_long_line_are_joined_with_the_time_of_the_first() {
        let mut lines = Lines::new(false);
        let part = |text: &str| frame(1, format!("{AT}{text}").as_bytes());
        let between = frame(2, format!("{AT}other\n").as_bytes());
        let stream = [part("one "), between, part("two "), part("three\n"), part("four\n")].concat();
        assert_eq!(texts(lines.feed(&stream).unwrap()), [format!("{AT}other"), format!("{AT}one two three"), format!("{AT}four")]);
        assert_eq!(texts(lines.finish()), [""; 0]);
    }

    #[test]
    fn a_terminal_has_no_frames_and_its_own_line_ends() {
        let mut lines = Lines::new(true);
        assert_eq!(texts(lines.feed(format!("{AT}\x01 begins like a frame\r\n{AT}b").as_bytes()).unwrap()), [format!("{AT}\x01 begins like a frame")]);
        assert_eq!(texts(lines.finish()), [format!("{AT}b")]);
        let long = format!("{AT}{}{AT}{}{AT}end", "x".repeat(CUT), "y".repeat(CUT));
        let joined = texts(lines.feed(format!("{long}\r\n").as_bytes()).unwrap()).remove(0);
        assert_eq!(joined, format!("{AT}{}{}end", "x".repeat(CUT), "y".repeat(CUT)));
    }

    #[test]
    fn what_the_engine_says_itself_is_told_apart() {
        let said = Lines::new(false).feed(&frame(3, b"error from daemon in stream: Error grabbing logs: EOF\n")).unwrap();
        assert_eq!(texts(said), ["! error from daemon in stream: Error grabbing logs: EOF"]);
    }

    #[test]
    fn a_line_without_end_is_kept_up_to_a_bound() {
        let mut lines = Lines::new(false);
        let part = frame(1, &[b"2026-11-24T02:54:31Z ".as_slice(), &[b'x'; CUT]].concat());
        for _ in 0..100 {
            assert_eq!(lines.feed(&part).unwrap(), []);
        }
        let said = lines.feed(&frame(1, b"2026-11-24T02:54:31Z end\n")).unwrap();
        let [Said::Line(line)] = &said[..] else { panic!("{said:?}") };
        assert_eq!(line.len(), LONGEST);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_wherever_the_stream_is_cut(texts in prop::collection::vec("[a-z\u{e9} ]{0,30}", 0..10), tty in any::<bool>(), cuts in prop::collection::vec(0usize..25, 0..60)) {
            let sent: Vec<u8> = texts.iter().flat_map(|text| if tty { format!("{AT}{text}\r\n").into_bytes() } else { frame(1, format!("{AT}{text}\n").as_bytes()) }).collect();
            let (mut lines, mut got, mut rest) = (Lines::new(tty), Vec::new(), &sent[..]);
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                got.extend(lines.feed(now).unwrap());
                rest = later;
            }
            let expected: Vec<Said> = texts.iter().map(|text| Said::Line(format!("{AT}{text}").into_bytes())).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(lines.finish(), vec![]);
        }
    }
}
