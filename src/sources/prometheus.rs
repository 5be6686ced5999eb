//! Prometheus and what speaks as it does (VictoriaMetrics, Thanos, Mimir): how services fare, which rules there are and what is pending.
//!
//! Which metrics a service has is not known beforehand: at the first connection it is looked up which of the known families of request
//! metrics are there (`families`), and what they lead to is marked as guessed. `[[service]] error_rate` and `latency` are not.

mod answers;
mod api;
mod families;
mod known;
mod labels;
mod rules;
mod samples;
mod wire;

#[cfg(test)]
mod tests;

use super::{
    Made, Source, SourceError, Wish,
    contexts::Contexts,
    http::{self, Auth, ClientCertificate, Http, Settings, Transport, Written},
    poll,
};
use crate::{
    clean,
    config::{ConfigError, Service, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, Offers, Operation, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    text::Clean,
};
use api::Api;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use known::Knowledge;
use samples::Histories;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// How often rules and metrics are read, and how often the alerts.
const PERIOD: Duration = Duration::from_secs(15);
const ALERTS: Duration = Duration::from_secs(10);

/// What `[[source]] kind = "prometheus"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Where it is, with its prefix (`…/prometheus` for Mimir).
    url: String,
    /// The kubeconfig context that it measures, where no label says so.
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

/// A Prometheus.
#[derive(Clone)]
pub struct Prometheus(Arc<Inner>);

struct Inner {
    id: SourceId,
    api: Api,
    contexts: Contexts,
    services: Vec<Service>,
    knowledge: Knowledge,
    histories: Histories,
}

/// Makes the source that the configuration names; there is none without it.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    wish.table.map(|table| made(table, &wish.config.services)).into_iter().collect()
}

/// What is wrong with its table.
pub fn check(config: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = config.read_partly::<Table>();
    let Some(table) = table else { return errors };
    let written = Written {
        url: Some(&table.url),
        urls: &[],
        secret: Auth::of(table.username.as_deref(), config.credential()).is_some(),
        headers: Some(&table.headers),
        cert_file: table.cert_file.as_ref(),
        key_file: table.key_file.as_ref(),
    };
    errors.extend(http::check(config, &written));
    errors
}

fn made(config: &SourceConfig, services: &[Service]) -> Made {
    let id = config.name().map_or_else(|| SourceId::new("prometheus"), |name| SourceId::new(&format!("prometheus/{}", name.clean())));
    match way(config) {
        Ok((http, contexts)) => Made::Source(Arc::new(Prometheus::new(id, Arc::new(http), contexts, services))),
        Err(words) => Made::Broken(id, Why { trouble: Trouble::Unsupported, words }),
    }
}

fn way(config: &SourceConfig) -> Result<(Http, Contexts), Clean> {
    let table: Table = config.read().map_err(|errors| errors.first().map_or(Clean::EMPTY, |error| clean!("{}: {}", error.place(), error.what())))?;
    let client_certificate = match (table.cert_file, table.key_file) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
        (None, None) => None,
        _ => return Err("a client certificate needs both cert_file and key_file".into()),
    };
    let http = Http::new(Settings {
        url: table.url,
        auth: Auth::of(table.username.as_deref(), config.credential()),
        ca_file: table.ca_file,
        client_certificate,
        headers: table.headers.into_iter().collect(),
    })?;
    Ok((http, Contexts { only: table.context, clusters: table.clusters }))
}

impl Prometheus {
    /// The server that is reached by `way`; `services` may bring their own queries.
    pub fn new(id: SourceId, way: Arc<dyn Transport>, contexts: Contexts, services: &[Service]) -> Self {
        let services =
            services.iter().filter(|service| service.error_rate.is_some() || service.latency.is_some() || !service.labels.is_empty()).cloned().collect();
        Self(Arc::new(Inner { id, api: Api::new(way), contexts, services, knowledge: Knowledge::default(), histories: Histories::default() }))
    }

    /// What `read` says, again and again.
    fn every<F>(&self, period: Duration, read: impl Fn(Self) -> F + Send + 'static) -> BoxStream<'static, Result<Batch, SourceError>>
    where
        F: Future<Output = Result<Batch, SourceError>> + Send + 'static,
    {
        let source = self.clone();
        poll::every(period, move || read(source.clone()).boxed())
    }
}

impl Source for Prometheus {
    fn id(&self) -> &SourceId {
        &self.0.id
    }

    fn offers(&self) -> Offers {
        let configured = self.0.services.iter().any(|service| service.error_rate.is_some());
        Offers {
            feeds: [FeedKind::Rules, FeedKind::Alerts, FeedKind::Samples].into(),
            lacks: self.0.knowledge.lacks(configured),
            warnings: self.0.api.warnings(),
            found: self.0.api.way().found(),
            ..Offers::default()
        }
    }

    fn watch(&self, feed: Feed, _: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed.kind() {
            FeedKind::Rules => self.every(PERIOD, |source| async move { source.read_rules().await }),
            FeedKind::Alerts => self.every(ALERTS, |source| async move { source.read_alerts().await }),
            FeedKind::Samples => self.every(PERIOD, |source| async move { source.read_samples().await }),
            _ => stream::iter([Err(unsupported())]).boxed(),
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let source = self.clone();
        async move {
            match question {
                Question::Window(window) => source.window(&window).await,
                Question::RuleState { alert, labels } => source.rule_state(&alert, &labels).await,
                Question::Memory { namespace, names, since, .. } => source.memory(&namespace, &names, since).await,
                Question::Subject(_)
                | Question::Keeper { .. }
                | Question::Awaited { .. }
                | Question::Run { .. }
                | Question::Tail(_)
                | Question::Report { .. }
                | Question::Older { .. }
                | Question::Redeployed { .. }
                | Question::Revisions(_)
                | Question::Templates { .. }
                | Question::Explain(_)
                | Question::Yaml(_)
                | Question::PodYaml(_)
                | Question::Smoke { .. }
                | Question::Origin(_) => Err(unsupported()),
            }
        }
        .boxed()
    }

    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        self.0.api.way().probe()
    }
}

fn unsupported() -> SourceError {
    SourceError::Unsupported("a Prometheus knows of metrics, rules and alerts".into())
}
