//! The journal of a team: the same lines, a row each, in one table of PostgreSQL.
//!
//! ```text
//! CREATE TABLE pilothouse_journal (seq bigint PRIMARY KEY, line text NOT NULL)
//! ```
//!
//! It is made at its first use. Once it is there a role needs SELECT and INSERT, and no more: no row is ever changed or removed. Appending is one
//! transaction: an advisory lock, the last row, the new one, and a commit that waits for the disk. What was asked for within the transaction may be
//! asked again when the connection breaks, for nothing of it stays; a commit is sent once. When its answer is lost, the lock tells: whoever has it
//! knows that the transaction is over, and reads whether the row is there.
//!
//! | file | what is in it |
//! |---|---|
//! | `link` | the connection, its deadlines, a server that is away |
//! | `tls` | whom we trust |
//! | `fault` | what went wrong, in words |

mod fault;
mod link;
mod tls;

use super::{
    Written,
    entry::{Body, Who},
    error::JournalError,
    line::{self, Before, LIMIT, NotALine},
};
use crate::{config::Database, text::Clean};
use fault::Fault;
use jiff::Timestamp;
use link::{Link, State};
use std::{
    io::{self, BufRead, Read},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState, types::Type};

/// Begins, so that nobody else writes until the end: for as long as another writer may be waited for, and never for as long as one that was cut off.
/// The commit waits for the disk here even where the database does not, and for as many others as the database wants.
/// The lock is one number for all who use this database: `pilothou` as ASCII.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '1500ms'; SET LOCAL statement_timeout = '3s'; \
     SET LOCAL idle_in_transaction_session_timeout = '5s'; \
     SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true); \
     SELECT pg_advisory_xact_lock(8100124630752718709); SELECT to_regclass('pilothouse_journal') IS NOT NULL AS there";
const CREATE: &str = "CREATE TABLE pilothouse_journal (seq bigint PRIMARY KEY, line text NOT NULL)";
const LAST: &str = "SELECT seq, line FROM pilothouse_journal ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO pilothouse_journal (seq, line) VALUES ($1, $2)";
const THIS: &str = "SELECT line FROM pilothouse_journal WHERE seq = $1";
/// What is longer than a line is cut: it is none of ours.
const AFTER: &str = "SELECT seq, left(line, $2) FROM pilothouse_journal WHERE seq > $1 ORDER BY seq LIMIT 500";
/// Who holds the lock, by its number in two halves.
const HOLDER: &str = "SELECT COALESCE(NULLIF(a.application_name, ''), 'pid ' || a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint << 32 | l.objid::bigint = 8100124630752718709 LIMIT 1";
/// How long another writer is waited for; the same as in `BEGIN`.
const WAIT: Duration = Duration::from_millis(1_500);
/// For how long a commit whose answer was lost is asked after, and how often.
const ASK_AFTER: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(100));

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number: the line's.
    pub seq: i64,
    /// The line.
    pub line: String,
}

/// A table of lines.
pub(super) struct Postgres {
    database: Database,
    holder: String,
    state: Mutex<State>,
}

impl Postgres {
    /// The table in `database`; the server is asked for nothing yet.
    pub fn new(database: Database, holder: &str) -> Self {
        Self { database, holder: format!("pilothouse {holder}"), state: Mutex::default() }
    }

    /// Where it is, as it may be shown.
    pub fn place(&self) -> Clean {
        crate::clean!("{}", self.database)
    }

