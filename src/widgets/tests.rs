//! What all drawing tests use, and what must hold at every size and for every text.

use crate::theme::Theme;
use ratatui::{buffer::Buffer, layout::Rect};

/// Any theme: pictures here are of characters.
pub(super) fn theme() -> Theme {
    Theme::default()
}

/// The characters of a frame; the second half of a wide one is a blank.
pub(super) fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    let rows: Vec<String> = buf.content.chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect();
    rows.join("\n")
}

/// The characters of what was drawn, without blanks at the ends of rows.
pub(super) fn drawn(width: u16, height: u16, draw: impl FnOnce(&mut Buffer, Rect)) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&mut buf, Rect::new(0, 0, width, height));
    text(&buf).lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end_matches('\n').to_owned()
}

/// The characters under the cursor.
pub(super) fn under_cursor(width: u16, height: u16, draw: impl FnOnce(&mut Buffer, Rect)) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&mut buf, Rect::new(0, 0, width, height));
    let cursor = theme().style(crate::theme::Role::Cursor);
    buf.content.iter().filter(|cell| cell.style() == cell.style().patch(cursor)).map(|cell| cell.symbol()).collect()
}

mod everywhere {
    //! Every widget at every size, with every text: no panic, no control character, nothing outside the area, no half of a wide character.

    use super::super::*;
    use super::theme;
    use crate::{line, text::Clean, theme::Role};
    use proptest::prelude::*;
    use ratatui::{
        buffer::{Buffer, CellWidth},
        layout::Rect,
    };

    const NASTY: &[&str] = &[
        "漢字",
        "e\u{301}",
        "👩‍👩‍👧",
        "🇩🇪",
        "❤\u{fe0f}",
        "\u{200d}",
        "\u{301}",
        "\u{ff9e}",
        "ب",
        "\u{1b}[2J",
        "\r",
        "\t",
        "\u{9b}31m",
        " ",
        "…",
        "─",
        "words that go on",
    ];

    fn texts() -> impl Strategy<Value = Vec<Clean>> {
        let word = prop_oneof![3 => "[ -~]{0,12}", 3 => proptest::sample::select(NASTY).prop_map(str::to_owned), 1 => any::<String>()];
        let text = proptest::collection::vec(word, 0..5).prop_map(|words| Clean::from_untrusted(&words.concat()));
        proptest::collection::vec(text, 1..9)
    }

    /// Draws everything there is into `area`, one widget over the other.
    fn draw_all(buf: &mut Buffer, area: Rect, texts: &[Clean], number: usize, check: &mut dyn FnMut(&Buffer, &str)) {
        let theme = theme();
        let at = |index: usize| texts[index % texts.len()].clone();
        let both = |index: usize| line![(Role::Ok, at(index)), (Role::Dim, at(index + 1))];
        let lines: Vec<Line> = (0..texts.len()).map(both).collect();
        let wrapped: Vec<Line> = lines.iter().flat_map(|line| wrap(line, number % 30)).collect();

        let panel = Panel { counts: lines.clone(), legend: lines.clone(), note: both(2), edge: Edge::Production, ..Panel::new(both(0)) };
        let inside = panel.draw(buf, area, &theme);
        check(buf, "panel");
        draw_lines(buf, inside, &wrapped, &theme);
        check(buf, "wrapped");

        let columns = [
            Column::new("NAME", Width::Between(3, 20), |text: &Clean| line![text]),
            Column { align: Align::Right, priority: 2, ..Column::new("WORDS", Width::Fill(5, 1), |text: &Clean| line![text, " ", text]) },
        ];
        let below: fn(&Clean) -> Vec<Line> = |text| vec![line![text]; text.len() % 3];
        for cursor in [Cursor::None, Cursor::Row(number), Cursor::Cell(number % texts.len(), number % 2)] {
            for below in [None, Some(Below { under: 1, lines: below })] {
                let table = Table {
                    cursor,
                    focused: true,
                    marked: number.is_multiple_of(2),
                    offset: number / 2,
                    below,
                    sorted: Some((0, Order::Down)),
                    stale: |text| text.len() % 2 == 0,
                    empty: &lines,
                    ..Table::new(&columns, texts)
                };
                table.draw(buf, area, &theme);
                assert!(table.hidden_below(area.height) <= texts.len());
                check(buf, "table");
            }
        }

        let parts = || lines.iter().enumerate().map(|(at, line)| Part::new(at as u8 % 4, line.clone())).collect();
        Bar { left: parts(), right: parts(), ground: Role::Header }.draw(buf, area, &theme);
        check(buf, "bar");

        let mut field = Field::holding(&at(0));
        for _ in 0..number % 9 {
            field.edit(Edit::Left);
        }
        for look in [Look::Plain, Look::Masked, Look::Hint(at(1))] {
            prompt(buf, area, &both(1), &field, &look, &both(2), &theme);
            check(buf, "prompt");
        }

        let choices: Vec<Choice> = (0..texts.len())
            .map(|index| Choice {
                name: at(index),
                says: at(index + 1),
                key: at(index + 2),
                why_not: if index % 2 == 0 { Clean::EMPTY } else { at(index + 3) },
            })
            .collect();
        let typed: String = at(0).chars().take(3).collect();
        let found = rank(&typed, &choices);
        Picker { choices: &choices, found: &found, selected: number % texts.len() }.draw(buf, area, &theme);
        check(buf, "picker");

        let said = |index: usize| LogRow::Said {
            time: at(index),
            source: both(index),
            level: Piece::new(Role::LogError, at(index + 2)),
            text: both(index + 3),
            times: index,
        };
        let rows: Vec<LogRow> = (0..texts.len()).flat_map(|index| [said(index), LogRow::Marker(both(index)), LogRow::Note(both(index))]).collect();
        for (anchor, wrap) in [(Anchor::Top(number), true), (Anchor::Bottom(number), true), (Anchor::Bottom(usize::MAX), false)] {
            LogView { rows: &rows, anchor, wrap, sideways: number % 40, cursor: Some(number), empty: &lines }.draw(buf, area, &theme);
            check(buf, "log");
        }

        let hits = find(&lines, "o");
        for wrap in [true, false] {
            let view = TextView { lines: &lines, offset: number % texts.len(), wrap, sideways: number % 40, hits: &hits, hit: Some(0) };
            assert!(view.last_offset(area) < lines.len());
            view.draw(buf, area, &theme);
            check(buf, "text");
        }

        let steps: Vec<Step> = (0..texts.len()).map(|index| Step { sign: Piece::from("✓"), name: at(index), says: both(index), time: at(index + 1) }).collect();
        draw_steps(buf, area, &steps, &theme);
        check(buf, "steps");

        let middle = centred(area, number as u16 % 90, 9);
        popup(buf, area, middle, &panel, &theme);
        check(buf, "popup");
        Glyphs::Ascii.settle(&mut buf.clone());
    }

