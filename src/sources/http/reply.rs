//! An answer, and what is wrong with it.

use super::{HeaderMap, SourceError, StatusCode, Url, limits, words};
use crate::{
    clean,
    text::{Clean, bytes as size, redact},
};
use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Response,
    header::{CONTENT_TYPE, LINK},
};
use serde::{Deserialize, de::DeserializeOwned};

/// How long to wait when a server says "too many" and not for how long.
const A_WHILE: SignedDuration = SignedDuration::from_secs(10);
/// How much of a server's own words is told.
const SAID: usize = 300;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, unpacked.
    pub body: Bytes,
    /// It is the same as last time; the body comes from memory.
    pub unchanged: bool,
    /// It came from elsewhere than where it was asked.
    pub(super) redirected: bool,
    pub(super) who: Clean,
    pub(super) what: Clean,
}

/// Reads a body of at most `cap` bytes.
pub(super) async fn body(mut response: Response, cap: usize, who: &Clean) -> Result<Bytes, SourceError> {
    let too_large = || SourceError::Protocol(clean!("{who} sends more than {}; narrow the request or the source", size(cap as u64)));
    if response.content_length().is_some_and(|length| length > cap as u64) {
        return Err(too_large());
    }
    let host = response.url().host_str().map(String::from);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| words::broken(who, host.as_deref(), &error))? {
        if body.len() + chunk.len() > cap {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Reply {
    /// The answer of `who` to `what`, for a transport of another kind.
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes, who: Clean, what: Clean) -> Self {
        Self { status, headers, body, unchanged: false, redirected: false, who, what }
    }

    #[cfg(test)]
    pub(crate) fn made(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self::new(status, headers, body, "test:80".into(), "GET /test".into())
    }

    /// Itself, if its status is good.
    ///
    /// # Errors
    /// What the status means, with the server's own words.
    pub fn good(self) -> Result<Self, SourceError> {
        if self.status.is_success() { Ok(self) } else { Err(self.trouble(Timestamp::now())) }
    }

    /// What the JSON says.
    ///
    /// # Errors
    /// That it is something else: a web page, a login, a text, another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        if !self.is_json() {
            return Err(self.not_json());
        }
        let unreadable = |error: serde_json::Error| {
            let what = clip(&error.to_string());
            SourceError::Protocol(clean!("{} answers {} with JSON that can not be read: {what}; is this the right kind of server?", self.who, self.what))
        };
        serde_json::from_slice(&self.body).map_err(unreadable)
    }

    /// The further page that the answer names (`Link: rel="next"`).
    pub fn next(&self) -> Option<Url> {
        let links = self.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let one = links.flat_map(|value| value.split(',')).find(|link| {
            let mut parts = link.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase());
            parts.any(|part| part == "rel=\"next\"" || part == "rel=next")
        })?;
        Url::parse(one.split_once('<')?.1.split_once('>')?.0).ok()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the server says went wrong: the message of a JSON object, a JSON string, or plain text; never a web page.
    pub fn said(&self) -> Clean {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Text(String),
            Object { message: Option<String>, error: Option<serde_json::Value> },
        }
        if self.is_html() {
            return Clean::from_static("a web page");
        }
        let told = match serde_json::from_slice(&self.body) {
            Ok(Said::Text(text)) => text,
            Ok(Said::Object { message: Some(text), .. }) => text,
            Ok(Said::Object { error: Some(error), .. }) => {
                let inner = error.get("message").and_then(|message| message.as_str());
                inner.or(error.as_str()).map_or_else(|| error.to_string(), String::from)
            }
            Ok(Said::Object { .. }) => String::new(),
            Err(_) => String::from_utf8_lossy(&self.body[..self.body.len().min(4 * SAID)]).into_owned(),
        };
        clip(&told)
    }

    fn is_json(&self) -> bool {
        match self.essence() {
            Some(kind) => kind.ends_with("json"),
            None => matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')),
        }
    }

    /// Whether it is a page for people where a login stands between: we were sent on to it, or it comes with a 203, as Azure DevOps answers.
    pub fn is_login(&self) -> bool {
        self.is_html() && (self.redirected || self.status == StatusCode::NON_AUTHORITATIVE_INFORMATION)
    }

    fn is_html(&self) -> bool {
        let page = self.body.trim_ascii_start();
        self.essence().is_some_and(|kind| kind.contains("html")) || page.starts_with(b"<!") || page.starts_with(b"<html")
    }

    fn essence(&self) -> Option<String> {
        let kind = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(kind.split(';').next()?.trim().to_ascii_lowercase())
    }

    fn not_json(&self) -> SourceError {
        let (who, what) = (&self.who, &self.what);
        match (self.redirected, self.is_html()) {
            (true, true) => {
                SourceError::Denied(clean!("{what} was sent on to a web page at {who}, a login it seems; give this source a token, or a way around the login"))
            }
            (_, true) => SourceError::Protocol(clean!("{who} answers {what} with a web page; is the URL right, or is there a proxy in between?")),
            (_, false) => {
                let said = self.said();
                SourceError::Protocol(clean!("{who} answers {what} with something else than JSON: {said}; is the URL right?"))
            }
        }
    }

    /// What a status that is not good means.
    fn trouble(&self, now: Timestamp) -> SourceError {
        let (who, what, status) = (&self.who, &self.what, self.status);
        let said = match self.said() {
            said if said.is_empty() => said,
            said => clean!(": {said}"),
        };
        if let Some(until) = self.wait(now) {
            return SourceError::RateLimited { until, words: clean!("{who} asks us to wait ({status}){said}") };
        }
        let words = |remedy: &str| clean!("{who} answers {what} with {status}{said}{remedy}");
        match status.as_u16() {
            401 => SourceError::Denied(words("; check the credential of this source")),
            403 => SourceError::Denied(words("; this credential may not do that")),
            407 => SourceError::Denied(words("; the proxy wants a credential")),
            404 | 410 => SourceError::NotFound(words("; is the URL right, with its prefix?")),
            409 | 412 => SourceError::Conflict(words("")),
            502..=504 => SourceError::Unreachable(words("")),
            300..=399 => SourceError::Protocol(words("; name the right URL in the configuration")),
            _ => SourceError::Protocol(words("")),
        }
    }

    /// Until when the server asks us to wait, if that is what it says.
    fn wait(&self, now: Timestamp) -> Option<Timestamp> {
        let asked = limits::retry_after(&self.headers, now);
        let spent = || limits::Budget::read(&self.headers).filter(|budget| budget.left == 0).map(|budget| budget.until);
        match self.status.as_u16() {
            429 => Some(asked.or_else(|| spent().flatten()).unwrap_or(now + A_WHILE)),
            403 => asked.or_else(|| spent().map(|until| until.unwrap_or(now + A_WHILE))),
            503 => asked,
            _ => None,
        }
    }
}

