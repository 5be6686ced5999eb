//! Where an engine listens: the configuration, else the order of Docker's own command line ($DOCKER_HOST, $DOCKER_CONTEXT, `currentContext`
//! of config.json, the default socket), else the sockets of rootless Docker, Docker Desktop and Podman. Contexts are resolved here, because the client library does not know them.

use crate::{clean, text::Clean};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The keys of a `[[source]]` with `kind = "docker"`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `unix:///path`, `tcp://host:port`, `ssh://[user@]host[:port][/path/of/socket]`.
    pub host: Option<String>,
    /// A context of Docker's command line instead.
    pub context: Option<String>,
    /// The authority that the server's certificate is from; it turns TLS on.
    pub ca: Option<PathBuf>,
    /// Our certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// Certificates of a TLS connection; an authority that is not named is one that the system trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The authority of the server's certificate.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A host behind `ssh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// Who to be there.
    pub user: Option<String>,
    /// The host, or its name in ssh's own configuration.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
    /// The engine's socket there, where it is not the default.
    pub socket: Option<String>,
}

/// How an engine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine.
    Socket(PathBuf),
    /// TCP without protection.
    Plain(String),
    /// TCP with TLS.
    Tls(String, Tls),
    /// The system's ssh.
    Ssh(Ssh),
}

impl Address {
    /// As it is shown.
    pub fn words(&self) -> Clean {
        match self {
            Self::Socket(path) => clean!("{}", path.display()),
            Self::Plain(host) => clean!("tcp://{host}"),
            Self::Tls(host, _) => clean!("tcp://{host} (TLS)"),
            Self::Ssh(ssh) => clean!("ssh://{}", ssh.host),
        }
    }
}

/// An engine that was found, and what tells it from others: a context, a host; nothing for the one of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How it is reached.
    pub address: Address,
    /// What it is called.
    pub name: Option<String>,
}

/// Why a place can not be used: the key of the configuration that is to blame, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key.
    pub key: &'static str,
    /// What is wrong.
    pub what: Clean,
}

fn fault<T>(key: &'static str, what: Clean) -> Result<T, Fault> {
    Err(Fault { key, what })
}

/// What of this process's surroundings decides where an engine is.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// Variables.
    pub vars: BTreeMap<String, String>,
    /// The home folder.
    pub home: PathBuf,
    /// `/`, but for tests.
    pub root: PathBuf,
}

const VARIABLES: &[&str] = &["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "XDG_RUNTIME_DIR"];
const DEFAULT: &str = "var/run/docker.sock";

impl Shell {
    /// The surroundings of this process.
    pub fn here() -> Self {
        let vars = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok().filter(|value| !value.is_empty())?))).collect();
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()).unwrap_or_default();
        Self { vars, home, root: PathBuf::from("/") }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    fn config(&self) -> PathBuf {
        self.var("DOCKER_CONFIG").map_or_else(|| self.home.join(".docker"), PathBuf::from)
    }

    /// The sockets that an engine of this machine may have, the usual one first.
    fn sockets(&self) -> Vec<PathBuf> {
        let run = self.var("XDG_RUNTIME_DIR").map(PathBuf::from);
        let of_run = |name: &str| run.as_ref().map(|run| run.join(name));
        [
            Some(self.root.join(DEFAULT)),
            of_run("docker.sock"),
            Some(self.home.join(".docker/run/docker.sock")),
            Some(self.home.join(".docker/desktop/docker.sock")),
            Some(self.root.join("run/podman/podman.sock")),
            of_run("podman/podman.sock"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The first socket that we may open, else the first that is there.
    fn socket(&self) -> Option<PathBuf> {
        let there: Vec<PathBuf> = self.sockets().into_iter().filter(|path| path.exists()).collect();
        let open = there.iter().find(|path| rustix::fs::access(path.as_path(), rustix::fs::Access::WRITE_OK).is_ok());
        open.or(there.first()).cloned()
    }
}

/// The engine that the configuration names.
///
/// # Errors
/// What is wrong, and with which key.
pub fn configured(settings: &Settings, shell: &Shell) -> Result<Found, Fault> {
    match (&settings.host, &settings.context) {
        (Some(_), Some(_)) => fault("context", "host and context are both given; keep one".into()),
        (Some(host), None) => {
            let tls = settings.ca.is_some() || settings.cert.is_some();
            let own = match (&settings.cert, &settings.key) {
                (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
                (None, None) => None,
                (Some(_), None) => return fault("cert", "a certificate is no use without its key; add `key`".into()),
                (None, Some(_)) => return fault("key", "a key is no use without its certificate; add `cert`".into()),
            };
            let address = address("host", host, tls.then(|| Tls { ca: settings.ca.clone(), own }))?;
            let name = match &address {
                Address::Socket(path) if *path != shell.root.join(DEFAULT) => {
                    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).filter(|stem| stem != "docker")
                }
                other => host_of(other),
            };
            Ok(Found { address, name })
        }
        (None, Some(context)) => of_context("context", context, shell),
        (None, None) => Ok(found(shell)?.unwrap_or_else(|| Found { address: Address::Socket(shell.root.join(DEFAULT)), name: None })),
    }
}

/// The engine that Docker's own command line would take, if there is any.
///
/// # Errors
/// What is wrong with it.
pub fn found(shell: &Shell) -> Result<Option<Found>, Fault> {
    if let Some(host) = shell.var("DOCKER_HOST") {
        let tls = shell.var("DOCKER_TLS_VERIFY").map(|_| of_folder(&shell.var("DOCKER_CERT_PATH").map_or_else(|| shell.config(), PathBuf::from)));
        let address = address("DOCKER_HOST", host, tls)?;
        let name = host_of(&address);
        return Ok(Some(Found { address, name }));
    }
    let context = shell.var("DOCKER_CONTEXT").map(str::to_owned).or_else(|| current_context(&shell.config()));
    match context {
        Some(context) if context != "default" => of_context("DOCKER_CONTEXT", &context, shell).map(Some),
        _ => Ok(shell.socket().map(|path| Found { address: Address::Socket(path), name: None })),
    }
}

fn host_of(address: &Address) -> Option<String> {
    match address {
        Address::Socket(_) => None,
        Address::Plain(host) | Address::Tls(host, _) => Some(host.rsplit_once(':').map_or(&**host, |(name, _)| name).to_owned()),
        Address::Ssh(ssh) => Some(ssh.host.clone()),
    }
}

/// Reads a host as Docker's command line writes it.
fn address(key: &'static str, host: &str, tls: Option<Tls>) -> Result<Address, Fault> {
    let Some((scheme, rest)) = host.split_once("://") else {
        return fault(key, clean!("{host} is no address; write unix:///path, tcp://host:port or ssh://user@host"));
    };
    let end = rest.trim_end_matches('/');
    match (scheme, tls) {
        ("unix", _) if rest.starts_with('/') => Ok(Address::Socket(PathBuf::from(rest))),
        ("unix", _) => fault(key, clean!("{host} needs a whole path: unix:///run/docker.sock")),
        ("ssh", _) => ssh(key, end).map(Address::Ssh),
        (_, _) if end.is_empty() => fault(key, clean!("{host} names no host")),
        ("https", None) => Ok(Address::Tls(with_port(end, 2376), Tls { ca: None, own: None })),
        ("tcp" | "https", Some(tls)) => Ok(Address::Tls(with_port(end, 2376), tls)),
        ("tcp", None) => Ok(Address::Plain(with_port(end, 2375))),
        ("http", _) => Ok(Address::Plain(with_port(end, 2375))),
        (other, _) => fault(key, clean!("{other}:// can not be reached from here; write unix:///path, tcp://host:port or ssh://user@host")),
    }
}

fn with_port(host: &str, port: u16) -> String {
    let named = host.rsplit_once(':').is_some_and(|(name, port)| port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']')));
    if named { host.to_owned() } else { format!("{host}:{port}") }
}

