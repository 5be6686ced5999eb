//! Redirects, followed by hand (reliability R16): at most three, never from https to http, never with a credential beyond the server's own
//! origin, and never to addresses that only this machine or its cloud can reach.

use super::{Ask, HeaderValue, SourceError, Url, words};
use crate::{clean, text::Clean};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const HOPS: u8 = 3;

/// Whether both are the same scheme, host and port.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a URL names this machine itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match literal(url) {
        Some(address) => address.is_loopback(),
        None => url.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost")),
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The way of one request.
pub(super) struct Trail {
    home: Url,
    at: Url,
    hops: u8,
    left: bool,
    guard: Guard,
}

impl Trail {
    pub fn new(home: &Url, at: Url) -> Self {
        Self { home: home.clone(), at, hops: 0, left: false, guard: Guard::around(home) }
    }

    pub fn url(&self) -> &Url {
        &self.at
    }

    pub fn hops(&self) -> u8 {
        self.hops
    }

    /// Whether it never left the server's own origin. Coming back does not count: whoever sent us back chose the URL.
    pub fn at_home(&self) -> bool {
        !self.left
    }

    /// Whether it ended at another server. The same by another scheme is a server that wants to be spoken to over TLS.
    pub fn abroad(&self) -> bool {
        self.at.host_str() != self.home.host_str() || self.at.port() != self.home.port()
    }

    /// One hop on, if it may be made.
    pub fn follow(&mut self, ask: &Ask, place: HeaderValue, who: &Clean) -> Result<(), SourceError> {
        let refuse = |why: Clean| Err(SourceError::Protocol(clean!("{who} sends {} elsewhere: {why}", ask.what())));
        let Some(next) = place.to_str().ok().and_then(|place| self.at.join(place).ok()) else {
            return refuse("to no readable place".into());
        };
        let there = words::host(&next);
        self.hops += 1;
        if !ask.reads() {
            return refuse(clean!("to {there}, and a change is sent once and only here; name the right URL in the configuration"));
        }
        if self.hops > HOPS {
            return refuse(clean!("more than {HOPS} times, last to {there}; name the right URL in the configuration"));
        }
        match next.scheme() {
            "https" => {}
            "http" if self.at.scheme() == "http" => {}
            _ => return refuse(clean!("to {there} without encryption; that is not followed")),
        }
        if literal(&next).is_some_and(|address| !self.guard.allows(address)) && !same_origin(&next, &self.home) {
            return refuse(clean!("to the inner address {there}; that is not followed"));
        }
        self.left = self.left || !same_origin(&next, &self.home);
        self.at = next;
        Ok(())
    }
}

/// Resolves names for redirects to elsewhere, leaving out addresses that nobody outside should be able to point us to.
#[derive(Clone)]
pub(super) struct Guard {
    loopback: bool,
}

impl Guard {
    /// What may be reached when the server is at `home`: other ports of this machine only from this machine.
    pub fn around(home: &Url) -> Self {
        Self { loopback: is_loopback(home) }
    }

    fn allows(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.allows_v4(v4),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => self.allows_v4(v4),
                None => self.allows_v6(v6),
            },
        }
    }

    fn allows_v4(&self, v4: Ipv4Addr) -> bool {
        let metadata = v4 == Ipv4Addr::new(100, 100, 100, 200);
        (self.loopback || !v4.is_loopback()) && !v4.is_link_local() && !v4.is_unspecified() && !v4.is_broadcast() && !v4.is_multicast() && !metadata
    }

    fn allows_v6(&self, v6: Ipv6Addr) -> bool {
        let metadata = v6.segments()[..4] == [0xfd00, 0x0ec2, 0, 0];
        (self.loopback || !v6.is_loopback()) && !v6.is_unicast_link_local() && !v6.is_unspecified() && !v6.is_multicast() && !metadata
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| guard.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads only to inner addresses".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(home: &str, hops: &[&str]) -> Result<bool, String> {
        let home = Url::parse(home).unwrap();
        let mut trail = Trail::new(&home, home.join("/api").unwrap());
        for hop in hops {
            trail.follow(&Ask::get("api"), HeaderValue::from_str(hop).unwrap(), &"here".into()).map_err(|error| error.to_string())?;
        }
        Ok(trail.at_home())
    }

    #[test]
    fn redirects_are_followed_only_where_they_do_no_harm() {
        assert_eq!(follow("https://a", &["/login"]), Ok(true));
        assert_eq!(follow("https://a", &["https://A:443/x"]), Ok(true), "the same origin in other words");
        assert_eq!(follow("https://a", &["https://b/"]), Ok(false));
        assert_eq!(follow("https://a", &["https://b/", "https://a/"]), Ok(false), "coming back brings no credential back");
        assert_eq!(follow("http://a", &["https://a/"]), Ok(false), "another scheme is another origin");
        assert_eq!(follow("http://127.0.0.1:1", &["http://127.0.0.1:2/"]), Ok(false));
        let refused: &[(&str, &[&str], &str)] = &[
            ("https://a", &["http://a/"], "without encryption"),
            ("https://a", &["https://127.0.0.1/"], "inner address"),
            ("https://a", &["https://[::1]/"], "inner address"),
            ("https://a", &["https://[::ffff:127.0.0.1]/"], "inner address"),
            ("https://a", &["https://169.254.169.254/latest"], "inner address"),
            ("http://127.0.0.1:1", &["http://169.254.169.254/latest"], "inner address"),
            ("https://a", &["https://0.0.0.0/"], "inner address"),
            ("https://a", &["https://2130706433/"], "inner address"),
            ("https://a", &["file:///etc/passwd"], "without encryption"),
            ("https://a", &["/1", "/2", "/3", "/4"], "more than 3 times"),
        ];
        for (home, hops, why) in refused {
            let error = follow(home, hops).unwrap_err();
            assert!(error.contains(why), "{hops:?}: {error}");
        }
    }

    #[test]
    fn a_change_is_never_sent_on() {
        let home = Url::parse("https://a").unwrap();
        let change = Ask::change(super::super::Method::POST, "x", None);
        assert!(Trail::new(&home, home.clone()).follow(&change, HeaderValue::from_static("/y"), &"here".into()).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_leads_nowhere() {
        let elsewhere = Guard::around(&Url::parse("https://a").unwrap());
        assert!(elsewhere.resolve("localhost".parse().unwrap()).await.is_err());
        let here = Guard::around(&Url::parse("http://localhost:1").unwrap());
        assert!(here.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
