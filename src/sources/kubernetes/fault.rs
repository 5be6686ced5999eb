//! What went wrong with a request, in the operator's words.
//!
//! The client library's own words are never shown: those about logging in quote tokens, and those about a web page quote the page. Of a login
//! program that failed the last line of its standard error is shown, without what looks like a secret.

use crate::{
    clean,
    sources::SourceError,
    text::{Clean, redact},
};
use jiff::{SignedDuration, Timestamp};
use kube::{client::AuthError, core::Status};
use std::error::Error as StdError;

/// How much is shown of what a login program says.
const LONGEST_LINE: usize = 200;

/// What was tried, so that a refusal can name the right that is missing.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The verb as an access review has it: `list`, `get`, `patch`.
    pub verb: &'static str,
    /// Resource and group: `deployments.apps`.
    pub resource: String,
    /// Where; none means everywhere.
    pub namespace: Option<String>,
    /// The context.
    pub context: String,
    /// The server's address.
    pub server: Clean,
}

impl Tried {
    /// The command that answers whether we may.
    pub fn can_i(&self) -> String {
        let place = self.namespace.as_ref().map_or_else(|| "-A".to_owned(), |namespace| format!("-n {namespace}"));
        // A slash would name an object.
        let what = self.resource.split_once('/').map_or_else(|| self.resource.clone(), |(whole, part)| format!("{whole} --subresource={part}"));
        format!("kubectl auth can-i {} {what} {place} --context {}", self.verb, self.context)
    }

    /// What a whole answer with an error status means.
    pub fn refused(&self, status: &Status) -> SourceError {
        let said = Clean::from_untrusted(status.message.trim());
        let what = format!("{} {}", self.verb, self.resource);
        if status.message.trim_start().starts_with('<') {
            return self.web_page(status.code);
        }
        match status.code {
            401 => SourceError::Denied(clean!(
                "{} does not know us: the credentials of context {} have expired or are wrong; log in again, then ctrl-r",
                self.server,
                self.context
            )),
            403 => SourceError::Denied(clean!("may not {what}: {said}; check with `{}`", self.can_i())),
            404 => SourceError::NotFound(clean!("{what}: {said}")),
            409 => SourceError::Conflict(clean!("{what}: {said}")),
            429 => SourceError::RateLimited { until: Timestamp::now() + patience(status), words: clean!("{} asks us to wait: {said}", self.server) },
            405 | 406 | 415 => SourceError::Unsupported(clean!("{} can not {what}: {said}", self.server)),
            500.. => SourceError::Unreachable(clean!("{} failed at {what} (HTTP {}): {said}", self.server, status.code)),
            code => SourceError::Protocol(clean!("{} answered {what} with HTTP {code}: {said}", self.server)),
        }
    }

    /// Something else than the API answers.
    pub fn web_page(&self, code: u16) -> SourceError {
        SourceError::Protocol(clean!(
            "{} answered with a web page (HTTP {code}) instead of the Kubernetes API: is a proxy or a login page in between?",
            self.server
        ))
    }

    /// What an error of the client means.
    pub fn failed(&self, error: &kube::Error) -> SourceError {
        match error {
            kube::Error::Api(status) => self.refused(status),
            kube::Error::Auth(error) => SourceError::Denied(login(error)),
            kube::Error::SerdeError(error) => SourceError::Protocol(clean!(
                "the answer of {} to {} {} can not be read (line {}, column {})",
                self.server,
                self.verb,
                self.resource,
                error.line(),
                error.column()
            )),
            other => self.broken(other),
        }
    }

