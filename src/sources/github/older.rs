//! Runs that are older than those of the list, as somebody asks for them.

use super::{
    api::Api,
    meter::Need,
    runs::Scope,
    wire::{self, WireRun},
};
use crate::{
    clean,
    domain::{Answer, Cursor, Run},
    sources::{
        SourceError,
        ci::{self, Before, OLDER},
        refusal::Refusal,
    },
    text::Name,
};
use jiff::Timestamp;
use std::sync::PoisonError;

/// How many pages are read for one question, where rows of other branches or workflows stand between.
const PAGES: usize = 3;

/// The next older runs of a repository. A list that is filtered by `created` tells its first 1,000 rows (documentation of "List workflow runs for a
/// repository"): each page asks for what is older than the last one, so that none is beyond that, and rows that come meanwhile move nothing.
pub(super) async fn read(api: &Api, scope: &Scope, repository: &Name, after: Option<&Cursor>) -> Result<Answer, SourceError> {
    let mut before = Before::of(after, api.ends.of(repository.raw()))?;
    let mut runs = Vec::new();
    for _ in 0..PAGES {
        let (rows, more) = page(api, scope, repository, before).await?;
        let last = rows.last().and_then(WireRun::created);
        runs.extend(rows.iter().filter(|row| row.fits(&scope.branches, &scope.workflows)).map(|row| told(api, repository, row)));
        before = before.then(last);
        if !more {
            return Ok(Answer::Older { runs, next: None });
        }
        if runs.len() >= OLDER / 2 {
            break;
        }
    }
    Ok(Answer::Older { runs, next: Some(before.cursor()) })
}

/// The runs that are wanted between those that were `known` and the oldest of the list, which are more than it holds. What is beyond reach, or refused, is
/// said.
pub(super) async fn between(api: &Api, scope: &Scope, repository: &Name, ends: (Timestamp, Timestamp)) -> Vec<WireRun> {
    let (mut found, lacks) = ci::between(ends, |before| page(api, scope, repository, before), WireRun::created).await;
    if let Some(words) = lacks {
        api.note(&format!("{repository}, between"), Some(clean!("{repository}, runs: {words}")));
    }
    found.retain(|row| row.fits(&scope.branches, &scope.workflows));
    found
}

/// One page, and whether there is another.
async fn page(api: &Api, scope: &Scope, repository: &Name, before: Before) -> Result<(Vec<WireRun>, bool), Refusal> {
    let ask = scope.ask(repository).with("per_page", OLDER.to_string()).with("page", before.page.to_string());
    let ask = before.at.iter().fold(ask, |ask, at| ask.with("created", format!("<={at}")));
    let (page, next) = api.read::<wire::Runs>(Need::Detail, repository.raw(), ask).await?;
    let rows = page.workflow_runs;
    api.note(&format!("{repository}, older"), rows.lost.map(|words| clean!("{repository}, older runs: {words}")));
    Ok((rows.read, next.is_some()))
}

/// A row. Whoever looks at it is told how it stands, unless the list tells that.
fn told(api: &Api, repository: &Name, row: &WireRun) -> Run {
    let usual = api.usual.lock().unwrap_or_else(PoisonError::into_inner).of(repository.raw(), row.workflow());
    let run = row.run(&api.id, repository, usual);
    api.board.introduce(&run.id, row.standing());
    run
}
