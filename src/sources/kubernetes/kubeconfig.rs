//! Which contexts there are, from the files that kubectl reads, and what is wrong with those files.
//!
//! Nothing here speaks to a network or runs a login program. Words about a file name the file, the line where it is known, and
//! never a value: a kubeconfig is full of secrets.

use crate::{clean, text::Clean};
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use std::path::{Path, PathBuf};

/// A context that runs in a pod has no name.
pub const IN_CLUSTER: &str = "in-cluster";

/// Where the kubeconfig is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// These files, merged: `$KUBECONFIG`, or the configuration's own.
    Files(Vec<PathBuf>),
    /// Nobody said; `~/.kube/config` is read where it is there.
    Home(PathBuf),
    /// The service account of the pod that we run in.
    InCluster,
    /// There is neither a file nor a pod.
    Nowhere,
}

/// What went wrong with a kubeconfig, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub Clean);

/// What is known of a context before it is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The context's name.
    pub name: String,
    /// Its server, as a person would recognise it.
    pub server: Clean,
    /// The namespace it names, else `default`.
    pub namespace: String,
    /// `insecure-skip-tls-verify`.
    pub insecure: bool,
    /// Where a TCP connection to it can be tried; none behind a proxy.
    pub address: Option<(String, u16)>,
}

impl Place {
    /// Where kubectl would look in this environment: `file` of our configuration, `$KUBECONFIG`, `~/.kube/config`, the pod.
    pub fn find(file: Option<&Path>, variable: Option<&std::ffi::OsStr>, home: Option<&Path>, in_pod: bool) -> Self {
        if let Some(file) = file {
            return Self::Files(vec![file.to_owned()]);
        }
        let mut listed: Vec<PathBuf> = Vec::new();
        for path in variable.map(std::env::split_paths).into_iter().flatten().filter(|path| !path.as_os_str().is_empty()) {
            if !listed.contains(&path) {
                listed.push(path);
            }
        }
        if !listed.is_empty() {
            return Self::Files(listed);
        }
        match home.map(|home| home.join(".kube").join("config")) {
            Some(path) if path.exists() => Self::Home(path),
            _ if in_pod => Self::InCluster,
            _ => Self::Nowhere,
        }
    }

    /// The same, from the process's own environment.
    pub fn here(file: Option<&Path>) -> Self {
        let home = directories::BaseDirs::new();
        let variable = std::env::var_os("KUBECONFIG");
        let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        Self::find(file, variable.as_deref(), home.as_ref().map(directories::BaseDirs::home_dir), in_pod)
    }

    fn files(&self) -> &[PathBuf] {
        match self {
            Self::Files(files) => files,
            Self::Home(file) => std::slice::from_ref(file),
            Self::InCluster | Self::Nowhere => &[],
        }
    }

    /// Reads and merges the files: for each entry the first file that has it wins. Missing files of a list are passed over, as kubectl does.
    pub fn read(&self) -> Result<Kubeconfig, Fault> {
        let mut merged = Kubeconfig::default();
        let mut found = false;
        for file in self.files() {
            match Kubeconfig::read_from(file) {
                Ok(one) => {
                    found = true;
                    merged = merged.merge(one).map_err(|error| broken(file, &error))?;
                }
                Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(broken(file, &error)),
            }
        }
        if found { Ok(merged) } else { Err(self.missing()) }
    }

    fn missing(&self) -> Fault {
        let files: Vec<_> = self.files().iter().map(|file| file.display().to_string()).collect();
        match self {
            Self::Files(_) => {
                Fault(clean!("there is no kubeconfig at {}: correct KUBECONFIG (or `kubeconfig` of the source), or write the file", files.join(" or ")))
            }
            Self::Home(_) | Self::Nowhere => Fault(Clean::from_static("there is no kubeconfig: set KUBECONFIG or write ~/.kube/config")),
            Self::InCluster => Fault(Clean::from_static("the pod's service account is not a kubeconfig")),
        }
    }

    /// `FILE` or `FILE:LINE` of an entry, for words about it.
    fn at(&self, section: &str, name: Option<&str>) -> String {
        let mut fallback = None;
        for file in self.files() {
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            if let Some(line) = line_of(&text, section, name) {
                return format!("{}:{line}", file.display());
            }
            fallback.get_or_insert_with(|| file.display().to_string());
        }
        fallback.unwrap_or_else(|| "kubeconfig".into())
    }

