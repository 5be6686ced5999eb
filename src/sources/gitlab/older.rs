//! Pipelines that changed longer ago than those of the list, as somebody asks for them.

use super::{api::Api, meter::Need, pipelines::Scope, wire::WirePipeline};
use crate::{
    clean,
    domain::{Answer, Cursor},
    sources::{
        SourceError,
        ci::{self, Before, OLDER, Rows},
        refusal::Refusal,
    },
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::PoisonError};

/// How many pages are read for one question, where pipelines of other branches stand between.
const PAGES: usize = 3;
/// GitLab tells times to the millisecond, and knows them better; nor does it say whether what changed at that time is asked for too.
const TOLD: SignedDuration = SignedDuration::from_millis(1);

/// The next ones of a project. As the list they are read by what changed last: one that changes meanwhile leaves these pages, and comes up in the list. So
/// each page asks for what changed before the last row of the one before (`updated_before`, documentation of the pipelines API).
pub(super) async fn read(api: &Api, scope: &Scope, project: &Name, after: Option<&Cursor>) -> Result<Answer, SourceError> {
    let mut before = Before::of(after, api.ends.of(project.raw()))?;
    let (mut rows, mut open) = (Vec::new(), true);
    for _ in 0..PAGES {
        let (page, more) = page(api, scope, project, before).await?;
        before = before.then(page.last().and_then(WirePipeline::updated));
        rows.extend(page.into_iter().filter(|row| row.fits(&scope.branches)));
        open = more;
        if !open || rows.len() >= OLDER / 2 {
            break;
        }
    }
    let titles = titles(api, project, &rows).await?;
    let runs = rows.into_iter().map(|row| {
        let usual = api.usual.lock().unwrap_or_else(PoisonError::into_inner).of(&row.habit(project.raw()), 0);
        let run = row.run(&api.id, project, titles.get(row.commit()).cloned(), usual);
        api.board.introduce(&run.id, row.standing());
        run
    });
    Ok(Answer::Older { runs: runs.collect(), next: open.then(|| before.cursor()) })
}

/// The pipelines that are wanted between those that were `known` and the oldest of the list, which are more than it holds. Like other older ones they are
/// told without their details. What is beyond reach, or refused, is said.
pub(super) async fn between(api: &Api, scope: &Scope, project: &Name, ends: (Timestamp, Timestamp)) -> Vec<WirePipeline> {
    let (mut found, lacks) = ci::between(ends, |before| page(api, scope, project, before), WirePipeline::updated).await;
    if let Some(words) = lacks {
        api.note(&format!("{project}, between"), Some(clean!("{project}, pipelines: {words}")));
    }
    found.retain(|row| row.fits(&scope.branches));
    found.iter_mut().for_each(|row| row.asked = true);
    found
}

/// One page, and whether there is another.
async fn page(api: &Api, scope: &Scope, project: &Name, before: Before) -> Result<(Vec<WirePipeline>, bool), Refusal> {
    let ask = scope.ask(project).with("per_page", OLDER.to_string()).with("page", before.page.to_string());
    let ask = before.at.iter().fold(ask, |ask, at| ask.with("updated_before", (*at + TOLD).to_string()));
    let (page, next) = api.read::<Rows<WirePipeline>>(Need::Detail, project.raw(), ask).await?;
    api.note(&format!("{project}, older"), page.lost.map(|words| clean!("{project}, older pipelines: {words}")));
    Ok((page.read, next.is_some()))
}

/// What their commits are called: one request for those of all branches from the newest of them on.
async fn titles(api: &Api, project: &Name, rows: &[WirePipeline]) -> Result<BTreeMap<String, Clean>, SourceError> {
    let Some(newest) = rows.iter().filter_map(WirePipeline::created).max() else { return Ok(BTreeMap::new()) };
    let told = api.titles(Need::Detail, project.raw(), Some(newest)).await;
    // Who may see pipelines need not see the code.
    Ok(Refusal::or_none(told)?.into_iter().flatten().collect())
}
