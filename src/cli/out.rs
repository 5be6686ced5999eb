//! What a face says on standard output and standard error.
//!
//! Where nobody reads any more (`| head`, a connection that dropped) a face goes on without a word: a rollback must reach its verdict and its
//! journal, and the exit code is an answer too. Only what would go on for ever, a followed log, ends there.

use std::{
    fmt,
    io::{ErrorKind, Write},
    sync::{Mutex, PoisonError},
};

/// What became of standard output.
static STATE: Mutex<State> = Mutex::new(State::Open);

enum State {
    Open,
    /// Nobody reads any more.
    Closed,
    /// It could not be written, and why.
    Failed(String),
}

/// Writes text; whether anybody reads.
pub fn write(text: fmt::Arguments<'_>) -> bool {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let State::Open = *state else { return false };
    let mut out = std::io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) => {
            *state = if error.kind() == ErrorKind::BrokenPipe { State::Closed } else { State::Failed(error.to_string()) };
            false
        }
    }
}

/// Why what was said did not arrive, where that is not the reader's own wish.
pub fn failed() -> Option<String> {
    match &*STATE.lock().unwrap_or_else(PoisonError::into_inner) {
        State::Failed(why) => Some(why.clone()),
        State::Open | State::Closed => None,
    }
}

/// Says a line on standard error, if that is open.
pub fn remark(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Says a line on standard output, as `println!` does; where nobody reads it goes unsaid.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = $crate::cli::out::write(format_args!("{}\n", format_args!($($words)*)));
    }};
}
pub(crate) use say;
