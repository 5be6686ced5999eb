//! Smoke requests of the configuration: whether a service answers as it should, asked by this console itself.
//!
//! They are sent without credentials over verified TLS, follow no redirect, and of an answer nothing but its status is read.

use super::{
    Made, Source, SourceError, Wish,
    http::{Ask, Http, Settings, Url},
};
use crate::{
    clean,
    config::{self, Service},
    domain::{Answer, Batch, Check, Cursor, Feed, Offers, Operation, Question, Smoke, SourceId, Stage},
    gate::Warrant,
    text::{Clean, Name},
};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream::{self, BoxStream},
};
use jiff::SignedDuration;
use std::{collections::BTreeMap, time::Instant};

/// The requests of all services.
pub struct Requests {
    id: SourceId,
    services: BTreeMap<Name, Vec<Request>>,
}

/// One request, with a client of its own for its server.
#[derive(Clone)]
struct Request {
    rule: config::Smoke,
    what: Clean,
    way: Result<(Http, Ask), Clean>,
}

/// The source of the services that have smoke requests; there is none without them.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let of = |service: &Service| (service.name.clone(), service.smoke.iter().map(Request::of).collect());
    let services: BTreeMap<Name, Vec<Request>> = wish.config.services.iter().filter(|service| !service.smoke.is_empty()).map(of).collect();
    let made = (!services.is_empty()).then(|| Made::Aside(std::sync::Arc::new(Requests { id: SourceId::new(SourceId::SMOKE), services })));
    made.into_iter().collect()
}

impl Request {
    fn of(rule: &config::Smoke) -> Self {
        match way(rule) {
            Ok((what, http, ask)) => Self { rule: rule.clone(), what, way: Ok((http, ask)) },
            Err(why) => Self { rule: rule.clone(), what: Clean::from_static("a smoke request"), way: Err(why) },
        }
    }

    async fn send(self) -> Smoke {
        let (what, expected, within) = (self.what, self.rule.status, self.rule.within);
        let (http, ask) = match self.way {
            Ok(way) => way,
            Err(why) => return Smoke { what, came: Err(why) },
        };
        let began = Instant::now();
        let came = match http.status(ask).await {
            Ok(status) if status.as_u16() != expected => Err(clean!("{}, {expected} is expected", status.as_u16())),
            Ok(_) => match began.elapsed() {
                took if took <= within.0 => Ok(SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX)),
                _ => Err(clean!("no answer within {within}")),
            },
            Err(_) if began.elapsed() >= within.0 => Err(clean!("no answer within {within}")),
            Err(error) => Err(error.why().words),
        };
        Smoke { what, came }
    }
}

/// What it is called, its client, and what is sent.
fn way(rule: &config::Smoke) -> Result<(Clean, Http, Ask), Clean> {
    let mut url = Url::parse(&rule.url.0).map_err(|error| clean!("its URL can not be read: {error}"))?;
    let ask = Ask::page(url.clone()).any().staying().within(rule.within.0);
    url.set_query(None);
    url.set_fragment(None);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let what = clean!("{}{port}{}", url.host_str().unwrap_or_default(), url.path());
    let http = Http::new(Settings { url: url.into(), ..Settings::default() })?;
    Ok((what, http, ask))
}

impl Source for Requests {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn offers(&self) -> Offers {
        Offers::default()
    }

    fn watch(&self, _: Feed, _: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let Question::Smoke { service, environment } = question else { return async { Err(unsupported()) }.boxed() };
        let own = self.services.get(&service).into_iter().flatten();
        let requests: Vec<Request> = own.filter(|request| request.rule.tries(&environment)).cloned().collect();
        async move { Ok(Answer::Smoke(join_all(requests.into_iter().map(Request::send)).await)) }.boxed()
    }

    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }
}

fn unsupported() -> SourceError {
    SourceError::Unsupported("only smoke requests are asked here".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        sources::http::stage::{Act, Stage as Server},
    };
    use std::sync::Arc;

    fn source(smoke: &str) -> Arc<dyn Source> {
        let service: config::Smoke = toml::from_str(smoke).expect("a table");
        let services = vec![Service { name: Name::new("cart"), smoke: vec![service], ..Service::default() }];
        let config = Config { services, ..Config::default() };
        match connect(&Wish { table: None, config: &config, read_only: true, contexts: &[], namespace: None }).swap_remove(0) {
            Made::Aside(source) => source,
            _ => panic!("it is asked, never watched"),
        }
    }

    async fn told(smoke: &str, environment: &str) -> Vec<Smoke> {
        let question = Question::Smoke { service: Name::new("cart"), environment: Name::new(environment) };
        match source(smoke).ask(question).await {
            Ok(Answer::Smoke(told)) => told,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_status_counts_and_nothing_else_of_the_answer_is_told() {
        let server = Server::of([Act::answer("204 No Content", &[("X", "secret")], "")]).await;
        let ok = told(&format!("url = '{}/healthz?full=1'\nstatus = 204", server.url()), "production").await;
        assert!(matches!(&ok[..], [Smoke { what, came: Ok(_) }] if what.ends_with("/healthz")), "{ok:?}");
        let sent = server.asked().pop().expect("it was asked").to_lowercase();
        assert!(sent.starts_with("get /healthz?full=1 http/1.1") && !sent.contains("authorization") && !sent.contains("cookie"), "{sent}");
        let server = Server::of([Act::answer("503 Unavailable", &[], "secret")]).await;
        let bad = told(&format!("url = '{}/healthz'", server.url()), "production").await;
        assert!(matches!(&bad[..], [Smoke { came: Err(why), .. }] if why.as_str() == "503, 200 is expected"), "{bad:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let there = Server::of([Act::answer("200 OK", &[], "")]).await;
        let server = Server::of([Act::answer("302 Found", &[("Location", &there.url())], "")]).await;
        let url = server.url();
        let moved = told(&format!("url = '{url}/'"), "production").await;
        assert!(matches!(&moved[..], [Smoke { came: Err(why), .. }] if why.as_str() == "302, 200 is expected"), "{moved:?}");
        assert_eq!(there.asked(), [""; 0], "nobody was asked elsewhere");
        assert!(matches!(&told(&format!("url = '{url}/'\nstatus = 302"), "production").await[..], [Smoke { came: Ok(_), .. }]));
    }

    #[tokio::test]
    async fn who_is_silent_or_away_is_told_and_other_environments_are_not_asked() {
        let server = Server::of([Act::Stall(Vec::new())]).await;
        let silent = told(&format!("url = '{}/'\nwithin = '200ms'", server.url()), "production").await;
        assert!(matches!(&silent[..], [Smoke { came: Err(why), .. }] if why.as_str() == "no answer within 200ms"), "{silent:?}");
        let away = told("url = 'http://127.0.0.1:1/'", "production").await;
        assert!(matches!(&away[..], [Smoke { came: Err(why), .. }] if why.contains("refuses the connection")), "{away:?}");
        assert_eq!(told("url = 'http://127.0.0.1:1/'\nenvironment = 'production'", "staging").await, []);
    }
}