    /// What a broken connection means, looking through the layers for the one that knows.
    pub fn broken(&self, error: &(dyn StdError + 'static)) -> SourceError {
        let mut next = Some(error);
        for _ in 0..16 {
            let Some(cause) = next else { break };
            if let Some(error) = self.cause(cause) {
                return error;
            }
            next = cause.source();
        }
        SourceError::Unreachable(clean!("the connection to {} broke", self.server))
    }

    /// No answer within the deadline.
    pub fn late(&self, seconds: u64) -> SourceError {
        SourceError::Unreachable(clean!("{} did not answer {} {} within {seconds} s", self.server, self.verb, self.resource))
    }

    fn cause(&self, cause: &(dyn StdError + 'static)) -> Option<SourceError> {
        let server = &self.server;
        if let Some(error) = cause.downcast_ref::<AuthError>() {
            return Some(SourceError::Denied(login(error)));
        }
        if let Some(kube::Error::Auth(error)) = cause.downcast_ref::<kube::Error>() {
            return Some(SourceError::Denied(login(error)));
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(SourceError::Unreachable(clean!("TLS to {server} fails: {}", tls(error))));
        }
        if cause.is::<http_body_util::LengthLimitError>() {
            return Some(SourceError::Protocol(clean!(
                "{server} answers {} {} with more than can be taken; narrow what is asked for",
                self.verb,
                self.resource
            )));
        }
        if cause.is::<tower::timeout::error::Elapsed>() {
            return Some(SourceError::Unreachable(clean!("{server} does not answer")));
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            if let Some(inner) = error.get_ref().and_then(|inner| (inner as &(dyn StdError + 'static)).downcast_ref::<rustls::Error>()) {
                return Some(SourceError::Unreachable(clean!("TLS to {server} fails: {}", tls(inner))));
            }
            return io(error).map(|words| SourceError::Unreachable(clean!("{server} {words}")));
        }
        // The resolver's error has no type of its own that we could name.
        cause
            .to_string()
            .starts_with("dns error")
            .then(|| SourceError::Unreachable(clean!("the name of {server} can not be resolved: check the network, the VPN and the server in the kubeconfig")))
    }
}

/// Whether an error is only that nothing came within the deadline.
pub fn is_late(error: &kube::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<tower::timeout::error::Elapsed>() {
            return true;
        }
        next = cause.source();
    }
    false
}

fn patience(status: &Status) -> SignedDuration {
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    SignedDuration::from_secs(i64::from(seconds.clamp(1, 900)))
}

fn io(error: &std::io::Error) -> Option<&'static str> {
    use std::io::ErrorKind as K;
    Some(match error.kind() {
        K::ConnectionRefused => "refuses connections: is the API server running there?",
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => "broke the connection",
        K::UnexpectedEof => "closed the connection in the middle of an answer",
        K::TimedOut => "does not answer",
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => "can not be reached from this network: check the VPN",
        _ => return None,
    })
}

fn tls(error: &rustls::Error) -> &'static str {
    use rustls::{CertificateError as C, Error as E};
    match error {
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "its certificate has expired: renew it on the server",
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => "its certificate is not valid yet: is the clock of this machine right?",
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "its certificate is for another name: correct the server in the kubeconfig or set tls-server-name"
        }
        E::InvalidCertificate(C::UnknownIssuer) => "its certificate is from an authority that we do not know: set certificate-authority in the kubeconfig",
        E::InvalidCertificate(C::Revoked) => "its certificate was revoked",
        E::InvalidCertificate(_) => "its certificate is not acceptable",
        E::AlertReceived(_) => "it refuses our certificate: log in again",
        E::InvalidMessage(_) => "it does not speak TLS: is the server's URL http:// and not https://?",
        _ => "no agreement was reached",
    }
}

