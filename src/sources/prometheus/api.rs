//! The few requests of the HTTP API that are made.

use super::{
    SourceError, Transport,
    wire::{ConfigText, ConfigYaml, Envelope, Groups, Pairs, Point, Result as Answer, Series},
};
use crate::{
    clean,
    sources::http::{self, Ask},
    text::Clean,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};

/// A query is a URL up to this length, since a proxy may allow no more than reading; beyond it a form.
const LONG_QUERY: usize = 4 << 10;
/// The largest answer to a query: some hundred thousand series.
const LARGEST: usize = 32 << 20;
/// How far back names and labels are looked for, in seconds.
const LATELY: i64 = 3600;

/// A server that speaks the HTTP API of Prometheus.
pub(super) struct Api {
    way: Arc<dyn Transport>,
    warning: Mutex<Option<Clean>>,
}

/// One series of an answer: its labels, and values in their time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub labels: Pairs,
    pub points: Vec<(Timestamp, f64)>,
}

impl Line {
    /// The only value of an instant, or the newest.
    pub fn last(&self) -> Option<(Timestamp, f64)> {
        self.points.last().copied()
    }
}

impl Api {
    pub fn new(way: Arc<dyn Transport>) -> Self {
        Self { way, warning: Mutex::default() }
    }

    pub fn way(&self) -> &dyn Transport {
        &*self.way
    }

    /// What the server says against its own last answer.
    pub fn warnings(&self) -> Vec<Clean> {
        self.warning.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The value of `query` now, by the server's clock.
    pub async fn instant(&self, query: &str) -> Result<Vec<Line>, SourceError> {
        self.query("api/v1/query", vec![("query".into(), query.to_owned())]).await
    }

    /// The values of `query` from `start` to `end` in steps of `step` seconds.
    pub async fn range(&self, query: &str, start: i64, end: i64, step: i64) -> Result<Vec<Line>, SourceError> {
        let fields = [("query", query.to_owned()), ("start", start.to_string()), ("end", end.to_string()), ("step", step.to_string())];
        self.query("api/v1/query_range", fields.map(|(key, value)| (key.to_owned(), value)).to_vec()).await
    }

    /// Which of `names` (a regular expression) there were lately.
    pub async fn names(&self, names: &str) -> Result<Vec<String>, SourceError> {
        self.get(lately(Ask::get("api/v1/label/__name__/values")).with("match[]", format!("{{__name__=~\"{names}\"}}"))).await
    }

    /// The names of the labels that the series of a metric had lately.
    pub async fn labels(&self, metric: &str) -> Result<Vec<String>, SourceError> {
        self.get(lately(Ask::get("api/v1/labels")).with("match[]", metric)).await
    }

    /// The alerting rules; with their alerts where those are wanted. Old servers and look-alikes tell more than is asked for.
    pub async fn rules(&self, alerts: bool) -> Result<Groups, SourceError> {
        let ask = Ask::get("api/v1/rules").with("type", "alert");
        self.get(if alerts { ask } else { ask.with("exclude_alerts", "true") }).await
    }

    /// The labels that are put onto an alert on its way to an Alertmanager; none where the server does not tell.
    pub async fn external_labels(&self) -> Pairs {
        let Ok(text) = self.get::<ConfigText>(Ask::get("api/v1/status/config")).await else { return Pairs::new() };
        serde_saphyr::from_str::<ConfigYaml>(&text.yaml).unwrap_or_default().global.external_labels
    }

    async fn query(&self, path: &str, fields: Vec<(String, String)>) -> Result<Vec<Line>, SourceError> {
        let long = fields.iter().any(|(_, value)| value.len() > LONG_QUERY);
        let ask = if long { Ask::post_form(path, fields) } else { fields.into_iter().fold(Ask::get(path), |ask, (key, value)| ask.with(&key, value)) };
        let answer: Answer = self.get(ask.up_to(LARGEST)).await?;
        lines(&answer).map_err(|error| SourceError::Protocol(clean!("{} answers a query with what can not be read: {error}", self.way.who())))
    }

    async fn get<T: DeserializeOwned + Send + 'static>(&self, ask: Ask) -> Result<T, SourceError> {
        let what = ask.what();
        let envelope: Envelope<T> = http::json(&*self.way, ask).await?;
        self.note(&envelope.warnings);
        let who = self.way.who();
        match envelope {
            Envelope { status, data: Some(data), .. } if status == "success" => Ok(data),
            Envelope { error, .. } => {
                let said = crate::text::redact(&error.unwrap_or_default()).into_owned();
                Err(SourceError::Protocol(clean!("{who} refuses {what}: {said}")))
            }
        }
    }

    fn note(&self, warnings: &[String]) {
        let words = warnings.first().map(|warning| clean!("the answers of {} may be partial: {warning}", self.way.who()));
        *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

fn lately(ask: Ask) -> Ask {
    let now = Timestamp::now().as_second();
    ask.with("start", (now - LATELY).to_string()).with("end", now.to_string())
}

/// The series of an answer, whatever its type.
pub(super) fn lines(answer: &Answer) -> Result<Vec<Line>, serde_json::Error> {
    if matches!(answer.kind.as_str(), "scalar" | "string") {
        let point: Point = serde_json::from_str(answer.result.get())?;
        return Ok(vec![Line { labels: Pairs::new(), points: point_of(&point).into_iter().collect() }]);
    }
    let series: Vec<Series> = serde_json::from_str(answer.result.get())?;
    let line = |series: Series| Line { labels: series.metric, points: series.value.iter().chain(&series.values).filter_map(point_of).collect() };
    Ok(series.into_iter().map(line).filter(|line| !line.points.is_empty()).collect())
}

fn point_of((seconds, value): &Point) -> Option<(Timestamp, f64)> {
    let at = Timestamp::from_millisecond((seconds * 1e3).round() as i64).ok()?;
    Some((at, value.parse().ok()?))
}
