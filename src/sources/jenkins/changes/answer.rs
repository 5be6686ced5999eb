//! The one request on its way, and what its answer means. It is never sent again: not after a lost answer, not with another crumb.

use super::{Ready, input};
use crate::{
    clean,
    domain::{Stage, Verb},
    sources::{
        http::{Reply, Url},
        jenkins::api::Login,
    },
    text::Clean,
};

/// Where an answer sends us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Back to a page of what was changed, as a browser is that pressed a button.
    Back,
    /// To a login.
    Login,
    /// Anywhere else.
    Elsewhere(Clean),
}

/// Sends it.
pub(super) async fn send(ready: Ready) -> Stage {
    let api = &ready.api;
    if queues(ready.verb) {
        api.memory.started.named(&ready.run, None);
    }
    let ask = ready.crumb.iter().fold(ready.post.ask(), |ask, (name, value)| ask.header(name.clone(), value.clone()));
    let reply = api.post(ask).await;
    api.hurry.changed(&ready.path);
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) if ready.verb == Verb::Dispatch => {
            return Stage::Unclear { why: clean!("{error}. Whether it started shows {}", api.pages(&ready.path, &[])) };
        }
        Err(error) => return Stage::Unclear { why: clean!("{error}") },
    };
    if queues(ready.verb) && reply.status.is_success() {
        api.memory.started.named(&ready.run, item(&reply));
    }
    let stage = told(ready.verb, &ready.post.url(&api.login), &reply, &api.login);
    match (&ready.question, stage) {
        (Some(question), Stage::Refused { why } | Stage::Unclear { why }) if matches!(reply.status.as_u16(), 400 | 500) => {
            settled(&ready, question, reply.status.as_u16(), why).await
        }
        (_, stage) => stage,
    }
}

/// Whether it has another build made, which waits in the queue first.
const fn queues(verb: Verb) -> bool {
    matches!(verb, Verb::Rerun | Verb::Dispatch)
}

/// What an answer means.
pub(super) fn told(verb: Verb, at: &Option<Url>, reply: &Reply, login: &Login) -> Stage {
    let host = &login.host;
    match reply.status.as_u16() {
        200..=299 => {
            let request = item(reply).map(|item| clean!("item {item} of the queue"));
            Stage::Accepted { request, warnings: Vec::new(), revision: None, generation: None }
        }
        303 if queues(verb) && item(reply).is_some() => {
            let item = item(reply).unwrap_or_default();
            Stage::Conflict { what: clean!("the same waits in the queue already, as item {item}, and Jenkins builds both as one"), same: false }
        }
        300..=399 => match (sent(at.as_ref(), reply.header("location").unwrap_or_default()), verb) {
            (Sent::Login, _) => Stage::Refused { why: clean!("{host} wants a login, by another way than an API token") },
            (Sent::Back, verb) if queues(verb) => Stage::Refused { why: clean!("{host} took no build into its queue: something there decides against it") },
            (Sent::Back, _) => Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None },
            (Sent::Elsewhere(place), _) => {
                Stage::Unclear { why: clean!("{host} sends us to {place}, where nobody goes with a change: whether it was done is not told") }
            }
        },
        400..=499 => Stage::Refused { why: refused(reply, login) },
        status => Stage::Unclear { why: clean!("{host} answers with {status}: {}", reply.said()) },
    }
}

/// Why it was refused.
fn refused(reply: &Reply, login: &Login) -> Clean {
    let (host, url, status) = (&login.host, &login.url, reply.status.as_u16());
    let (user, token) = login.token.clone().unwrap_or_default();
    let needs = reply.header("x-required-permission").map(|needs| clean!("; it takes {needs}")).unwrap_or_default();
    let crumb = String::from_utf8_lossy(&reply.body).to_ascii_lowercase().contains("crumb");
    match status {
        401 => clean!("{host} does not accept the token of {token} for {user}: make a new one at {url}/user/{user}/security"),
        403 if crumb => clean!(
            "{host} did not accept the crumb that came with it, and it is not sent again with another one. With an API token of {user} none is needed: \
             {url}/user/{user}/security"
        ),
        403 => clean!("{host} does not let {user} do this{needs}"),
        404 => clean!("{host} answers \"not found\": it is gone, or {user} may not do this"),
        409 => clean!("the job is disabled, or can not be built"),
        422 => clean!("{host} does not let {user} take it out of the queue"),
        _ => clean!("{host} answers with {status}: {}", reply.said()),
    }
}

/// A question that somebody has answered, and one that is not ours to answer, are refused with the same words: whether it is still asked tells which.
async fn settled(ready: &Ready, question: &str, status: u16, why: Clean) -> Stage {
    let asks = match input::read(&ready.api, &ready.path, ready.number).await {
        Ok(Some(asks)) => asks,
        Ok(None) | Err(_) => return Stage::Unclear { why },
    };
    if asks.iter().any(|input| input.id == question) {
        let user = ready.api.login.token.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
        return Stage::Refused {
            why: clean!("{} does not take the answer from {user}: whom the step lets answer is written in its script", ready.api.login.host),
        };
    }
    match status {
        400 => Stage::Conflict { what: "somebody else answered it meanwhile".into(), same: false },
        _ => Stage::Unclear { why },
    }
}

/// The item of the queue that an answer names.
fn item(reply: &Reply) -> Option<u64> {
    let place = reply.header("location")?;
    let (_, rest) = place.split_once("/queue/item/")?;
    rest.trim_end_matches('/').parse().ok()
}

/// Where `place` is, seen from what was asked. The host is what somebody once wrote into the settings of Jenkins, and nobody goes there.
pub(super) fn sent(at: Option<&Url>, place: &str) -> Sent {
    let Some(next) = at.and_then(|at| at.join(place).ok()) else { return Sent::Elsewhere("a place that can not be read".into()) };
    let parts: Vec<&str> = next.path().split('/').collect();
    let asks = next.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("from=")));
    if asks || parts.iter().any(|part| matches!(*part, "login" | "securityRealm" | "loginEntry")) {
        return Sent::Login;
    }
    let of = |url: &Url| url.path().split_once("/job/").map(|(_, below)| below.split('/').next().unwrap_or_default().to_owned());
    let same = at.is_some_and(|at| of(at) == of(&next)) && (of(&next).is_some() || parts.contains(&"queue"));
    if same { Sent::Back } else { Sent::Elsewhere(clean!("{}", next.host_str().unwrap_or("another place"))) }
}