    /// The current context's name, if it names one that exists.
    pub fn current(&self, kubeconfig: &Kubeconfig) -> Result<String, Fault> {
        let remedy = || {
            let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
            if names.is_empty() {
                return "it has no context at all: set KUBECONFIG to the file of a cluster".to_owned();
            }
            format!("run `kubectl config use-context NAME` with one of: {}", names.join(", "))
        };
        let Some(current) = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty()) else {
            return Err(Fault(clean!("{}: no current-context is set: {}", self.at("", None), remedy())));
        };
        if kubeconfig.contexts.iter().any(|context| context.name == current) {
            return Ok(current.to_owned());
        }
        let at = self.at("current-context", None);
        Err(Fault(clean!("{at}: current-context names {current}, which is no context: {}", remedy())))
    }

    /// What is known of context `name`, or what is wrong with it.
    pub fn known(&self, kubeconfig: &Kubeconfig, name: &str) -> Result<Known, Fault> {
        let entry = kubeconfig.contexts.iter().find(|context| context.name == name);
        let Some(context) = entry.and_then(|entry| entry.context.as_ref()) else {
            return Err(Fault(clean!("{}: there is no context {name}: `kubectl config get-contexts` lists them", self.at("contexts", None))));
        };
        let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
        let Some(cluster) = cluster.and_then(|cluster| cluster.cluster.as_ref()) else {
            return Err(Fault(clean!(
                "{}: context {name} names the cluster {}, which is not there: add it or correct the context",
                self.at("contexts", Some(name)),
                context.cluster
            )));
        };
        if let Some(user) = context.user.as_deref().filter(|user| !user.is_empty())
            && !kubeconfig.auth_infos.iter().any(|known| known.name == user)
        {
            return Err(Fault(clean!(
                "{}: context {name} names the user {user}, who is not there: log in again or correct the context",
                self.at("contexts", Some(name))
            )));
        }
        let Some(server) = cluster.server.as_deref().filter(|server| !server.is_empty()) else {
            return Err(Fault(clean!("{}: cluster {} has no server: add its URL", self.at("clusters", Some(&context.cluster)), context.cluster)));
        };
        let Ok(uri) = server.parse::<http::Uri>() else {
            return Err(Fault(clean!("{}: the server of cluster {} is not a URL", self.at("clusters", Some(&context.cluster)), context.cluster)));
        };
        let direct = cluster.proxy_url.is_none() && std::env::var_os("HTTPS_PROXY").is_none() && std::env::var_os("https_proxy").is_none();
        Ok(Known {
            name: name.to_owned(),
            server: clean!("{}", uri.authority().map_or(server, |authority| authority.as_str().rsplit('@').next().unwrap_or_default())),
            namespace: context.namespace.clone().filter(|namespace| !namespace.is_empty()).unwrap_or_else(|| "default".into()),
            insecure: cluster.insecure_skip_tls_verify.unwrap_or(false),
            address: address(&uri).filter(|_| direct),
        })
    }

    /// The contexts of these names, or the current one where none is named, each with what is known of it or what is wrong; without a name
    /// where not even that is known.
    pub fn wanted(&self, names: &[String]) -> Vec<(String, Result<Known, Fault>)> {
        if *self == Self::InCluster {
            return vec![(IN_CLUSTER.to_owned(), self.in_cluster())];
        }
        let kubeconfig = match self.read() {
            Ok(kubeconfig) => kubeconfig,
            Err(fault) => return vec![(String::new(), Err(fault))],
        };
        let names = match names {
            [] => self.current(&kubeconfig).map(|name| vec![name]),
            names => Ok(names.to_vec()),
        };
        match names {
            Ok(names) => names.into_iter().map(|name| (name.clone(), self.known(&kubeconfig, &name))).collect(),
            Err(fault) => vec![(String::new(), Err(fault))],
        }
    }

    /// What is known of the cluster whose pod we run in.
    pub fn in_cluster(&self) -> Result<Known, Fault> {
        let config = self.client_config(IN_CLUSTER)?;
        let server = config.cluster_url.authority().map_or_else(|| Clean::from_static("the API server"), |authority| clean!("{authority}"));
        Ok(Known { name: IN_CLUSTER.into(), server, namespace: config.default_namespace, insecure: false, address: None })
    }

    /// The client configuration of context `name`, read afresh: a login program may have written new credentials since. It reads files and
    /// runs nothing; the login program is told that nobody can answer it (it would take over the terminal).
    pub fn client_config(&self, name: &str) -> Result<kube::Config, Fault> {
        if *self == Self::InCluster {
            return kube::Config::incluster()
                .map_err(|_| Fault(Clean::from_static("the pod's service account can not be read: is automountServiceAccountToken off?")));
        }
        let kubeconfig = self.read()?;
        self.known(&kubeconfig, name)?;
        let options = KubeConfigOptions { context: Some(name.to_owned()), ..KubeConfigOptions::default() };
        let loading = kube::Config::from_custom_kubeconfig(kubeconfig, &options);
        let mut config = futures::executor::block_on(loading).map_err(|error| Fault(clean!("{}: {}", self.at("contexts", Some(name)), words(&error))))?;
        if let Some(exec) = &mut config.auth_info.exec {
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        Ok(config)
    }
}

