//! How a pipeline that a stop does not end is ended: its steps first, then, where that was asked for before, the build as a whole.

use crate::{
    domain::{CheckKind, Finding},
    sources::{
        SourceError,
        http::Opened,
        jenkins::{
            api::{Api, Need},
            wire::Build,
        },
    },
};
use futures::TryStreamExt;

/// How much of the end of the console is looked through.
const TAIL: u64 = 64 << 10;
/// What Jenkins writes there as soon as it lets a build be killed: 15 s after its steps were told to end, if it runs on.
const MAY_BE_KILLED: &str = "Click here to forcibly kill entire build";

/// The way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Its steps are ended.
    Term,
    /// The build is given up on.
    Kill,
}

impl Force {
    /// As Jenkins calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::Kill => "kill",
        }
    }
}

/// Which way it is now. Jenkins tells by nothing but the console that steps were told to end: one that can not be read means the milder way, and a
/// build that prints that very line itself means the harder one; the plan names the way in any case.
pub(super) async fn read(api: &Api, path: &str, number: u64, build: &Build) -> Option<Force> {
    if !build.is_pipeline() {
        return None;
    }
    let tail = tail(api, path, number).await.unwrap_or_default();
    Some(if may_be_killed(&tail) { Force::Kill } else { Force::Term })
}

/// Whether a console says that the build may be killed.
pub(super) fn may_be_killed(console: &str) -> bool {
    console.lines().any(|line| line.trim() == MAY_BE_KILLED)
}

/// The end of the console. How long it is stands above what is sent of it.
async fn tail(api: &Api, path: &str, number: u64) -> Result<String, SourceError> {
    let ask = |from: u64| Api::ask(path, &[&number.to_string(), "logText", "progressiveText"]).with("start", from.to_string());
    let Opened::Body { headers, chunks } = api.open(Need::Change, ask(0)).await? else { return Ok(String::new()) };
    let size: u64 = headers.get("x-text-size").and_then(|size| size.to_str().ok()?.parse().ok()).unwrap_or(0);
    let chunks = if size <= TAIL {
        chunks
    } else {
        drop(chunks);
        let Opened::Body { chunks, .. } = api.open(Need::Change, ask(size - TAIL)).await? else { return Ok(String::new()) };
        chunks
    };
    let bytes = chunks.try_fold(Vec::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    });
    Ok(String::from_utf8_lossy(&bytes.await?).into_owned())
}

/// Whether it can be ended so, and what that means.
pub(super) fn finding(force: Option<Force>) -> Finding {
    let kind = CheckKind::Pipeline;
    match force {
        None => kind.block("only pipelines can be ended by force: a build of this kind knows nothing but a stop", Some("X stops it".into())),
        Some(Force::Term) => {
            kind.warn("term is sent: its steps end at once, and what must run after them may not run", Some("X asks for an orderly end first".into()))
        }
        Some(Force::Kill) => kind.warn(
            "kill is sent, since its steps were told to end before and it runs on: Jenkins gives the build up, and what it started may go on on its agents",
            Some("look on the agents for what is left of it".into()),
        ),
    }
}
