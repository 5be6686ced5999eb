//! Text measured and cut in the cells of a terminal.

use super::Clean;
use crate::clean;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The cells that `text` takes on screen, as the drawing counts them: cluster by cluster, control characters not at all.
pub fn width(text: &str) -> usize {
    if super::sieve::is_plain(text.as_bytes()) {
        return text.len();
    }
    text.graphemes(true).map(cluster_width).sum()
}

fn cluster_width(cluster: &str) -> usize {
    if cluster.contains(char::is_control) {
        return 0;
    }
    // The drawing library adds a cell for each half-width voicing mark; a table that adds none would put what follows a cell too far left.
    let voicing = cluster.chars().filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}')).count();
    cluster.width() + voicing
}

/// The longest beginning of `text` that takes at most `cells`, and the cells it takes.
fn head(text: &str, cells: usize) -> (&str, usize) {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = cluster_width(cluster);
        if used + wide > cells {
            return (&text[..at], used);
        }
        used += wide;
    }
    (text, used)
}

/// The longest end of `text` that takes at most `cells`.
fn tail(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true).rev() {
        used += cluster_width(cluster);
        if used > cells {
            return &text[at + cluster.len()..];
        }
    }
    text
}

/// `text` in at most `cells`: whole, or cut between two letters with `…` after it.
pub fn fit(text: &str, cells: usize) -> Clean {
    if width(text) <= cells {
        return Clean::from_untrusted(text);
    }
    match cells {
        0 => Clean::EMPTY,
        _ => clean!("{}…", head(text, cells - 1).0),
    }
}

/// `text` in at most `cells`, cut in its middle: what tells long names apart is at both ends.
pub fn fit_middle(text: &str, cells: usize) -> Clean {
    if width(text) <= cells {
        return Clean::from_untrusted(text);
    }
    let Some(room) = cells.checked_sub(1) else {
        return Clean::EMPTY;
    };
    let (front, used) = head(text, room.div_ceil(2));
    clean!("{front}…{}", tail(&text[front.len()..], room - used))
}

/// `text` in exactly `cells`, on the left.
pub fn pad(text: &str, cells: usize) -> Clean {
    let text = fit(text, cells);
    let space = cells - width(&text);
    clean!("{text}{:space$}", "")
}

/// `text` in exactly `cells`, on the right, for numbers.
pub fn pad_left(text: &str, cells: usize) -> Clean {
    let text = fit(text, cells);
    let space = cells - width(&text);
    clean!("{:space$}{text}", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_take_the_cells_that_the_screen_gives_them() {
        for (text, cells) in [("cart", 4), ("あ", 2), ("ｶﾞ", 3), ("e\u{301}", 1), ("👩\u{200d}🚀", 2), ("✓", 1), ("…", 1), ("日本", 4), ("", 0)]
        {
            assert_eq!(width(text), cells, "{text}");
        }
    }

    #[test]
    fn a_cut_says_so_and_never_splits_a_letter() {
        assert_eq!(&*fit("checkout", 8), "checkout");
        assert_eq!(&*fit("checkout", 5), "chec…");
        assert_eq!(&*fit("日本語", 4), "日…");
        assert_eq!(&*fit("checkout", 1), "…");
        assert_eq!(&*fit("checkout", 0), "");
        assert_eq!(&*fit_middle("cart-6b9d7f-x7k2p", 9), "cart…7k2p");
        assert_eq!(&*pad("日本語", 4), "日… ");
        assert_eq!(&*pad_left("42", 5), "   42");
    }

    proptest! {
        #[test]
        fn whatever_is_cut_fits(text in "\\PC{0,24}", cells in 0usize..30) {
            let text = Clean::from_untrusted(&text);
            prop_assert!(width(&fit(&text, cells)) <= cells);
            prop_assert!(width(&fit_middle(&text, cells)) <= cells);
            prop_assert_eq!(width(&pad(&text, cells)), cells);
            prop_assert_eq!(width(&pad_left(&text, cells)), cells);
        }

        #[test]
        fn what_fits_is_left_alone(text in "\\PC{0,24}") {
            let text = Clean::from_untrusted(&text);
            prop_assert_eq!(fit(&text, width(&text)), text.clone());
            prop_assert_eq!(fit_middle(&text, width(&text)), text);
        }
    }
}