fn address(uri: &http::Uri) -> Option<(String, u16)> {
    let standard = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), uri.port_u16().unwrap_or(standard)))
}

fn broken(file: &Path, error: &KubeconfigError) -> Fault {
    let mut at = file.display().to_string();
    if let KubeconfigError::Parse(error) = error
        && let Some(location) = error.location()
    {
        at.push_str(&format!(":{}:{}", location.line(), location.column()));
    }
    Fault(clean!("{at}: {}", words(error)))
}

/// Our own words for what kube says about a kubeconfig: its own may quote the file.
fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::CurrentContextNotSet => "no current-context is set: run `kubectl config use-context NAME`".into(),
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "it is of another kind or apiVersion than the file before it in KUBECONFIG: take one of them out".into()
        }
        KubeconfigError::LoadContext(name) => format!("there is no context {name}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("there is no cluster {name}"),
        KubeconfigError::FindPath => "there is no home directory to look for .kube/config in: set KUBECONFIG".into(),
        KubeconfigError::ReadConfig(error, _) => format!("it can not be read ({}): correct its rights or its encoding", error.kind()),
        KubeconfigError::Parse(_) => "this is not a kubeconfig: correct the YAML here (`kubectl config view` reads the same file)".into(),
        KubeconfigError::MissingClusterUrl => "the cluster has no server: add its URL".into(),
        KubeconfigError::ParseClusterUrl(_) => "the cluster's server is not a URL".into(),
        KubeconfigError::ParseProxyUrl(_) => "the proxy (proxy-url or HTTPS_PROXY) is not a URL".into(),
        KubeconfigError::LoadCertificateAuthority(error) => format!("the cluster's certificate authority can not be loaded: {}", data(error)),
        KubeconfigError::LoadClientCertificate(error) => format!("the user's certificate can not be loaded: {}", data(error)),
        KubeconfigError::LoadClientKey(error) => format!("the user's key can not be loaded: {}", data(error)),
        KubeconfigError::ParseCertificates(_) => "the certificate authority is not PEM".into(),
        KubeconfigError::ParseNoProxy(_) => "NO_PROXY can not be read".into(),
    }
}

fn data(error: &kube::config::LoadDataError) -> String {
    use kube::config::LoadDataError as E;
    match error {
        E::DecodeBase64(_) => "its -data is not base64".into(),
        E::ReadFile(error, path) => format!("{} ({})", path.display(), error.kind()),
        E::NoBase64DataOrFile => "neither data nor a file is given".into(),
    }
}