/// Our own words for a failed login: the library's quote the command, its environment and what it printed.
pub fn login(error: &AuthError) -> Clean {
    match error {
        AuthError::AuthExecStart(error) => clean!("the login program of the kubeconfig can not be started ({}): is it installed and on PATH?", error.kind()),
        AuthError::AuthExecRun { out, .. } => {
            let said = last_line(&out.stderr).map(|line| clean!(", it said “{line}”")).unwrap_or_default();
            clean!("the login program of the kubeconfig failed ({}){said}: run `kubectl get ns` in a shell to log in, then ctrl-r", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::AuthExecSerialize(_) => {
            Clean::from_static("the login program of the kubeconfig gave no credentials that can be read: run `kubectl get ns` in a shell")
        }
        AuthError::ReadTokenFile(error, path) => clean!("the token file {} can not be read ({})", path.display(), error.kind()),
        AuthError::MissingCommand => Clean::from_static("the user of the kubeconfig has an exec without a command"),
        AuthError::AuthExec(_) => Clean::from_static("the kubeconfig's way to log in is not supported (azure and gcp have login programs of their own now)"),
        AuthError::MalformedTokenExpirationDate(_) => Clean::from_static("the login program's expirationTimestamp is not a time"),
        _ => Clean::from_static("logging in failed: run `kubectl get ns` in a shell, then ctrl-r"),
    }
}

/// The last line that a login program wrote on standard error, without what looks like a secret. Its standard output holds the credentials.
fn last_line(stderr: &[u8]) -> Option<Clean> {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let shown: String = redact(line).chars().take(LONGEST_LINE).collect();
    Some(clean!("{shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Trouble;

    fn tried() -> Tried {
        Tried { verb: "list", resource: "deployments.apps".into(), namespace: Some("shop".into()), context: "prod".into(), server: "10.0.0.1:6443".into() }
    }

    #[test]
    fn a_refusal_names_the_right_and_the_command_that_checks_it() {
        let error = tried().refused(&Status::failure("deployments.apps is forbidden", "Forbidden").with_code(403));
        assert_eq!(error.why().trouble, Trouble::Denied);
        assert!(error.to_string().contains("kubectl auth can-i list deployments.apps -n shop --context prod"), "{error}");
    }

    #[test]
    fn each_code_means_its_own_trouble() {
        for (code, trouble) in [
            (401, Trouble::Denied),
            (404, Trouble::NotFound),
            (409, Trouble::Conflict),
            (429, Trouble::RateLimited),
            (415, Trouble::Unsupported),
            (503, Trouble::Unreachable),
            (422, Trouble::Protocol),
        ] {
            assert_eq!(tried().refused(&Status::failure("m", "r").with_code(code)).why().trouble, trouble, "{code}");
        }
        let page = tried().refused(&Status::failure("<html><body>Sign in", "r").with_code(503));
        assert_eq!(page.why().trouble, Trouble::Protocol);
        assert!(!page.to_string().contains("html"), "{page}");
    }

    #[test]
    fn a_broken_connection_is_told_by_its_innermost_cause() {
        let refused = kube::Error::Service(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)));
        assert!(tried().failed(&refused).to_string().contains("refuses connections"));
        for (certificate, words) in [
            (rustls::CertificateError::Expired, "has expired"),
            (rustls::CertificateError::UnknownIssuer, "do not know"),
            (rustls::CertificateError::NotValidForName, "another name"),
        ] {
            let inner = std::io::Error::other(rustls::Error::InvalidCertificate(certificate));
            let error = tried().failed(&kube::Error::Service(Box::new(inner)));
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_failed_login_quotes_the_last_line_of_its_complaint_and_never_what_it_gives_out() {
        let said = "echo t0ken; echo first >&2; printf 'the session \\033[31mexpired, Bearer ghp_abcdefghijklmnopqrstuvwxyz0123456789\\n\\n' >&2; exit 3";
        let out = std::process::Command::new("sh").args(["-c", said]).output().expect("a shell");
        let error = kube::Error::Auth(AuthError::AuthExecRun { cmd: "TOKEN=t0ken aws".into(), out: Box::new(out) });
        let words = tried().failed(&error).to_string();
        assert!(words.contains("login program") && words.contains("expired") && !words.contains("first"), "{words}");
        assert!(!words.contains("t0ken") && !words.contains("ghp_abc") && !words.contains('\x1b'), "{words}");
    }
}
