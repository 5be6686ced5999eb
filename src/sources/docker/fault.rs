//! What went wrong, in words that an operator can act on.

use super::{place::Address, ssh};
use crate::{clean, sources::SourceError, text::Clean};
use bollard::errors::Error;
use std::{error::Error as StdError, io};

/// What an error of the client means at `address`.
pub fn failed(error: &Error, address: &Address) -> SourceError {
    let place = address.words();
    match error {
        Error::DockerResponseServerError { status_code, message } => answered(*status_code, message, address),
        Error::SocketNotFoundError(_) => {
            SourceError::Unreachable(clean!("there is no socket {place}: Docker is not installed, not running, or elsewhere; set DOCKER_HOST or `host`"))
        }
        Error::RequestTimeoutError => SourceError::Unreachable(clean!("{place} does not answer")),
        Error::CertPathError { path } | Error::CertParseError { path } | Error::CertMultipleKeys { path, .. } => {
            SourceError::Denied(clean!("{} holds no certificate or key that can be used; name a PEM file", path.display()))
        }
        Error::LoadNativeCertsErrors { .. } | Error::NoNativeCertsError { .. } => {
            SourceError::Denied("the certificates of this system can not be read; install ca-certificates".into())
        }
        // These two hide the error that they hold from whoever looks for causes.
        Error::IOError { err } => broken(err, address),
        Error::HyperResponseError { err } => broken(err, address),
        other => broken(other, address),
    }
}

/// What an answer with an error status means. The engine's own words are kept: they are made for people.
fn answered(code: u16, message: &str, address: &Address) -> SourceError {
    let (place, said) = (address.words(), Clean::from_untrusted(message.trim()));
    if message.contains("HTTP request to an HTTPS server") {
        return SourceError::Denied(clean!("{place} wants TLS: set `ca`, `cert` and `key`, or DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"));
    }
    match code {
        401 | 403 => SourceError::Denied(clean!("{place} refuses: {said}")),
        404 => SourceError::NotFound(said),
        409 => SourceError::Conflict(said),
        501 => SourceError::Unsupported(said),
        503 if message.contains("swarm") || message.contains("does not support") => SourceError::Unsupported(said),
        502..=504 => SourceError::Unreachable(clean!("{place} is not ready (HTTP {code}): {said}")),
        code => SourceError::Protocol(clean!("{place} answered HTTP {code}: {said}")),
    }
}

