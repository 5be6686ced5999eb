use super::super::tests::{drawn, theme, under_cursor};
use super::*;
use crate::{clean, line, theme::Role};

struct Row {
    name: &'static str,
    cells: [&'static str; 3],
    age: &'static str,
    stale: bool,
    jobs: &'static [&'static str],
}

const fn row(name: &'static str, cells: [&'static str; 3], age: &'static str) -> Row {
    Row { name, cells, age, stale: false, jobs: &[] }
}

fn environment(row: &Row, at: usize) -> Line {
    line![row.cells[at]]
}

fn columns() -> Vec<Column<Row>> {
    let environment = |title, at, priority| Column { priority, show: Show::Part(environment, at), ..Column::new(title, Width::Between(7, 22), |_| line![]) };
    vec![
        Column::new("SERVICE", Width::Fixed(9), |row: &Row| line![row.name]),
        environment("testing", 0, 3),
        environment("staging", 1, 2),
        Column { head: Role::Production, width: Width::Between(10, 22), ..environment("PRODUCTION", 2, 0) },
        Column { align: Align::Right, priority: 1, ..Column::new("AGE", Width::Fill(4, 1), |row: &Row| line![row.age]) },
    ]
}

const ROWS: [Row; 3] = [
    row("cart", ["2.8.0 ✓", "2.8.0 ✓", "2.7.3 → 2.8.0 ✗ 2/6"], "6m"),
    row("payments", ["8.0.4 ✓", "8.0.4 ✓", "8.0.4 ✓"], "2d"),
    row("search", ["101.2 ✓", "101.2 ≠ ✓", "101.2 ✓"], "9d"),
];

#[test]
fn columns_leave_by_priority_and_production_stays() {
    let columns = columns();
    let table = Table { cursor: Cursor::Cell(0, 3), focused: true, marked: true, sorted: Some((4, Order::Up)), ..Table::new(&columns, &ROWS) };
    let shown = |width| drawn(width, 4, |buf, area| table.draw(buf, area, &theme()));
    insta::assert_snapshot!(shown(72), @"
      SERVICE    testing    staging    PRODUCTION                      AGE ↑
    ▸ cart       2.8.0 ✓    2.8.0 ✓    2.7.3 → 2.8.0 ✗ 2/6                6m
      payments   8.0.4 ✓    8.0.4 ✓    8.0.4 ✓                            2d
      search     101.2 ✓    101.2 ≠ ✓  101.2 ✓                            9d
    ");
    insta::assert_snapshot!(shown(36), @"
      SERVICE    PRODUCTION          AGE
    ▸ cart       2.7.3 → 2.8.0 ✗ …    6m
      payments   8.0.4 ✓              2d
      search     101.2 ✓              9d
    ");
    insta::assert_snapshot!(shown(20), @"
      SERVICE    PRODUC…
    ▸ cart       2.7.3 …
      payments   8.0.4 ✓
      search     101.2 ✓
    ");
}

#[test]
fn the_cursor_covers_the_words_of_its_cell_and_a_blank_on_each_side() {
    let columns = columns();
    let draw = |cursor, focused| {
        let table = Table { cursor, focused, marked: true, ..Table::new(&columns, &ROWS) };
        under_cursor(72, 4, |buf, area| table.draw(buf, area, &theme()))
    };
    assert_eq!(draw(Cursor::Cell(0, 3), true), " 2.7.3 → 2.8.0 ✗ 2/6 ");
    assert_eq!(draw(Cursor::Cell(1, 4), true), " 2d");
    assert_eq!(draw(Cursor::Row(2), true).trim_end(), "search     101.2 ✓  101.2 ≠ ✓  101.2 ✓                              9d");
    assert_eq!(draw(Cursor::Row(2), false), "");
}

#[test]
fn the_cursor_stays_in_view_and_the_view_is_filled() {
    for len in 0..12 {
        for height in 0..8 {
            for selected in 0..len.max(1) {
                for offset in 0..14 {
                    let first = viewport(selected, offset, height, len);
                    assert!(height == 0 || len == 0 || (first <= selected && selected < first + height), "{selected} of {len} in {height} from {first}");
                    assert!(first + height <= len.max(height), "empty space below");
                }
            }
        }
    }
    assert_eq!(viewport(5, 3, 4, 20), 3, "nothing moves that need not");
}

#[test]
fn rows_with_lines_below_scroll_by_line() {
    let runs = [
        Row { jobs: &["build ✓    deploy ✗"], ..row("cart", ["#311", "", ""], "1m") },
        Row { jobs: &["build ✓", "deploy ·"], ..row("payments", ["#88", "", ""], "3m") },
        row("catalog", ["#940", "", ""], "22m"),
    ];
    let columns = [Column::new("", Width::Fixed(8), |row: &Row| line![row.name]), Column::new("", Width::Fill(4, 1), |row: &Row| line![row.cells[0]])];
    let table = |at| Table {
        cursor: Cursor::Row(at),
        below: Some(Below { under: 1, lines: |row: &Row| row.jobs.iter().map(|job| line![*job]).collect() }),
        ..Table::new(&columns, &runs)
    };
    let shown = |at, height| drawn(32, height, |buf, area| table(at).draw(buf, area, &theme()));
    insta::assert_snapshot!(shown(0, 4), @"
    cart      #311
              build ✓    deploy ✗
    payments  #88
              build ✓
    ");
    insta::assert_snapshot!(shown(2, 4), @"
    payments  #88
              build ✓
              deploy ·
    catalog   #940
    ");
    insta::assert_snapshot!(shown(1, 2), @"
    payments  #88
              build ✓
    ");
    assert_eq!((table(0).hidden_below(4), table(2).hidden_below(4), table(0).hidden_below(6)), (2, 0, 0));
}

#[test]
fn an_empty_table_says_why() {
    let columns = columns();
    let says = [line!["No service matches “crat”."], line![(Role::Dim, "Esc drops the filter")]];
    let table = Table { empty: &says, ..Table::new(&columns, &[]) };
    insta::assert_snapshot!(drawn(44, 5, |buf, area| table.draw(buf, area, &theme())), @"
    SERVICE    staging  PRODUCTION           AGE

             No service matches “crat”.
                Esc drops the filter
    ");
}

#[test]
fn rows_that_are_not_current_lose_their_colours() {
    let columns = [Column::new("", Width::Fill(4, 1), |row: &Row| line![(Role::Ok, row.name)])];
    let rows = [Row { stale: true, ..row("cart", [""; 3], "") }, row("search", [""; 3], "")];
    let mut buf = Buffer::empty(Rect::new(0, 0, 10, 2));
    Table { stale: |row: &Row| row.stale, ..Table::new(&columns, &rows) }.draw(&mut buf, Rect::new(0, 0, 10, 2), &theme());
    assert_eq!(buf[(0, 0)].fg, theme().style(Role::Stale).fg.expect("a colour"));
    assert_eq!(buf[(0, 1)].fg, theme().style(Role::Ok).fg.expect("a colour"));
}

#[test]
fn ten_thousand_rows_measure_only_some() {
    thread_local!(static MADE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
    let columns = [Column::new("N", Width::Between(1, 9), |n: &u32| {
        MADE.set(MADE.get() + 1);
        line![clean!("{n}")]
    })];
    let rows: Vec<u32> = (0..10_000).collect();
    let table = Table { cursor: Cursor::Row(9_999), ..Table::new(&columns, &rows) };
    assert!(drawn(20, 10, |buf, area| table.draw(buf, area, &theme())).ends_with("9999"));
    assert!(MADE.get() < 1_000, "{} cells were made for ten rows", MADE.get());
}
