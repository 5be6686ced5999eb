//! Alertmanager: what fires, who silenced it, and what explains it. API v2, from 0.24 on.
//!
//! The peers of one cluster tell the same alerts: they are read from the first that answers, and the others are looked after.

mod peers;
mod wire;

#[cfg(test)]
mod tests;

use super::{
    Made, Source, SourceError, Wish,
    contexts::Contexts,
    http::{self, Ask, Auth, ClientCertificate, Http, Settings, Transport, Written},
    poll,
};
use crate::{
    clean,
    config::{ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, Offers, Operation, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use jiff::{SignedDuration, Timestamp};
use peers::Peers;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// How often the alerts are read. There is nothing conditional to ask.
const PERIOD: Duration = Duration::from_secs(5);
/// How long to leave it alone when it answers too many others (`--web.get-concurrency`).
const CROWDED: SignedDuration = SignedDuration::from_secs(5);

/// What `[[source]] kind = "alertmanager"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Where it is, with its route prefix.
    url: Option<String>,
    /// Several peers of one cluster.
    #[serde(default)]
    urls: Vec<String>,
    /// The kubeconfig context that its alerts are about, where no label says so.
    context: Option<String>,
    /// Contexts by the value of the label `cluster`.
    #[serde(default)]
    clusters: BTreeMap<String, String>,
    /// The user whose password the credential is.
    username: Option<String>,
    /// Headers for every request, such as `X-Scope-OrgID`.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

const NO_URL: &str = "no url; write url = \"http://127.0.0.1:9093\", or urls = [\"…\", \"…\"] for the peers of a cluster";

/// A cluster of Alertmanagers.
pub struct Alertmanager {
    id: SourceId,
    contexts: Contexts,
    peers: Arc<Peers>,
}

/// Makes the source that the configuration names; there is none without it.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    wish.table.map(made).into_iter().collect()
}

/// What is wrong with its table.
pub fn check(config: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = config.read_partly::<Table>();
    let Some(table) = table else { return errors };
    let none = (table.url.is_none() && table.urls.is_empty()).then(|| config.error("kind", NO_URL));
    let written = Written {
        url: table.url.as_deref(),
        urls: &table.urls,
        secret: Auth::of(table.username.as_deref(), config.credential()).is_some(),
        headers: Some(&table.headers),
        cert_file: table.cert_file.as_ref(),
        key_file: table.key_file.as_ref(),
    };
    errors.extend(none.into_iter().chain(http::check(config, &written)));
    errors
}

fn made(config: &SourceConfig) -> Made {
    let id = config.name().map_or_else(|| SourceId::new("alertmanager"), |name| SourceId::new(&format!("alertmanager/{}", name.clean())));
    match peers(config) {
        Ok((ways, contexts)) => Made::Source(Arc::new(Alertmanager::new(id, ways, contexts))),
        Err(words) => Made::Broken(id, Why { trouble: Trouble::Unsupported, words }),
    }
}

fn peers(config: &SourceConfig) -> Result<(Vec<Arc<dyn Transport>>, Contexts), Clean> {
    let table: Table = config.read().map_err(|errors| errors.first().map_or(Clean::EMPTY, |error| clean!("{}: {}", error.place(), error.what())))?;
    let client_certificate = match (&table.cert_file, &table.key_file) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate: certificate.clone(), key: key.clone() }),
        (None, None) => None,
        _ => return Err("a client certificate needs both cert_file and key_file".into()),
    };
    let way = |url: &String| {
        let settings = Settings {
            url: url.clone(),
            auth: Auth::of(table.username.as_deref(), config.credential()),
            ca_file: table.ca_file.clone(),
            client_certificate: client_certificate.clone(),
            headers: table.headers.clone().into_iter().collect(),
        };
        Http::new(settings).map(|http| Arc::new(http) as Arc<dyn Transport>)
    };
    let ways = table.url.iter().chain(&table.urls).map(way).collect::<Result<Vec<_>, _>>()?;
    if ways.is_empty() {
        return Err(NO_URL.into());
    }
    Ok((ways, Contexts { only: table.context, clusters: table.clusters }))
}

impl Alertmanager {
    /// The cluster whose peers are reached by `ways`; `contexts` says which of them its alerts are about.
    pub fn new(id: SourceId, ways: Vec<Arc<dyn Transport>>, contexts: Contexts) -> Self {
        Self { id, contexts, peers: Arc::new(Peers::new(ways)) }
    }

    fn alerts(&self) -> BoxStream<'static, Result<Batch, SourceError>> {
        let (id, contexts, peers) = (self.id.clone(), self.contexts.clone(), self.peers.clone());
        poll::every(PERIOD, move || {
            let (id, contexts, peers) = (id.clone(), contexts.clone(), peers.clone());
            async move {
                let (alerts, silences) = peers.first(read).await?;
                Ok(Batch::list(wire::alerts(&id, &contexts, alerts, &silences)))
            }
            .boxed()
        })
    }
}

/// All alerts of one peer, and the silences where one is needed to explain them.
async fn read(way: Arc<dyn Transport>) -> Result<(Vec<wire::Alert>, Vec<wire::Silence>), SourceError> {
    let alerts: Vec<wire::Alert> = ask(&*way, "api/v2/alerts").await?;
    let silenced = alerts.iter().any(|alert| !alert.status.silenced_by.is_empty());
    // Without them an alert is still known to be silenced, only not by whom.
    let silences = if silenced { ask(&*way, "api/v2/silences").await.unwrap_or_default() } else { Vec::new() };
    Ok((alerts, silences))
}

async fn ask<T: serde::de::DeserializeOwned + Send + 'static>(way: &dyn Transport, path: &str) -> Result<T, SourceError> {
    http::json(way, Ask::get(path)).await.map_err(|error| match error {
        SourceError::Unreachable(words) if words.contains("concurren") => SourceError::RateLimited { until: Timestamp::now() + CROWDED, words },
        other => other,
    })
}

impl Source for Alertmanager {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn offers(&self) -> Offers {
        let peers = &self.peers;
        Offers { feeds: [FeedKind::Alerts].into(), lacks: peers.troubles(), found: peers.found(), members: peers.members(), ..Offers::default() }
    }

    fn watch(&self, feed: Feed, _: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed.kind() {
            FeedKind::Alerts => self.alerts(),
            _ => stream::iter([Err(unsupported())]).boxed(),
        }
    }

    fn ask(&self, _: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        async { Err(unsupported()) }.boxed()
    }

    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let peers = self.peers.clone();
        async move { peers.probe().await }.boxed()
    }
}

fn unsupported() -> SourceError {
    SourceError::Unsupported("an Alertmanager knows of alerts and nothing else".into())
}
