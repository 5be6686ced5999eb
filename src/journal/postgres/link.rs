//! The connection to the server. It has a loop of its own, so that no other loop waits for it, and everything that is asked has a deadline.

use super::{fault::Fault, tls::Tls};
use crate::{config::Database, text::Clean};
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};
use tokio::{runtime::Runtime, time::timeout};
use tokio_postgres::Client;

/// How long a server may take to let us in, and how long for one answer.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(3);
/// For how long a server that did not answer is not asked again: those who wait in a row must not each wait for it.
const REST: Duration = Duration::from_secs(1);
/// From when on a silent line is looked after.
const SILENT: Duration = Duration::from_secs(30);

/// A connection.
pub(super) struct Link {
    /// Gone only while it is dropped.
    turning: Option<Runtime>,
    client: Client,
}

impl Link {
    /// Connects.
    pub fn open(database: &Database, holder: &str) -> Result<Self, Fault> {
        let mut settings = database.settings().clone();
        // Each of several hosts gets its part of the time.
        let hosts = u32::try_from(settings.get_hosts().len()).unwrap_or(1).max(1);
        settings.application_name(holder).connect_timeout(CONNECT / hosts).tcp_user_timeout(ANSWER).keepalives_idle(SILENT);
        if let Some(password) = database.password().map_err(Fault::Here)? {
            settings.password(password.expose_secret());
        }
        let tls = Tls::of(database).map_err(Fault::Here)?;
        let turning = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let turning = turning.map_err(|error| Fault::Here(crate::clean!("no loop could be started for it: {error}")))?;
        let connected = turning.block_on(async { timeout(CONNECT, settings.connect(tls)).await });
        let (client, connection) = match connected {
            Ok(Ok(connected)) => connected,
            failed => {
                turning.shutdown_background();
                return Err(failed.map_or(Fault::Late, |failed| failed.map_or_else(Fault::from, |_| Fault::Late)));
            }
        };
        turning.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the journal ended");
            }
        });
        Ok(Self { turning: Some(turning), client })
    }

    fn run<T>(&self, ask: &impl AsyncFn(&Client) -> Result<T, Fault>) -> Result<T, Fault> {
        let turning = self.turning.as_ref().ok_or_else(|| Fault::Away(Clean::from_static("the connection is closed")))?;
        turning.block_on(async { timeout(ANSWER, ask(&self.client)).await.unwrap_or(Err(Fault::Late)) })
    }
}

impl Drop for Link {
    /// Wherever that is: nothing waits for a lookup that hangs.
    fn drop(&mut self) {
        if let Some(turning) = self.turning.take() {
            turning.shutdown_background();
        }
    }
}

/// How we stand with the server.
#[derive(Default)]
pub(super) enum State {
    /// Nothing is open.
    #[default]
    Closed,
    /// A connection is.
    Open(Link),
    /// It was away a moment ago.
    Away {
        /// Since when.
        since: Instant,
        /// What was said or not said.
        fault: Fault,
    },
}

impl State {
    /// Ends the connection, and with it what was begun on it.
    pub fn close(&mut self) {
        *self = Self::Closed;
    }

    /// Takes a new connection.
    pub fn hold(&mut self, link: Link) -> &mut Self {
        *self = Self::Open(link);
        self
    }

    /// Asks something that leaves nothing behind. On a connection that was there before, and may have been cut unseen, it is asked once more.
    pub fn ask<T>(&mut self, database: &Database, holder: &str, ask: impl AsyncFn(&Client) -> Result<T, Fault>) -> Result<T, Fault> {
        if matches!(self, Self::Open(_)) {
            match self.go_on(&ask) {
                Err(Fault::Away(_) | Fault::Late) => {}
                told => return told,
            }
        }
        if let Self::Away { since, fault } = self
            && since.elapsed() < REST
        {
            return Err(fault.clone());
        }
        let told = match Link::open(database, holder) {
            Ok(link) => match self.hold(link).go_on(ask) {
                Err(fault @ (Fault::Away(_) | Fault::Late)) => fault,
                told => return told,
            },
            Err(fault) => fault,
        };
        *self = Self::Away { since: Instant::now(), fault: told.clone() };
        Err(told)
    }

    /// Asks the next thing on this very connection. Whatever goes wrong ends it: an answer that comes late is nobody's.
    pub fn go_on<T>(&mut self, ask: impl AsyncFn(&Client) -> Result<T, Fault>) -> Result<T, Fault> {
        let told = match self {
            Self::Open(link) => link.run(&ask),
            Self::Closed | Self::Away { .. } => Err(Fault::Away(Clean::from_static("the connection is closed"))),
        };
        if told.is_err() {
            self.close();
        }
        told
    }
}
