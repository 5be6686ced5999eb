//! The way back: each container of the service is exchanged, one after the other, and the first that fails ends it.
//!
//! An exchange is several requests. Each is sent once; what an answer says of it decides what comes next, and a lost answer ends it all,
//! because then nobody knows what the engine has. How far it came stands on the engine itself: in names and labels ([`super::names`]).

use super::{
    body::{Body, body, obstacles},
    exchange::{Exchange, Fault},
    group::{Group, Member, image, wanted},
};
use crate::{
    clean,
    domain::{Operation, Stage},
    gate::Warrant,
    sources::{SourceError, docker::engine::Session, steps},
    text::Clean,
};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Carries out what the warrant permits. It goes on to its end even when nobody listens any more: half an exchange is worse than none.
pub fn carry_out(
    opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static,
    warrant: Warrant,
) -> BoxStream<'static, Result<Stage, SourceError>> {
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        let last = match make_ready(opening, warrant).await {
            Ok(work) => work.carry_out(&tell).await,
            Err(last) => last,
        };
        _ = tell.send(last);
    });
    stream::unfold(told, async |mut told| told.recv().await.map(|stage| (Ok(stage), told))).boxed()
}

/// All that will be sent, ready. It owns the warrant, so that there is no second one.
struct Work {
    session: Session,
    warrant: Warrant,
    image: String,
    exchanges: Vec<(Member, Body)>,
}

async fn make_ready(opening: impl Future<Output = Result<Session, SourceError>>, warrant: Warrant) -> Result<Work, Stage> {
    let not_sent = |error: SourceError| steps::not_sent(&error);
    let refused = |why: Clean| Stage::Refused { why: clean!("nothing was sent: {why}") };
    let operation = warrant.operation();
    let session = opening.await.map_err(not_sent)?;
    let group = Group::read(&session, operation.subject.key()).await.map_err(not_sent)?;
    if let Some(what) = moved(operation, &group) {
        return Err(Stage::Conflict { what, same: false });
    }
    let goal = operation.to.as_ref().map(|to| to.template.expose().to_owned()).unwrap_or_default();
    let Some(found) = image(&session, &goal).await.map_err(not_sent)? else {
        return Err(refused(clean!("the image {goal} is not on {} any more", session.hello.host)));
    };
    let mut exchanges = Vec::new();
    for member in group.to_exchange(&goal) {
        if let Some(why) = obstacles(&member.whole).into_iter().next() {
            return Err(refused(clean!("{}: {why}", member.lean.name)));
        }
        let Some(own) = group.images.get(&member.lean.image_id) else {
            return Err(refused(clean!("the image that {} runs was removed: what was set for it can not be told from what came with it", member.lean.name)));
        };
        let wanted = wanted(&found, member.repository());
        let body = body(&member.whole, &own["Config"], &wanted, &operation.id, &session.hello.host);
        exchanges.push((member.clone(), body));
    }
    if exchanges.is_empty() {
        return Err(refused(Clean::from_static("no container of it runs another image")));
    }
    let image = found["Id"].as_str().unwrap_or_default().to_owned();
    Ok(Work { session, warrant, image, exchanges })
}

/// What is not as the operator saw it; none where all is.
fn moved(operation: &Operation, group: &Group) -> Option<Clean> {
    let newest = &group.newest().lean;
    (group.seen() != operation.from).then(|| clean!("{} was made anew or changed meanwhile: it now runs {}", newest.name, newest.image))
}

impl Work {
    /// Exchanges one after the other.
    async fn carry_out(self, tell: &UnboundedSender<Stage>) -> Stage {
        _ = tell.send(Stage::Sending);
        let (all, operation) = (self.exchanges.len(), self.warrant.operation());
        let mut warnings = Vec::new();
        for (done, (member, body)) in self.exchanges.iter().enumerate() {
            let count = if all > 1 { clean!(" ({} of {all})", done + 1) } else { Clean::EMPTY };
            let exchange = Exchange { session: &self.session, member, body, image: &self.image, operation: &operation.id, count, tell };
            match exchange.carry_out().await {
                Ok(more) => warnings.extend(more),
                Err(fault) => return ended(fault, done, all),
            }
        }
        Stage::Accepted { request: None, warnings, revision: None, generation: None }
    }
}