/// What a broken connection means, looking through the layers for the one that knows.
fn broken(error: &(dyn StdError + 'static), address: &Address) -> SourceError {
    let mut next = Some(error);
    for _ in 0..16 {
        let Some(cause) = next else { break };
        if let Some(found) = cause_of(cause, address) {
            return found;
        }
        next = cause.source();
    }
    broke(&address.words())
}

fn broke(place: &Clean) -> SourceError {
    SourceError::Unreachable(clean!("the connection to {place} broke"))
}

fn closed(place: &Clean) -> SourceError {
    SourceError::Unreachable(clean!("{place} closed the connection: the engine was stopped or restarted"))
}

/// Whether `error` is that the connection ended without a word about why.
pub fn is_cut(error: &SourceError, address: &Address) -> bool {
    let place = address.words();
    *error == closed(&place) || *error == broke(&place)
}

/// That the engine wants a certificate of ours, or another one.
pub fn unknown(place: &Clean) -> SourceError {
    SourceError::Denied(clean!("TLS to {place} fails: it does not accept our certificate, or wants one: check `cert` and `key`"))
}

fn cause_of(cause: &(dyn StdError + 'static), address: &Address) -> Option<SourceError> {
    let place = address.words();
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls(error, &place));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        let cut = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
        return cut.then(|| closed(&place));
    }
    let error = cause.downcast_ref::<io::Error>()?;
    let inner = error.get_ref().map(|inner| inner as &(dyn StdError + 'static));
    // One inside another: the outer one's source is the cause of the inner one, which is passed over.
    if let Some(inner) = inner.filter(|inner| inner.is::<io::Error>()) {
        return cause_of(inner, address);
    }
    if let Some(failed) = inner.and_then(|inner| inner.downcast_ref::<ssh::Failed>()) {
        return Some(of_ssh(&failed.said, address));
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Some(tls(error, &place));
    }
    of_io(error.kind(), address)
}

fn of_io(kind: io::ErrorKind, address: &Address) -> Option<SourceError> {
    use io::ErrorKind as K;
    let place = address.words();
    Some(match (kind, address) {
        (K::PermissionDenied, Address::Socket(_)) => SourceError::Denied(clean!(
            "you may not open {place}: join its group with `sudo usermod -aG docker $USER` and log in again (who may use it is root on this host)"
        )),
        (K::NotFound, Address::Socket(_)) => {
            SourceError::Unreachable(clean!("there is no socket {place}: Docker is not installed, not running, or elsewhere; set DOCKER_HOST or `host`"))
        }
        (K::NotFound, Address::Ssh(_)) => SourceError::Denied("there is no program ssh in PATH; install openssh-client".into()),
        (K::ConnectionRefused, Address::Socket(_)) => {
            SourceError::Unreachable(clean!("nobody listens at {place}: the engine is down; start it with `sudo systemctl start docker`"))
        }
        (K::ConnectionRefused, _) => {
            SourceError::Unreachable(clean!("{place} refuses connections: does the engine run there, and does it listen on this port?"))
        }
        (K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof, _) => closed(&place),
        (K::TimedOut, _) => SourceError::Unreachable(clean!("{place} does not answer")),
        (K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable, _) => {
            SourceError::Unreachable(clean!("{place} can not be reached from this network: check the VPN"))
        }
        (_, _) => return None,
    })
}

fn of_ssh(said: &Clean, address: &Address) -> SourceError {
    let host = match address {
        Address::Ssh(ssh) => Clean::from_untrusted(&ssh.host),
        Address::Socket(_) | Address::Plain(_) | Address::Tls(..) => address.words(),
    };
    let denied = ["Permission denied", "Host key verification failed", "not found", "permission denied", "unknown command"];
    let words = clean!("ssh {host} failed: {said}; try `ssh {host} docker version` in a shell");
    if denied.iter().any(|sign| said.contains(sign)) { SourceError::Denied(words) } else { SourceError::Unreachable(words) }
}

fn tls(error: &rustls::Error, place: &Clean) -> SourceError {
    use rustls::{CertificateError as C, Error as E};
    let words = match error {
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "its certificate has expired: renew it there",
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => "its certificate is not valid yet: is the clock of this machine right?",
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => "its certificate is for another name: correct the host",
        E::InvalidCertificate(C::UnknownIssuer) => "its certificate is from an authority that we do not know: name it with `ca` or DOCKER_CERT_PATH",
        E::InvalidCertificate(_) => "its certificate is not acceptable",
        E::AlertReceived(_) => return unknown(place),
        E::InvalidMessage(_) => "it does not speak TLS: is this the port without it (2375)?",
        _ => "no agreement was reached",
    };
    SourceError::Denied(clean!("TLS to {place} fails: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Trouble;

    fn socket() -> Address {
        Address::Socket("/run/docker.sock".into())
    }

    fn of(kind: io::ErrorKind, address: &Address) -> SourceError {
        failed(&Error::IOError { err: io::Error::from(kind) }, address)
    }

    #[test]
    fn each_trouble_with_the_socket_has_its_own_remedy() {
        for (kind, trouble, words) in [
            (io::ErrorKind::PermissionDenied, Trouble::Denied, "usermod"),
            (io::ErrorKind::NotFound, Trouble::Unreachable, "not installed"),
            (io::ErrorKind::ConnectionRefused, Trouble::Unreachable, "systemctl start"),
            (io::ErrorKind::ConnectionReset, Trouble::Unreachable, "stopped or restarted"),
        ] {
            let why = of(kind, &socket()).why();
            assert!(why.trouble == trouble && why.words.contains(words), "{why:?}");
        }
    }

    #[test]
    fn a_certificate_is_blamed_by_its_fault() {
        let address = Address::Tls("far:2376".into(), super::super::place::Tls { ca: None, own: None });
        for (certificate, words) in [(rustls::CertificateError::UnknownIssuer, "do not know"), (rustls::CertificateError::Expired, "has expired")] {
            let err = io::Error::other(rustls::Error::InvalidCertificate(certificate.clone()));
            for err in [err, io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(certificate.clone())))] {
                let why = failed(&Error::IOError { err }, &address).why();
                assert!(why.trouble == Trouble::Denied && why.words.contains(words), "{why:?}");
            }
        }
        let plain = Address::Plain("far:2376".into());
        assert!(answered(400, "Client sent an HTTP request to an HTTPS server.", &plain).to_string().contains("wants TLS"));
    }

    #[test]
    fn each_answer_means_its_own_trouble() {
        for (code, message, trouble) in [
            (404, "No such container: x", Trouble::NotFound),
            (409, "dead", Trouble::Conflict),
            (501, "logging driver", Trouble::Unsupported),
            (503, "This node is not a swarm manager.", Trouble::Unsupported),
            (503, "starting", Trouble::Unreachable),
            (400, "client version 1.43 is too old", Trouble::Protocol),
            (403, "no", Trouble::Denied),
        ] {
            assert_eq!(answered(code, message, &socket()).why().trouble, trouble, "{code} {message}");
        }
    }
}
