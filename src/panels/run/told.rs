//! What was asked for beside the jobs of a run, in lines.

use crate::{
    app::{App, Asked},
    domain::{Artifact, Job, Report, Run, Tests, Trouble},
    line,
    store::words as said,
    text::{Clean, bytes, count},
    theme::Role,
    widgets::{Align, Line, Piece, join, pad},
};

/// Where the lines of a log begin, and what stands before each.
const INDENT: usize = 4;
const BAR: &str = "│ ";

/// What a job that failed said last.
pub fn tail(app: &App, job: &Job) -> Vec<Line> {
    let say = |role: Role, words: Clean| vec![vec![Piece::blank(INDENT), Piece::new(role, words)]];
    match app.told.tail(&job.id) {
        None => Vec::new(),
        Some(Asked::Waiting(_)) => say(Role::Faint, "its last lines are asked for".into()),
        Some(Asked::Failed(why)) => say(Role::Dim, crate::clean!("its last lines are not known: {}", why.words)),
        Some(Asked::Here(lines)) if lines.is_empty() => say(Role::Dim, "its log says nothing".into()),
        Some(Asked::Here(lines)) => {
            let one = |text: &Clean| line![(Role::Faint, BAR), (Role::Text, text.clone())];
            let indented = |text: &Clean| [vec![Piece::blank(INDENT)], one(text)].concat();
            lines.iter().map(indented).collect()
        }
    }
}

/// What its tests came to and what they reach, in one line; none where its CI tells nothing of it.
pub fn tests(app: &App, run: &Run) -> Option<Line> {
    let report = app.told.shown(&run.id)?;
    let words = [report.tests.map(counted), report.coverage.map(|coverage| covered(app, run, report, coverage))];
    let line = join(words.into_iter().flatten(), &Piece::new(Role::Faint, " · "));
    (!line.is_empty()).then_some(line)
}

fn counted(tests: Tests) -> Line {
    let mut line = line![(Role::Text, crate::clean!("{} {}", count(tests.total), if tests.total == 1 { "test" } else { "tests" }))];
    if tests.failed > 0 {
        line.extend(line![(Role::Critical, crate::clean!(", {} failed", count(tests.failed)))]);
    }
    if tests.skipped > 0 {
        line.extend(line![(Role::Dim, crate::clean!(", {} skipped", count(tests.skipped)))]);
    }
    line
}

fn covered(app: &App, run: &Run, report: &Report, coverage: f64) -> Line {
    let asks = app.store.rules().demands.of(&run.repository).coverage;
    let role = if report.below(asks) { Role::Warn } else { Role::Text };
    // 79.96 is not 80, whatever is rounded.
    let shown = if report.below(asks) { (coverage * 10.0).floor() / 1000.0 } else { coverage / 100.0 };
    line![(role, crate::clean!("coverage {}", said::percent(shown))), (Role::Dim, crate::clean!(" (gate asks {})", said::percent(asks)))]
}

/// What the run made, what it says came of it, and what could not be read of what it has to show.
pub fn artifacts(app: &App, run: &Run) -> Vec<Line> {
    let report = match app.told.report(&run.id) {
        Some(Asked::Here(report)) => report,
        Some(Asked::Failed(why)) if why.trouble != Trouble::Unsupported => {
            return vec![line![(Role::Dim, crate::clean!("tests and artifacts are not known: {}", why.words))]];
        }
        Some(Asked::Waiting(_) | Asked::Failed(_)) | None => return Vec::new(),
    };
    let width = report.artifacts.iter().map(|one| one.name.chars().count()).max().unwrap_or_default().min(40);
    let head = (!report.artifacts.is_empty()).then(|| line![(Role::Title, "ARTIFACTS")]);
    let rows = report.artifacts.iter().map(|one| artifact(app, one, width));
    let more = (report.more > 0).then(|| line![(Role::Faint, crate::clean!("and {} more", count(report.more as u64)))]);
    let results = report.results.iter().map(|(name, value)| line![(Role::Dim, crate::clean!("  {name}  ")), (Role::Text, value.clone())]);
    let results = (!report.results.is_empty()).then(|| line![(Role::Title, "RESULTS")]).into_iter().chain(results);
    let lacks = report.lacks.iter().map(|words| line![(Role::Dim, words.clone())]);
    head.into_iter().chain(rows).chain(more).chain(results).chain(lacks).collect()
}

fn artifact(app: &App, one: &Artifact, width: usize) -> Line {
    let mut line = vec![Piece::blank(2)];
    line.extend(pad(&[Piece::new(Role::Text, one.name.clone())], width + 2, Align::Left));
    line.extend(pad(&[Piece::new(Role::Dim, one.bytes.map_or(Clean::EMPTY, bytes))], 10, Align::Right));
    let gone = one.gone || one.until.is_some_and(|until| until <= app.now.wall);
    let kept = match one.until {
        _ if gone => Clean::from_static("   gone"),
        Some(until) => crate::clean!("   kept {}", said::long(until.duration_since(app.now.wall))),
        None => Clean::EMPTY,
    };
    line.push(Piece::new(Role::Faint, kept));
    line
}
