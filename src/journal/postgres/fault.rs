//! What a server said, or that it said nothing, and what to do about it.

use crate::{clean, config::Database, text::Clean};
use std::error::Error;
use tokio_postgres::error::{DbError, SqlState};

const PASSWORD: &str = "the password comes from password_env, password_command or password_file in [journal], else from PGPASSWORD, PGPASSFILE or ~/.pgpass";

/// What went wrong.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// What we need ourselves is not there: a password, certificates.
    Here(Clean),
    /// It can not be reached, or the connection broke.
    Away(Clean),
    /// It did not answer in time.
    Late,
    /// It refused.
    Said(Box<DbError>),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            // Class 57P: it goes down, or comes up. The connection is lost either way.
            if said.code().code().starts_with("57P") {
                return Self::Away(clean!("{}", said.message()));
            }
            return Self::Said(Box::new(said.clone()));
        }
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(deeper) = source {
            words = format!("{words}: {deeper}");
            source = deeper.source();
        }
        // The client's own words where the server wants a password and nobody has one.
        if words.ends_with("password missing") {
            return Self::Here(clean!("the server wants a password; {PASSWORD}"));
        }
        Self::Away(clean!("{words}"))
    }
}

impl Fault {
    /// What happened.
    pub fn words(&self) -> Clean {
        match self {
            Self::Here(words) | Self::Away(words) => words.clone(),
            Self::Late => Clean::from_static("no answer within 3 s"),
            Self::Said(said) => {
                let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
                clean!("{}{detail}", said.message())
            }
        }
    }

    /// Whether another writer held the lock for too long.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Said(said) if *said.code() == SqlState::LOCK_NOT_AVAILABLE)
    }

    /// What happened and what to do.
    pub fn advice(&self, database: &Database) -> Clean {
        let user = database.user();
        if let Self::Here(words) = self {
            return words.clone();
        }
        let Self::Said(said) = self else {
            return clean!(
                "{}; see that the server runs and is reached from here; PILOTHOUSE_JOURNAL_URL=file starts a console with a journal of its own",
                self.words()
            );
        };
        let code = said.code();
        if *code == SqlState::INSUFFICIENT_PRIVILEGE && said.message().contains("pilothouse_journal") {
            return clean!("{}: {}", self.words(), may_not_insert(&user));
        }
        let remedy = match code {
            code if [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::INVALID_SCHEMA_NAME].contains(code) => format!(
                "the table is not there and {user} may not make it; somebody who may runs: {}; GRANT SELECT, INSERT ON pilothouse_journal TO {user}",
                super::CREATE
            ),
            code if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code) => PASSWORD.to_owned(),
            code if [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::FEATURE_NOT_SUPPORTED].contains(code) => {
                "this server is only read from; name the primary in [journal] url, or all hosts with target_session_attrs=read-write".to_owned()
            }
            code if *code == SqlState::INVALID_CATALOG_NAME => "the database of [journal] url is not there; make it with createdb, or name another".to_owned(),
            _ => "ask whoever runs the database; PILOTHOUSE_JOURNAL_URL=file starts a console with a journal of its own".to_owned(),
        };
        clean!("{}; {remedy}", self.words())
    }
}

/// The role lacks the right to add rows.
pub(super) fn may_not_insert(user: &Clean) -> Clean {
    clean!("{user} needs two rights: GRANT SELECT, INSERT ON pilothouse_journal TO {user}")
}
