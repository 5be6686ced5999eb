//! Answers that are kept to be asked for conditionally: what has not changed costs no budget (and often no body).

use super::{Ask, HeaderMap, HeaderName, HeaderValue, Reply, StatusCode, Url};
use bytes::Bytes;
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use std::{
    collections::HashMap,
    io::{Read, Write},
};

/// All kept bodies together, as they are kept.
const ROOM: usize = 16 << 20;
/// A body beyond this would drive out too many others.
const LARGEST: usize = ROOM / 4;
/// Headers that are about a body.
const OF_BODY: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE];

/// Kept answers by URL, the least lately used leaving first.
#[derive(Default)]
pub(super) struct Cache {
    kept: HashMap<String, Kept>,
    size: usize,
    turn: u64,
}

struct Kept {
    condition: (HeaderName, HeaderValue),
    headers: HeaderMap,
    body: Packed,
    used: u64,
}

/// A body that is kept small: a page of a hundred runs is a megabyte or two of JSON that says the same things again and again, and twenty
/// repositories have twenty of them.
struct Packed {
    packed: Box<[u8]>,
    length: usize,
}

impl Packed {
    fn new(body: &[u8]) -> Self {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(body).expect("memory takes it");
        Self { packed: packed.finish().expect("memory takes it").into(), length: body.len() }
    }

    fn unpacked(&self) -> Bytes {
        let mut body = Vec::with_capacity(self.length);
        DeflateDecoder::new(&*self.packed).read_to_end(&mut body).expect("we packed it");
        body.into()
    }
}

impl Cache {
    /// What a request for `url` must carry to be told "not modified".
    pub fn conditions(&self, ask: &Ask, url: &Url) -> Option<(HeaderName, HeaderValue)> {
        self.kept.get(url.as_str()).filter(|_| ask.is_conditional()).map(|kept| kept.condition.clone())
    }

    /// The answer itself, or the kept one that it says is still right.
    pub fn resolve(&mut self, ask: &Ask, url: &Url, mut reply: Reply) -> Reply {
        if !ask.is_conditional() {
            return reply;
        }
        self.turn += 1;
        match (reply.status, self.kept.get_mut(url.as_str())) {
            (StatusCode::NOT_MODIFIED, Some(kept)) => {
                kept.used = self.turn;
                let mut headers = kept.headers.clone();
                // What it says of its own body, which is none, is not about the kept one (RFC 9111 §3.2).
                OF_BODY.iter().for_each(|name| drop(reply.headers.remove(name)));
                headers.extend(std::mem::take(&mut reply.headers));
                Reply { status: StatusCode::OK, headers, body: kept.body.unpacked(), unchanged: true, ..reply }
            }
            (status, _) => {
                self.forget(url.as_str());
                if status == StatusCode::OK {
                    self.keep(url, &reply);
                }
                reply
            }
        }
    }

    /// Forgets all: another credential may see other things.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn keep(&mut self, url: &Url, reply: &Reply) {
        let condition = |name, condition| reply.headers.get(name).map(|value| (condition, value.clone()));
        let Some(condition) = condition(ETAG, IF_NONE_MATCH).or_else(|| condition(LAST_MODIFIED, IF_MODIFIED_SINCE)) else { return };
        let body = Packed::new(&reply.body);
        if body.packed.len() > LARGEST {
            return;
        }
        self.size += body.packed.len();
        self.kept.insert(url.as_str().to_owned(), Kept { condition, headers: reply.headers.clone(), body, used: self.turn });
        while self.size > ROOM {
            let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(url, _)| url.clone()) else { return };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, url: &str) {
        if let Some(kept) = self.kept.remove(url) {
            self.size -= kept.body.packed.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, tag: &'static str, size: usize) -> Reply {
        let headers = [(ETAG, HeaderValue::from_static(tag))].into_iter().collect();
        Reply::made(StatusCode::from_u16(status).unwrap(), headers, noise(size).into())
    }

    /// What can not be packed any smaller (xorshift).
    fn noise(size: usize) -> Vec<u8> {
        let next = |state: &u32| {
            let mut state = *state;
            state ^= state << 13;
            state ^= state >> 17;
            Some(state ^ state << 5)
        };
        std::iter::successors(Some(7), next).map(|state: u32| state.to_le_bytes()[1]).take(size).collect()
    }

    #[test]
    fn what_repeats_itself_takes_little_room_and_comes_back_whole() {
        let (ask, url, mut cache) = (Ask::get("x").conditional(), Url::parse("http://h/x").unwrap(), Cache::default());
        let body: Vec<u8> = b"{\"repository\":{\"full_name\":\"acme/cart\"}}".repeat(200_000);
        let headers = [(ETAG, HeaderValue::from_static("\"a\""))].into_iter().collect();
        cache.resolve(&ask, &url, Reply::made(StatusCode::OK, headers, body.clone().into()));
        assert!(body.len() > LARGEST && cache.size < LARGEST / 10, "{} of {}", cache.size, body.len());
        assert_eq!(cache.resolve(&ask, &url, reply(304, "\"a\"", 0)).body, body);
    }

    #[test]
    fn what_has_not_changed_is_still_of_its_kind() {
        let (ask, url, mut cache) = (Ask::get("x").conditional(), Url::parse("http://h/x").unwrap(), Cache::default());
        let typed = |status, kind: &'static str| {
            let mut reply = reply(status, "\"a\"", 2);
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            reply.headers.insert("x-left", HeaderValue::from(status));
            reply
        };
        cache.resolve(&ask, &url, typed(200, "application/json"));
        let again = cache.resolve(&ask, &url, typed(304, "text/plain"));
        assert_eq!((&again.headers[CONTENT_TYPE], &again.headers["x-left"]), (&HeaderValue::from_static("application/json"), &HeaderValue::from(304_u16)));
    }

    #[test]
    fn the_least_lately_used_answer_leaves_when_the_room_is_full() {
        let ask = Ask::get("x").conditional();
        let url = |n: usize| Url::parse(&format!("http://h/{n}")).unwrap();
        let mut cache = Cache::default();
        // Noise takes a little more room than it has bytes.
        let large = LARGEST - LARGEST / 100;
        for n in 0..4 {
            cache.resolve(&ask, &url(n), reply(200, "\"a\"", large));
        }
        assert!(cache.resolve(&ask, &url(0), reply(304, "\"a\"", 0)).unchanged);
        cache.resolve(&ask, &url(4), reply(200, "\"a\"", large));
        assert!(cache.conditions(&ask, &url(0)).is_some() && cache.conditions(&ask, &url(1)).is_none());
        assert!(cache.size <= ROOM);
        cache.resolve(&ask, &url(5), reply(200, "\"a\"", LARGEST + 1));
        assert!(cache.conditions(&ask, &url(5)).is_none(), "too large to keep");
    }
}
