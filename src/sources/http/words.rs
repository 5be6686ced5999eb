//! What went wrong on the way, in words: which host, what failed, and what to do.

use super::{SourceError, StatusCode, Url, tls::SelfSigned};
use crate::{clean, text::Clean};
use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, pki_types::UnixTime};
use std::{error::Error, io, time::Duration};

/// A server in a sentence: its host, and its port where that is not the usual one.
pub(super) fn host(url: &Url) -> Clean {
    let host = url.host_str().unwrap_or("no host");
    url.port().map_or_else(|| clean!("{host}"), |port| clean!("{host}:{port}"))
}

/// It took too long.
pub(super) fn late(who: &Clean, limit: Duration) -> SourceError {
    SourceError::Unreachable(clean!("{who} did not answer within {} s; is it overloaded, or is something in between silent?", limit.as_secs()))
}

/// Where `who` sends us on to refuses.
pub(super) fn astray(who: &Clean, what: &Clean, there: &Clean, status: StatusCode) -> SourceError {
    let words = clean!("{who} sends {what} on to {there}, which answers {status}");
    match status.as_u16() {
        429 | 502..=504 => SourceError::Unreachable(words),
        _ => SourceError::Protocol(clean!("{words}; is the URL right, or is there a proxy in between?")),
    }
}

/// What `error` of a request to `who` means.
pub(super) fn broken(who: &Clean, host: Option<&str>, error: &reqwest::Error) -> SourceError {
    let host = host.unwrap_or_default();
    let chain: Vec<&(dyn Error + 'static)> = chain(error).collect();
    if let Some(tls) = chain.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return SourceError::Protocol(untrusted(who, host, tls));
    }
    if chain.iter().any(|cause| cause.to_string().contains("dns error")) {
        let why = chain.last().map(ToString::to_string).unwrap_or_default();
        return SourceError::Unreachable(clean!("the name {host} is not found (DNS: {why}); check the name, and whether a VPN is needed"));
    }
    if error.is_timeout() {
        return SourceError::Unreachable(clean!("{who} does not answer in time; is it up, and is the way to it open?"));
    }
    let io = chain.iter().find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(words) = io.and_then(|io| lost(who, io.kind())) {
        return SourceError::Unreachable(words);
    }
    let why = super::reply::clip(&chain.last().map(ToString::to_string).unwrap_or_default());
    if error.is_decode() || error.is_body() {
        return SourceError::Protocol(clean!("the answer of {who} ended in the middle or is damaged: {why}"));
    }
    SourceError::Unreachable(clean!("{who} can not be reached: {why}"))
}

/// An error, what caused it, and what an I/O error wraps.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: Option<&'a (dyn Error + 'static)> = error.source();
    std::iter::successors(first, |&cause| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(|io| io.get_ref()).map(|inner| inner as &(dyn Error + 'static));
        wrapped.or_else(|| cause.source())
    })
}

fn lost(who: &Clean, kind: io::ErrorKind) -> Option<Clean> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => clean!("{who} refuses the connection; is it running, and is the port right?"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => clean!("{who} broke off the connection"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            clean!("there is no way to {who}; check the network, and whether a VPN is needed")
        }
        io::ErrorKind::TimedOut => clean!("{who} does not answer; is it up, and is the way to it open?"),
        _ => return None,
    })
}

fn untrusted(who: &Clean, host: &str, error: &rustls::Error) -> Clean {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => certificate(who, host, error),
        E::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate | AlertDescription::UnknownCA | AlertDescription::AccessDenied,
        ) => {
            clean!("{who} does not accept who we are; name a client certificate (cert_file, key_file) that it knows")
        }
        E::AlertReceived(alert) => clean!("{who} refuses TLS ({alert:?})"),
        E::InvalidMessage(_) => clean!("{who} does not speak TLS on this port; should the URL begin with http://?"),
        other => clean!("TLS with {who} failed: {other}"),
    }
}

fn certificate(who: &Clean, host: &str, error: &CertificateError) -> Clean {
    use CertificateError as C;
    match error {
        C::Expired => clean!("the certificate of {who} has expired; it must be renewed there"),
        C::ExpiredContext { not_after, .. } => clean!("the certificate of {who} expired on {}; it must be renewed there", day(*not_after)),
        C::NotValidYet => clean!("the certificate of {who} is not valid yet; is the clock of this machine right?"),
        C::NotValidYetContext { not_before, .. } => {
            clean!("the certificate of {who} is not valid before {}; is the clock of this machine right?", day(*not_before))
        }
        C::NotValidForName => clean!("the certificate of {who} is for another name than {host}; use the name it is for"),
        C::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(4).map(|name| shorn(name)).collect::<Vec<_>>().join(", ");
            clean!("the certificate of {who} is for another name than {host} (it is for {names}); use that name in the URL")
        }
        // An authority that was made anew under its old name signs with another key.
        C::UnknownIssuer | C::BadSignature => clean!("the certificate of {who} is signed by an authority that is not trusted here; name its CA with ca_file"),
        C::Other(other) if other.0.is::<SelfSigned>() => {
            clean!("the certificate of {who} is signed by itself (self-signed); give it one of an authority, and name that with ca_file")
        }
        C::Revoked => clean!("the certificate of {who} was revoked"),
        other => clean!("the certificate of {who} is not accepted: {other}"),
    }
}

/// `cart.example` of `DnsName("cart.example")`.
fn shorn(name: &str) -> &str {
    name.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map_or(name, |(name, _)| name)
}

fn day(at: UnixTime) -> Clean {
    let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map_or(Clean::from_static("a day unknown"), |at| clean!("{}", at.strftime("%Y-%m-%d")))
}
