//! The frames of a log of a container without a terminal: eight bytes of header (who speaks, and how long), then what was said.

/// Who speaks in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voice {
    /// Standard output (and input, which nobody logs).
    Output,
    /// Standard error.
    Errors,
    /// The engine itself: it can not go on.
    Engine,
}

/// A part of a frame as it arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Some of what is said.
    Bytes(Voice, &'a [u8]),
    /// The frame is whole.
    End(Voice),
}

/// What can not be a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFrame;

const HEADER: usize = 8;
/// No record of any log driver is longer; a length beyond it is not a length.
const LONGEST: u32 = 8 << 20;

/// Takes frames apart, wherever the stream is cut. It keeps nothing but an unfinished header: a length is counted down, never allocated.
#[derive(Debug, Default)]
pub struct Frames {
    header: [u8; HEADER],
    have: usize,
    open: Option<(Voice, u32)>,
}

impl Frames {
    /// Hands the parts in `bytes` to `take`, in order.
    ///
    /// # Errors
    /// When this is not a stream of frames.
    pub fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Part<'_>)) -> Result<(), NoFrame> {
        loop {
            if let Some((voice, left)) = self.open {
                let (now, rest) = bytes.split_at(bytes.len().min(left as usize));
                if !now.is_empty() {
                    take(Part::Bytes(voice, now));
                }
                bytes = rest;
                // No more was taken than was left.
                let left = left - now.len() as u32;
                self.open = (left > 0).then_some((voice, left));
                if left == 0 {
                    take(Part::End(voice));
                }
            }
            if bytes.is_empty() {
                return Ok(());
            }
            bytes = self.head(bytes)?;
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], NoFrame> {
        let (now, rest) = bytes.split_at(bytes.len().min(HEADER - self.have));
        self.header[self.have..self.have + now.len()].copy_from_slice(now);
        self.have += now.len();
        if self.have < HEADER {
            return Ok(rest);
        }
        self.have = 0;
        let [kind, zeros @ .., a, b, c, d] = self.header;
        let (length, voice) = (u32::from_be_bytes([a, b, c, d]), voice(kind).ok_or(NoFrame)?);
        if zeros != [0; 3] || length > LONGEST {
            return Err(NoFrame);
        }
        self.open = Some((voice, length));
        Ok(rest)
    }
}

const fn voice(kind: u8) -> Option<Voice> {
    match kind {
        0 | 1 => Some(Voice::Output),
        2 => Some(Voice::Errors),
        3 => Some(Voice::Engine),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, said: &[u8]) -> Vec<u8> {
        let length = u32::try_from(said.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0], &length[..], said].concat()
    }

    /// Whole frames from a stream that arrives in `cuts`.
    fn read(stream: &[u8], cuts: &[usize]) -> Result<Vec<(Voice, Vec<u8>)>, NoFrame> {
        let (mut frames, mut got, mut open, mut rest) = (Frames::default(), Vec::new(), Vec::new(), stream);
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            frames.feed(now, |part| match part {
                Part::Bytes(_, bytes) => open.extend_from_slice(bytes),
                Part::End(voice) => got.push((voice, std::mem::take(&mut open))),
            })?;
            rest = later;
        }
        Ok(got)
    }

    #[test]
    fn a_length_of_four_gibibytes_is_refused_and_never_allocated() {
        assert_eq!(read(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'x'], &[]), Err(NoFrame));
        assert_eq!(read(&frame(4, b"x"), &[]), Err(NoFrame));
        assert_eq!(read(b"2026-11-24T02:00:00Z a line of a terminal", &[]), Err(NoFrame));
    }

    #[test]
    fn an_empty_frame_is_a_frame() {
        assert_eq!(read(&[frame(1, b""), frame(3, b"x")].concat(), &[]), Ok(vec![(Voice::Output, vec![]), (Voice::Engine, b"x".to_vec())]));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_wherever_the_stream_is_cut(
            said in prop::collection::vec((0u8..4, prop::collection::vec(any::<u8>(), 0..40)), 0..12),
            cuts in prop::collection::vec(0usize..20, 0..60),
        ) {
            let stream: Vec<u8> = said.iter().flat_map(|(kind, bytes)| frame(*kind, bytes)).collect();
            let expected: Vec<_> = said.into_iter().map(|(kind, bytes)| (voice(kind).unwrap(), bytes)).collect();
            prop_assert_eq!(read(&stream, &cuts), Ok(expected));
        }

        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(0usize..20, 0..30)) {
            _ = read(&bytes, &cuts);
        }
    }
}
