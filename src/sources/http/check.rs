//! What a `[[source]]` says of a server, looked at before anything is dialled: each fault at the value that has it.

use crate::config::{ConfigError, SourceConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The keys of a `[[source]]` that say how a server is reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// `url`.
    pub url: Option<&'a str>,
    /// `urls`.
    pub urls: &'a [String],
    /// Whether a secret goes with each request.
    pub secret: bool,
    /// `headers`.
    pub headers: Option<&'a BTreeMap<String, String>>,
    /// `cert_file`.
    pub cert_file: Option<&'a PathBuf>,
    /// `key_file`.
    pub key_file: Option<&'a PathBuf>,
}

/// Everything that is wrong with it.
pub fn check(source: &SourceConfig, written: &Written<'_>) -> Vec<ConfigError> {
    let bad = |url: &str| super::base(url).and_then(|base| super::guarded(&base, written.secret)).err();
    let one = written.url.and_then(bad).map(|why| source.error("url", &why));
    let several = written.urls.iter().enumerate().filter_map(|(nth, url)| bad(url).map(|why| source.error_in("urls", nth, &why)));
    let headers = written.headers.into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| super::headers(&[(name.clone(), value.clone())]).err().map(|why| source.error("headers", &why)));
    let lonely = match (written.cert_file, written.key_file) {
        (Some(_), None) => Some(source.error("cert_file", "a client certificate is no use without its key; add `key_file`")),
        (None, Some(_)) => Some(source.error("key_file", "a key is no use without its certificate; add `cert_file`")),
        (Some(_), Some(_)) | (None, None) => None,
    };
    one.into_iter().chain(several).chain(headers).chain(lonely).collect()
}