fn ssh(key: &'static str, rest: &str) -> Result<Ssh, Fault> {
    let (authority, socket) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(format!("/{path}"))));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user.to_owned()), host));
    let (host, port) = match host.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, Some(port)),
        Some((_, Err(_))) => return fault(key, clean!("the port of ssh://{host} is no number")),
        None => (host, None),
    };
    // What begins with a dash would be an option of ssh.
    let odd = |text: &str| text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace);
    if odd(host) || user.as_deref().is_some_and(|user| odd(user) || user.contains(':')) {
        return fault(key, clean!("ssh://{host} names no host that ssh could reach; write ssh://user@host"));
    }
    Ok(Ssh { user, host: host.to_owned(), port, socket })
}

fn of_folder(folder: &Path) -> Tls {
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    Tls { ca: there("ca.pem"), own: there("cert.pem").zip(there("key.pem")) }
}

fn current_context(config: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct File {
        #[serde(default)]
        current_context: String,
    }
    let text = std::fs::read(config.join("config.json")).ok()?;
    serde_json::from_slice::<File>(&text).ok().map(|file| file.current_context).filter(|name| !name.is_empty())
}

/// A context as Docker's command line keeps it: a folder named by the SHA-256 of its name.
fn of_context(key: &'static str, name: &str, shell: &Shell) -> Result<Found, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        name: String,
        endpoints: BTreeMap<String, Endpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    #[derive(Default)]
    struct Endpoint {
        host: String,
        #[serde(rename = "SkipTLSVerify")]
        skip_tls_verify: bool,
    }
    if name == "default" {
        let address = Address::Socket(shell.socket().unwrap_or_else(|| shell.root.join(DEFAULT)));
        return Ok(Found { address, name: None });
    }
    let folder: String = ring::digest::digest(&ring::digest::SHA256, name.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let contexts = shell.config().join("contexts");
    let unknown = || clean!("there is no Docker context {name}; `docker context ls` shows those there are");
    let Ok(text) = std::fs::read(contexts.join("meta").join(&folder).join("meta.json")) else {
        return fault(key, unknown());
    };
    let Some(meta) = serde_json::from_slice::<Meta>(&text).ok().filter(|meta| meta.name == name) else {
        return fault(key, clean!("the Docker context {name} can not be read; make it again with `docker context create`"));
    };
    let Some(endpoint) = meta.endpoints.get("docker").filter(|endpoint| !endpoint.host.is_empty()) else {
        return fault(key, clean!("the Docker context {name} has no Docker endpoint; choose another"));
    };
    if endpoint.skip_tls_verify {
        return fault(
            key,
            clean!("the Docker context {name} does not verify certificates, and we do not connect so; give it a ca with `docker context update`"),
        );
    }
    let certificates = contexts.join("tls").join(&folder).join("docker");
    let address = address(key, &endpoint.host, certificates.exists().then(|| of_folder(&certificates)))?;
    Ok(Found { address, name: Some(name.to_owned()) })
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