    fn sound(buf: &Buffer, area: Rect, drawn: &str) {
        for (index, cell) in buf.content.iter().enumerate() {
            let (x, y) = buf.pos_of(index);
            assert!(!cell.symbol().chars().any(char::is_control), "{drawn}: a control character at {x},{y}");
            if !area.contains((x, y).into()) {
                assert_eq!(cell.symbol(), "x", "{drawn}: written outside, at {x},{y}");
            } else if cell.symbol().cell_width() > 1 {
                assert!(x + 1 < area.right(), "{drawn}: a wide character reaches out at {x},{y}");
                assert_eq!(buf[(x + 1, y)].symbol(), " ", "{drawn}: two characters share a cell at {x},{y}");
            }
        }
    }

    fn holds(width: u16, height: u16, texts: &[Clean], number: usize) {
        let area = Rect::new(2, 1, width, height);
        let mut buf = Buffer::filled(Rect::new(0, 0, width + 4, height + 2), ratatui::buffer::Cell::new("x"));
        draw_all(&mut buf, area, texts, number, &mut |buf, drawn| sound(buf, area, drawn));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn at_small_sizes(width in 0u16..30, height in 0u16..8, texts in texts(), number in 0usize..60) {
            holds(width, height, &texts, number);
        }

        #[test]
        fn at_usual_sizes(width in 30u16..130, height in 8u16..30, texts in texts(), number in 0usize..60) {
            holds(width, height, &texts, number);
        }
    }

    #[test]
    fn at_the_extremes() {
        let texts: Vec<Clean> = NASTY.iter().map(|text| Clean::from_untrusted(text)).collect();
        for (width, height) in [(0, 0), (0, 9), (9, 0), (1, 1), (2, 2), (500, 1), (1, 200), (500, 200)] {
            holds(width, height, &texts, 7);
        }
    }

    #[test]
    fn an_area_outside_the_screen_draws_nothing_there() {
        let texts = [Clean::from("漢字 words")];
        let mut buf = Buffer::filled(Rect::new(0, 0, 10, 3), ratatui::buffer::Cell::new("x"));
        draw_all(&mut buf, Rect::new(20, 9, 30, 30), &texts, 3, &mut |_, _| {});
        sound(&buf, Rect::ZERO, "outside");
        draw_all(&mut buf, Rect::new(5, 1, 30, 30), &texts, 3, &mut |_, _| {});
        sound(&buf, Rect::new(5, 1, 5, 2), "half outside");
    }
}
