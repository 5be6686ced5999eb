//! Lines that differ in numbers only are the same line to whoever reads them.

/// What stands for anything that varies.
const VARIES: char = '#';

/// The shape of a line: every word with a digit in it (a number, a time, a hexadecimal id, a pod's suffix) becomes `#`.
pub fn shape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    pieces(text, |piece| match piece {
        Piece::Same(text) => out.push_str(text),
        Piece::Varies => out.push(VARIES),
    });
    out
}

/// A number for [`shape`], equal for lines of equal shape.
pub fn shape_hash(text: &str) -> u64 {
    let mut hash = Fnv::default();
    pieces(text, |piece| match piece {
        Piece::Same(text) => hash.write(text.as_bytes()),
        Piece::Varies => hash.write(&[0]),
    });
    hash.0
}

/// A number for the whole of a line.
pub fn text_hash(text: &str) -> u64 {
    let mut hash = Fnv::default();
    hash.write(text.as_bytes());
    hash.0
}

enum Piece<'a> {
    Same(&'a str),
    Varies,
}

fn pieces<'a>(text: &'a str, mut say: impl FnMut(Piece<'a>)) {
    let bytes = text.as_bytes();
    let mut said = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let (end, varies) = word(bytes, at);
        if varies {
            if said < at {
                say(Piece::Same(&text[said..at]));
            }
            say(Piece::Varies);
            said = end;
        }
        at = end;
    }
    if said < text.len() {
        say(Piece::Same(&text[said..]));
    }
}

/// Where the word that begins at `at` ends, and whether it holds a digit. Once it does, `-` joins it to more letters and `. , :` to more digits.
fn word(bytes: &[u8], at: usize) -> (usize, bool) {
    let mut varies = false;
    let mut end = at;
    while let Some(byte) = bytes.get(end) {
        let next = bytes.get(end + 1).copied().unwrap_or_default();
        let joins = match byte {
            b'-' => varies && next.is_ascii_alphanumeric(),
            b'.' | b',' | b':' => bytes[end - usize::from(end > at)].is_ascii_digit() && next.is_ascii_digit(),
            b'_' => true,
            other => other.is_ascii_alphanumeric(),
        };
        if !joins {
            break;
        }
        varies |= byte.is_ascii_digit();
        end += 1;
    }
    (end, varies)
}

/// FNV-1a, which is enough to tell apart the few thousand shapes of a log.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_varies_becomes_one_mark() {
        for (text, same) in [
            ("priced 12 items in 9 ms", "priced # items in # ms"),
            ("took 1.5ms from 10.0.0.3:8080", "took # from #"),
            ("pod cart-6b9d7f-x7k2p restarted", "pod cart-# restarted"),
            ("id 8f14e45f-ceea-467f-9a36-dedd4bea2543 at 2026-11-24T02:54:31.123Z", "id # at #"),
            ("unknown currency \"\"", "unknown currency \"\""),
            ("order_17 of 3,000.", "# of #."),
            ("naïve 日本 ½ 7€", "naïve 日本 ½ #€"),
            ("", ""),
        ] {
            assert_eq!(shape(text), same, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_do_not_change_a_shape(a in 0u64.., b in 0u64.., word in "[a-z]{1,8}") {
            let (one, other) = (format!("{word} {a} {word}"), format!("{word} {b} {word}"));
            prop_assert_eq!(shape_hash(&one), shape_hash(&other));
            prop_assert_eq!(shape(&one), shape(&other));
        }

        #[test]
        fn equal_shapes_are_equal_numbers(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            prop_assert_eq!(shape(&a) == shape(&b), shape_hash(&a) == shape_hash(&b) || shape(&a).contains('\0'));
        }
    }
}
