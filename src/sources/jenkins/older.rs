//! Builds that are older than those of the list, as somebody asks for them.

use super::{
    api::{Api, Need},
    tree::{Item, Scope},
    wire::{Build, ORIGIN, STATE},
};
use crate::{
    clean,
    domain::{Answer, Cursor, Run, RunStatus},
    sources::{
        SourceError,
        ci::{BETWEEN, OLDER, Rows, Standing},
    },
    text::{Name, Raw},
};
use serde::Deserialize;
use std::{cmp::Reverse, collections::BTreeMap};

/// The builds of so many jobs are read for one question: those of all branches of a project would take their time.
const JOBS: usize = 5;
/// So many builds are read again that are known: where none of them is found, some were deleted, and others are in their places.
const AGAIN: usize = 3;

/// How far the builds of each job of a project were told; nothing where that was all.
type Told = BTreeMap<String, Option<Far>>;

/// How far back a job was told: to which place among its builds, to which of them, and when that was.
type Far = (usize, u64, i64);

#[derive(Deserialize, Default)]
#[serde(default)]
struct Builds {
    #[serde(rename = "allBuilds")]
    builds: Option<Rows<Build>>,
}

/// The next builds of a project's jobs: of those that were told least far.
pub(super) async fn read(api: &Api, scope: &Scope, project: &Name, after: Option<&Cursor>) -> Result<Answer, SourceError> {
    let read =
        |Cursor(text): &Cursor| serde_json::from_str(text.expose()).map_err(|_| SourceError::Protocol(clean!("where older builds go on can not be read")));
    let mut told: Told = after.map_or_else(|| Ok(BTreeMap::new()), read)?;
    let jobs = api.jobs_of(project.raw());
    let last = |item: &Item| item.last.as_ref().map_or(0, |last| last.number);
    let all = |item: &Item| told.get(&item.path).map_or(last(item) <= scope.runs as u64, Option::is_none);
    let far = |item: &Item| told.get(&item.path).copied().flatten();
    let mut open: Vec<(&Item, Option<Far>)> = jobs.iter().filter(|item| !all(item)).map(|item| (item, far(item))).collect();
    open.sort_by_key(|(item, far)| (far.is_some(), Reverse(far.map(|(.., at)| at)), Reverse(item.last.as_ref().and_then(Build::at))));
    let (now, later) = open.split_at(open.len().min(JOBS));
    let mut runs = Vec::new();
    for item in &jobs {
        api.ends.of(&item.path);
    }
    for (item, far) in now {
        let (builds, next) = builds(api, item, far.unwrap_or((scope.runs, 0, 0))).await?;
        runs.extend(builds.iter().map(|build| row(api, item, build)));
        told.insert(item.path.clone(), next);
    }
    let open = !later.is_empty() || now.iter().any(|(item, _)| told.get(&item.path).is_some_and(Option::is_some));
    let next = serde_json::to_string(&told).ok().filter(|_| open).map(|text| Cursor(Raw::new(&text)));
    Ok(Answer::Older { runs, next })
}

/// Builds of a job from a place on, and how far they go. A newer build moves them down, so that some come again; a build that was deleted moves them up.
async fn builds(api: &Api, item: &Item, (place, number, _): Far) -> Result<(Vec<Build>, Option<Far>), SourceError> {
    let mut from = place.saturating_sub(AGAIN);
    loop {
        let to = from + AGAIN + OLDER;
        let ask = Api::fields(&item.path, &[], &format!("allBuilds[{STATE},{ORIGIN}]{{{from},{to}}}"));
        let told = api.find_for::<Builds>(Need::List, &item.path, ask).await?.and_then(|answer| answer.builds).unwrap_or_default();
        api.note(&format!("{}, older", item.path), told.lost.map(|words| clean!("{}, older builds: {words}", item.path)));
        let (count, found) = (told.all, told.read);
        let joins = found.first().is_some_and(|first| first.number >= number);
        if !joins && from > 0 {
            from = from.saturating_sub(OLDER);
            continue;
        }
        let end = found.last().filter(|_| count == to - from).map(|last| (to, last.number, last.at().map_or(0, |at| at.as_millisecond())));
        return Ok((found, end));
    }
}

/// The builds between number `known` and the `oldest` of the list, which are more than that holds. What is beyond reach, or refused, is said: what the list
/// told is not lost for it.
pub(super) async fn between(api: &Api, item: &Item, place: usize, (known, oldest): (u64, u64)) -> Vec<Build> {
    let ask = Api::fields(&item.path, &[], &format!("allBuilds[{STATE},{ORIGIN}]{{{place},{}}}", place + BETWEEN * OLDER));
    let told = api.find::<Builds>(&item.path, ask).await.map(|answer| answer.and_then(|answer| answer.builds).unwrap_or_default());
    let (found, lacks) = match told {
        Ok(told) => {
            let beyond = told.read.last().filter(|last| told.all == BETWEEN * OLDER && last.number > known + 1).map(|last| last.number - 1);
            (told.read, beyond.map(|to| (to, clean!("more than {} came at once", BETWEEN * OLDER))))
        }
        Err(error) => (Vec::new(), Some((oldest - 1, error.why().words))),
    };
    if let Some((to, why)) = lacks {
        api.note(&format!("{}, between", item.path), Some(clean!("{}: builds #{} to #{to} were not read: {why}", item.path, known + 1)));
    }
    found.into_iter().filter(|build| (known + 1..oldest).contains(&build.number)).collect()
}

/// A row. Whoever looks at it is told how it stands, unless the list tells that.
fn row(api: &Api, item: &Item, build: &Build) -> Run {
    let run = build.run(api, item, None, None);
    let good = matches!(run.status, RunStatus::Success | RunStatus::Warn);
    api.board.introduce(&run.id, Standing { attempt: 1, alive: build.alive(), good });
    run
}