/// A server's own words: short, harmless, without secrets.
pub(super) fn clip(text: &str) -> Clean {
    let line = redact(text.trim()).into_owned();
    let short: String = line.chars().take(SAID).collect();
    if short.len() < line.len() { clean!("{short}…") } else { clean!("{short}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::http::{HeaderName, HeaderValue};

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        Reply::made(StatusCode::from_u16(status).unwrap(), headers, Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_server_s_words_are_found_in_every_shape() {
        for (body, said) in [
            ("\"silence not found\"\n", "silence not found"),
            ("{\"code\":602,\"message\":\"comment is required\"}", "comment is required"),
            ("{\"status\":\"error\",\"error\":\"parse error\"}", "parse error"),
            ("{\"error\":{\"message\":\"deep\"}}", "deep"),
            ("Too many requests\n", "Too many requests"),
            ("\u{1b}[31mred", "red"),
            ("<html>login</html>", "a web page"),
            ("{}", ""),
            ("", ""),
            ("bad token=abcdef", "bad token=•••"),
        ] {
            assert_eq!(&*reply(400, &[], body).said(), said, "{body}");
        }
    }

    #[test]
    fn each_status_is_told_as_what_it_means() {
        let now: Timestamp = "2026-08-01T03:00:00Z".parse().unwrap();
        let kind = |reply: Reply| format!("{:?}", reply.trouble(now).why().trouble);
        for (status, expected) in [
            (401, "Denied"),
            (403, "Denied"),
            (404, "NotFound"),
            (409, "Conflict"),
            (429, "RateLimited"),
            (400, "Protocol"),
            (500, "Protocol"),
            (502, "Unreachable"),
            (503, "Unreachable"),
        ] {
            assert_eq!(kind(reply(status, &[], "")), expected, "{status}");
        }
        assert_eq!(kind(reply(503, &[("retry-after", "5")], "")), "RateLimited");
        assert_eq!(kind(reply(403, &[("x-ratelimit-remaining", "0")], "")), "RateLimited");
        assert_eq!(kind(reply(403, &[("x-ratelimit-remaining", "9")], "")), "Denied");
        let spent = reply(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1785553500")], "").trouble(now);
        assert!(matches!(spent, SourceError::RateLimited { until, .. } if until.as_second() == 1_785_553_500), "{spent:?}");
    }

    #[test]
    fn what_is_not_json_is_not_decoded() {
        let read = |reply: Reply| reply.json::<serde_json::Value>().map_err(|error| error.to_string());
        assert!(read(reply(200, &[("content-type", "application/vnd.github+json; charset=utf-8")], "[]")).is_ok());
        assert!(read(reply(200, &[], " [1]")).is_ok());
        assert!(read(reply(200, &[("content-type", "text/html")], "[]")).unwrap_err().contains("a web page"));
        assert!(read(reply(200, &[("content-type", "text/plain")], "starting")).unwrap_err().contains("starting"));
        assert!(read(reply(200, &[("content-type", "application/json")], "{")).unwrap_err().contains("can not be read"));
        let login = Reply { redirected: true, ..reply(200, &[("content-type", "text/html; charset=utf-8")], "<html>") };
        assert!(matches!(login.json::<u8>(), Err(SourceError::Denied(words)) if words.contains("login")));
    }

    #[test]
    fn the_next_page_is_the_one_called_so() {
        let link = "<https://h/x?page=1>; rel=\"prev\", <https://h/x?page=3>; rel=\"next\", <https://h/x?page=9>; rel=\"last\"";
        assert_eq!(reply(200, &[("link", link)], "").next().unwrap().as_str(), "https://h/x?page=3");
        assert!(reply(200, &[("link", "<https://h/x?page=1>; rel=\"prev\"")], "").next().is_none());
        assert!(reply(200, &[("link", "garbage; rel=next")], "").next().is_none());
    }
}
