//! What a run has to show: its results. Tests, coverage and artifacts are no nouns of Tekton.

use super::{
    api::{Api, Fresh},
    origin,
    wire::Param,
};
use crate::{
    domain::{Id, Report, Run},
    sources::SourceError,
    text::{Clean, redact, secret},
};

/// So much of a result is shown.
const SHOWN: usize = 200;

/// The results of a run, as far as it has come.
pub async fn read(api: &Api, run: &Id<Run>) -> Result<Report, SourceError> {
    let Fresh { lean, .. } = api.fresh(run).await?;
    Ok(Report { results: origin::results(&lean).map(shown).collect(), ..Report::default() })
}

/// A result may be anything that somebody wrote: what looks like a secret is masked.
fn shown(result: &Param) -> (Clean, Clean) {
    let text: String = result.text().trim().chars().take(SHOWN).collect();
    let value = if secret(&result.name) { Clean::from_static("••••") } else { Clean::from_untrusted(&redact(&text)) };
    (Clean::from_untrusted(&result.name), value)
}