    /// Writes one entry behind the last.
    pub fn append(&self, at: Timestamp, who: &Who, body: &Body) -> Result<Written, JournalError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.begin(&mut state)?;
        let (seq, line, hash) = match line::next(&before, at, who, body) {
            Ok((line, hash)) => (before.seq + 1, String::from_utf8_lossy(&line).into_owned(), hash),
            Err(error) => {
                state.close();
                return Err(error);
            }
        };
        let number = numbered(seq);
        let insert = async |client: &Client| Ok(client.execute_typed(INSERT, &[(&number, Type::INT8), (&line, Type::TEXT)]).await?);
        state.go_on(insert).map_err(|fault| self.told(&mut state, fault))?;
        if let Err(lost) = state.go_on(async |client| Ok(client.batch_execute("COMMIT").await?)) {
            self.look_after(&mut state, number, &line, &lost)?;
        }
        Ok(Written { op: body.op().cloned(), seq, hash })
    }

    /// Whether an entry could be written now. It makes the table where it is missing.
    pub fn writable(&self) -> Result<(), JournalError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin(&mut state)?;
        let may = state.go_on(async |client| {
            let row = client.query_typed_one("SELECT has_table_privilege('pilothouse_journal', 'INSERT')", &[]).await?;
            client.batch_execute("COMMIT").await?;
            Ok(row.try_get::<_, bool>(0)?)
        });
        match may {
            Ok(true) => Ok(()),
            Ok(false) => Err(JournalError::Database { place: self.place(), why: fault::may_not_insert(&self.database.user()) }),
            Err(fault) => Err(self.told(&mut state, fault)),
        }
    }

    /// The next rows behind a number, as they are at one moment; none where there is no table yet.
    pub fn after(&self, seq: i64) -> Result<Vec<Row>, JournalError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = i32::try_from(LIMIT + 1).unwrap_or(i32::MAX);
        let read = async |client: &Client| match client.query_typed(AFTER, &[(&seq, Type::INT8), (&longest, Type::INT4)]).await {
            Ok(rows) => rows.iter().map(|row| Ok(Row { seq: row.try_get(0)?, line: row.try_get(1)? })).collect(),
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        };
        state.ask(&self.database, &self.holder, read).map_err(|fault| self.told(&mut state, fault))
    }

    /// All lines, the oldest first, as a file would give them.
    pub fn rows(&self) -> Rows<'_> {
        Rows { table: self, last: Some(i64::MIN), bytes: io::Cursor::default() }
    }

    /// Begins to write: nobody else does until the transaction ends. What the next line follows.
    fn begin(&self, state: &mut State) -> Result<Before, JournalError> {
        let last = state.ask(&self.database, &self.holder, begin).map_err(|fault| self.told(state, fault))?;
        self.follows(last).inspect_err(|_| state.close())
    }

    fn follows(&self, last: Option<Row>) -> Result<Before, JournalError> {
        let Some(row) = last else { return Ok(Before::nothing()) };
        match line::read(row.line.as_bytes()) {
            Ok(line) if numbered(line.entry.seq) == row.seq => Ok(Before { seq: line.entry.seq, hash: line.hash, torn: None }),
            Err(NotALine::Newer(version)) => Err(JournalError::Newer { version, path: self.place() }),
            Ok(_) | Err(NotALine::Damaged) => Err(JournalError::Changed { place: self.place(), row: row.seq }),
        }
    }

    /// A commit was sent and its answer did not come: whether the row is there. Nothing is sent a second time.
    fn look_after(&self, state: &mut State, seq: i64, line: &str, lost: &Fault) -> Result<(), JournalError> {
        let began = Instant::now();
        let find = async |client: &Client| {
            // With the lock in our hands the transaction is over, whatever came of it.
            begin(client).await?;
            let row = client.query_typed_opt(THIS, &[(&seq, Type::INT8)]).await?;
            client.batch_execute("ROLLBACK").await?;
            Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?)
        };
        loop {
            match Link::open(&self.database, &self.holder).and_then(|link| state.hold(link).go_on(find)) {
                Ok(Some(found)) if found == line => return Ok(()),
                Ok(_) => return Err(JournalError::Database { place: self.place(), why: crate::clean!("entry {seq} was not written: {}", lost.words()) }),
                Err(_) if began.elapsed() < ASK_AFTER.0 => thread::sleep(ASK_AFTER.1),
                Err(fault) => return Err(JournalError::Unsure { place: self.place(), seq: seq.unsigned_abs(), why: fault.words() }),
            }
        }
    }

    fn told(&self, state: &mut State, fault: Fault) -> JournalError {
        let place = self.place();
        if !fault.is_locked() {
            return JournalError::Database { place, why: fault.advice(&self.database) };
        }
        let holder = state.ask(&self.database, &self.holder, async |client| {
            let row = client.query_typed_opt(HOLDER, &[]).await?;
            Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?)
        });
        let holder = holder.ok().flatten().unwrap_or_else(|| "a session of the database (pg_locks, advisory)".to_owned());
        JournalError::Locked { holder: Some(Clean::from_untrusted(&holder)), waited: WAIT }
    }
}

/// Takes the lock and reads the last row. The table is made where it is missing.
async fn begin(client: &Client) -> Result<Option<Row>, Fault> {
    let said = client.simple_query(BEGIN).await?;
    let there = said.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get("there").ok().flatten(),
        _ => None,
    });
    if there != Some("t") {
        client.batch_execute(CREATE).await?;
        return Ok(None);
    }
    let row = client.query_typed_opt(LAST, &[]).await?;
    Ok(row.map(|row| Ok::<_, tokio_postgres::Error>(Row { seq: row.try_get(0)?, line: row.try_get(1)? })).transpose()?)
}

/// The number of an entry as the table has it.
fn numbered(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The lines of a table, read in parts.
pub(super) struct Rows<'a> {
    table: &'a Postgres,
    /// The row that was read last; none at the end.
    last: Option<i64>,
    bytes: io::Cursor<Vec<u8>>,
}

impl BufRead for Rows<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(last) = self.last
            && self.bytes.position() >= self.bytes.get_ref().len() as u64
        {
            let rows = self.table.after(last).map_err(io::Error::other)?;
            self.last = rows.last().map(|row| row.seq);
            self.bytes = io::Cursor::new(rows.into_iter().flat_map(|row| row.line.into_bytes().into_iter().chain([b'\n'])).collect());
        }
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Read for Rows<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}
