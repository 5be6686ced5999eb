//! What the console does most, measured alone: `cargo bench`. `tests/bench/measure` measures the whole of it.

mod world;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pilothouse::{
    app::{App, Event},
    domain::{Change, Fact, Feed, LineKind, LogLine, Scope},
    logs::{Buffer, Caps, Query, View, line::parse},
    sources::kubernetes::pods_in,
    view,
};
use ratatui::{buffer::Buffer as Cells, layout::Rect};
use std::{
    hint::black_box,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// A page of the API server's list, into lean types and rows.
fn decode(criterion: &mut Criterion) {
    let (source, page) = (world::source(), world::page(0..500));
    assert_eq!(pods_in(&source, &page).map(|pods| pods.len()).ok(), Some(500));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(page.len() as u64)).sample_size(30);
    group.bench_function("a page of 500 pods", |bench| bench.iter(|| pods_in(&source, black_box(&page))));
    group.finish();
}

fn logs(criterion: &mut Criterion) {
    let lines = world::lines(10_000);
    let mut group = criterion.benchmark_group("logs");
    group.throughput(Throughput::Elements(10_000)).sample_size(30);
    group.bench_function("sanitise and index 10,000 lines", |bench| {
        bench.iter_batched(empty_buffer, |buffer| filled(buffer, &lines), BatchSize::LargeInput);
    });
    let buffer = filled(empty_buffer(), &world::lines(100_000));
    group.throughput(Throughput::Elements(100_000));
    for (name, query) in [("a word", "currency"), ("a pattern", "/exit [1-9]/")] {
        let view = View { query: Query::parse(query).expect("a query"), ..View::default() };
        let (snapshot, never) = (buffer.snapshot(), AtomicBool::new(false));
        assert!(snapshot.search(&view, &never).is_some_and(|hits| !hits.is_empty()), "{query} is in them");
        group.bench_function(format!("search 100,000 lines for {name}"), |bench| bench.iter(|| snapshot.search(black_box(&view), &never)));
    }
    group.finish();
}

fn empty_buffer() -> Buffer {
    let mut buffer = Buffer::new(Caps::default());
    buffer.open(world::stream());
    buffer
}

fn filled(mut buffer: Buffer, lines: &[Vec<u8>]) -> Buffer {
    let stream = world::stream().id;
    for line in lines {
        let line: LogLine = parse(line, LineKind::Output);
        buffer.push(&stream, line);
    }
    buffer
}

/// Changes among ten thousand pods, from the facts to the cells of the screen.
fn console(criterion: &mut Criterion) {
    let mut app = world::loaded(10_000);
    assert_eq!(app.matrix.totals.ok, world::SERVICES, "all is well before");
    let mut turn = 0;
    let mut group = criterion.benchmark_group("console with 10,000 pods");
    group.sample_size(30);
    for count in [1, 256] {
        group.bench_function(format!("update: {count} pods changed"), |bench| {
            bench.iter_batched(|| changed(&mut turn, count), |facts| tell(&mut app, facts), BatchSize::LargeInput);
        });
    }
    let area = Rect::new(0, 0, 120, 40);
    let mut cells = Cells::empty(area);
    group.bench_function("draw 120×40 after one change", |bench| {
        bench.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                tell(&mut app, changed(&mut turn, 1));
                let began = Instant::now();
                view::draw_into(black_box(&app), &mut cells, area);
                spent += began.elapsed();
            }
            spent
        });
    });
    group.finish();
}

/// So many pods that have restarted once more.
fn changed(turn: &mut usize, count: usize) -> Vec<Fact> {
    *turn += 1;
    (0..count).map(|at| Fact::Pod(Change::Upsert(world::pod((*turn * 256 + at) % 10_000, *turn)))).collect()
}

fn tell(app: &mut App, facts: Vec<Fact>) {
    let now = app.now;
    black_box(app.update(now, Event::Facts(world::source(), Feed::Pods(Scope::All), facts)));
}

criterion_group!(benches, decode, logs, console);
criterion_main!(benches);
