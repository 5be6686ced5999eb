//! How a server knows us: fetched once, beside the async tasks, and once more when it was refused.

use super::{HeaderName, HeaderValue, SourceError};
use crate::{clean, config::Credential, text::Clean};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// How a server knows us.
#[derive(Clone)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(Credential),
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name.
        user: String,
        /// Where the password is.
        password: Credential,
    },
    /// A header of the server's own, such as `PRIVATE-TOKEN`.
    Header(HeaderName, Credential),
}

impl Auth {
    /// A password where there is a user's name, else a token.
    pub fn of(user: Option<&str>, credential: Option<&Credential>) -> Option<Self> {
        let credential = credential?.clone();
        Some(match user {
            Some(user) => Self::Basic { user: user.to_owned(), password: credential },
            None => Self::Bearer(credential),
        })
    }

    fn credential(&self) -> &Credential {
        match self {
            Self::Bearer(credential) | Self::Header(_, credential) | Self::Basic { password: credential, .. } => credential,
        }
    }

    fn header(&self, secret: &SecretString) -> Result<(HeaderName, HeaderValue), Clean> {
        let secret = secret.expose_secret();
        let (name, text) = match self {
            Self::Bearer(_) => (AUTHORIZATION, format!("Bearer {secret}")),
            Self::Basic { user, .. } => (AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))),
            Self::Header(name, _) => (name.clone(), secret.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| clean!("what {} holds can not be sent in a header", self.credential()))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// The credential's header, kept once it was fetched.
pub(super) struct Keyring {
    auth: Option<Auth>,
    kept: Mutex<Option<(HeaderName, HeaderValue)>>,
}

impl Keyring {
    pub fn new(auth: Option<Auth>) -> Self {
        Self { auth, kept: Mutex::default() }
    }

    /// The header to send, if any.
    pub async fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, SourceError> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let mut kept = self.kept.lock().await;
        if kept.is_none() {
            *kept = Some(fetch(auth).await?);
        }
        Ok(kept.clone())
    }

    /// The header after `refused` was refused; none if it is still the same.
    pub async fn another(&self, refused: Option<&(HeaderName, HeaderValue)>) -> Result<Option<(HeaderName, HeaderValue)>, SourceError> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let mut kept = self.kept.lock().await;
        if kept.as_ref() == refused {
            *kept = None;
            *kept = Some(fetch(auth).await?);
        }
        Ok(kept.clone().filter(|new| Some(new) != refused))
    }
}

/// Fetching may run a program or read a slow disk.
async fn fetch(auth: &Auth) -> Result<(HeaderName, HeaderValue), SourceError> {
    let own = auth.clone();
    let fetched = tokio::task::spawn_blocking(move || own.credential().resolve().and_then(|secret| own.header(&secret))).await;
    let lost = |_| clean!("{} could not be asked for the secret", auth.credential());
    fetched.map_err(lost).flatten().map_err(|why| SourceError::Denied(clean!("no credential: {why}")))
}