/// The line, from 1, where `section` begins, or where the entry `name` in it is named. Good enough for words: flow style is not looked into.
fn line_of(text: &str, section: &str, name: Option<&str>) -> Option<usize> {
    if section.is_empty() {
        return None;
    }
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let top = !line.starts_with([' ', '-', '#', '\t']);
        if top && !line.trim().is_empty() {
            inside = line.split(':').next() == Some(section);
            if inside && name.is_none() {
                return Some(index + 1);
            }
        }
        let value = line.trim_start().trim_start_matches("- ").strip_prefix("name:").map(|value| value.trim().trim_matches(['"', '\'']));
        if inside && value.is_some() && value == name {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const GOOD: &str = "apiVersion: v1\nkind: Config\ncurrent-context: one\nclusters:\n- name: c\n  cluster: {server: 'https://10.0.0.1:6443', certificate-authority: ca.crt}\nusers:\n- name: u\n  user: {token: hunter2}\ncontexts:\n- name: one\n  context: {cluster: c, user: u, namespace: shop}\n- name: nobody\n  context: {cluster: c, user: ghost}\n- name: nowhere\n  context: {cluster: gone, user: u}\n";

    fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = dir.path().join(name);
        std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a temporary file");
        path
    }

    fn place(text: &str) -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = file(&dir, "config", text);
        (dir, Place::Files(vec![path]))
    }

    #[test]
    fn a_context_knows_its_server_and_namespace() {
        let (_dir, place) = place(GOOD);
        let kubeconfig = place.read().expect("it is a kubeconfig");
        assert_eq!(place.current(&kubeconfig), Ok("one".to_owned()));
        let known = place.known(&kubeconfig, "one").expect("it is whole");
        assert_eq!((&*known.server, known.namespace.as_str(), known.insecure), ("10.0.0.1:6443", "shop", false));
    }

    #[test]
    fn what_is_missing_is_named_with_file_line_and_remedy() {
        let (_dir, place) = place(GOOD);
        let kubeconfig = place.read().expect("it is a kubeconfig");
        let words = |name| place.known(&kubeconfig, name).expect_err("something is missing").0.to_string();
        assert!(words("nobody").contains("config:13: context nobody names the user ghost"), "{}", words("nobody"));
        assert!(words("nowhere").contains("config:15: context nowhere names the cluster gone"), "{}", words("nowhere"));
        assert!(words("x").contains("config:10: there is no context x"), "{}", words("x"));
    }

    #[test]
    fn malformed_yaml_is_told_with_its_place_and_without_its_content() {
        let (_dir, place) = place("apiVersion: v1\nusers:\n- name: u\n  user: {token: hunter2\n");
        let words = place.read().expect_err("it is not YAML").0.to_string();
        assert!(words.contains("config:") && words.contains("this is not a kubeconfig"), "{words}");
        assert!(!words.contains("hunter2"), "{words}");
    }

    #[test]
    fn a_current_context_that_is_not_set_or_not_there_is_told() {
        let (_dir, unset) = place("contexts:\n- name: a\n  context: {cluster: c}\n");
        assert!(unset.current(&unset.read().expect("YAML")).expect_err("unset").0.contains("no current-context is set"));
        let (_dir, gone) = place("current-context: b\ncontexts:\n- name: a\n  context: {cluster: c}\n");
        let words = gone.current(&gone.read().expect("YAML")).expect_err("gone").0;
        assert!(words.contains("config:1: current-context names b") && words.contains("one of: a"), "{words}");
    }

    #[test]
    fn files_are_merged_first_wins_and_missing_ones_are_passed_over() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let first = file(&dir, "first", "current-context: one\ncontexts:\n- name: one\n  context: {cluster: c, namespace: mine}\n");
        let second = file(&dir, "second", GOOD);
        let variable = std::env::join_paths([dir.path().join("missing"), first.clone(), first, second]).expect("paths without colons");
        let place = Place::find(None, Some(&variable), None, false);
        assert!(matches!(&place, Place::Files(files) if files.len() == 3));
        let kubeconfig = place.read().expect("two files are there");
        assert_eq!(place.known(&kubeconfig, "one").map(|known| known.namespace), Ok("mine".to_owned()));
        let authority = kubeconfig.clusters[0].cluster.as_ref().and_then(|cluster| cluster.certificate_authority.clone());
        assert_eq!(authority.map(PathBuf::from), Some(dir.path().join("ca.crt")), "a relative path stands beside its file");
    }

    #[test]
    fn without_any_file_the_pod_is_asked_and_then_nobody() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(Place::find(None, None, Some(dir.path()), true), Place::InCluster);
        assert_eq!(Place::find(None, None, Some(dir.path()), false), Place::Nowhere);
        let missing = Place::Files(vec![dir.path().join("gone")]);
        assert!(missing.read().expect_err("missing").0.contains("gone: correct KUBECONFIG"));
    }

    #[test]
    fn a_login_program_is_never_asked_to_speak_with_anybody() {
        let text = "current-context: a\nclusters:\n- name: c\n  cluster: {server: 'https://h'}\nusers:\n- name: u\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false, interactiveMode: Always}}\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\n";
        let (_dir, place) = place(text);
        let config = place.client_config("a").expect("it is whole");
        assert_eq!(config.auth_info.exec.and_then(|exec| exec.interactive_mode), Some(ExecInteractiveMode::Never));
    }
}