/// What came of it all, where `done` of `all` were exchanged before one failed.
fn ended(fault: Fault, done: usize, all: usize) -> Stage {
    let before = match (done, all) {
        (0, _) => Clean::EMPTY,
        (done, all) => clean!("; {done} of {all} were exchanged before it and stay so"),
    };
    match fault {
        Fault::Untouched(why) if done == 0 => Stage::Refused { why },
        Fault::Untouched(why) | Fault::Back(why) => Stage::Failed { why: clean!("{why}{before}") },
        Fault::Unclear(why) => Stage::Unclear { why: clean!("{why}{before}") },
    }
}

/// The id in an answer to a request that made a container, and the engine's warnings.
pub(super) fn made(answer: &[u8]) -> Option<(String, Vec<Clean>)> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let warnings = answer["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).map(Clean::from_untrusted).collect();
    Some((answer["Id"].as_str().filter(|id| !id.is_empty())?.to_owned(), warnings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Id, OpId, Verb},
        sources::docker::container::Container,
    };
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn what_failed_on_the_way_says_what_was_done_before() {
        let why = || Clean::from_static("web-2: exit 3; web-2 is back");
        assert_eq!(ended(Fault::Untouched(why()), 0, 3), Stage::Refused { why: why() });
        assert_eq!(ended(Fault::Back(why()), 0, 1), Stage::Failed { why: why() });
        let words = clean!("{}; 1 of 3 were exchanged before it and stay so", why());
        assert_eq!(ended(Fault::Untouched(why()), 1, 3), Stage::Failed { why: words.clone() });
        assert_eq!(ended(Fault::Unclear(why()), 1, 3), Stage::Unclear { why: words });
    }

    #[test]
    fn what_was_made_anew_or_changed_since_the_plan_is_not_exchanged() {
        let group = |id: &str, image: &str, variable: &str, aside: Option<&str>| Group {
            members: vec![Member {
                lean: Container { id: id.into(), name: "web".into(), image: image.into(), image_id: format!("sha256:{image}"), ..Container::default() },
                whole: json!({ "Config": { "Env": [variable] } }),
            }],
            aside: aside.into_iter().map(|name| Container { name: name.into(), ..Container::default() }).collect(),
            images: BTreeMap::new(),
        };
        let saw = group("a", "web:2", "A=1", None);
        let operation = Operation {
            id: OpId::new("7f3a", 1),
            verb: Verb::RollBack,
            subject: Id::restore("docker#container/web"),
            title: "web in development".into(),
            from: saw.seen(),
            to: None,
            scaling: None,
            inputs: Vec::new(),
            reason: Clean::EMPTY,
            by: "oncall".into(),
        };
        assert_eq!(moved(&operation, &saw), None);
        for (what, now) in [
            ("made anew", group("b", "web:2", "A=1", None)),
            ("another image", group("a", "web:3", "A=1", None)),
            ("another setting", group("a", "web:2", "A=2", None)),
            ("another exchange is half-way", group("a", "web:2", "A=1", Some("web.pilothouse-8b2c-1.next"))),
        ] {
            assert!(moved(&operation, &now).is_some_and(|said| said.contains("was made anew or changed meanwhile")), "{what}");
        }
    }

    #[test]
    fn a_container_without_an_id_was_not_made() {
        assert_eq!(made(br#"{"Id":"a1","Warnings":["no swap"]}"#), Some(("a1".into(), vec!["no swap".into()])));
        assert_eq!(made(br#"{"Id":"","Warnings":null}"#), None);
        assert_eq!(made(b"<html>"), None);
    }
}
