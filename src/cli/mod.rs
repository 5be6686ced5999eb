//! The faces: every one runs the same app and the same procedure; one without a screen merely never draws.

pub mod args;
pub mod config;
mod demo;
mod doctor;
pub mod exit;
mod headless;
mod logs;
mod out;
pub mod print;
mod rollback;
mod start;
mod status;
pub mod svg;
pub mod theatre;
mod verify;
mod watch;

use self::{
    args::{Cli, Face},
    exit::Exit,
};
use crate::sources::generic;
use clap::{CommandFactory, Parser, error::ErrorKind};
use std::process::ExitCode;

pub use start::reports;

/// One provider of TLS for every client in the process; two would make it panic at the first use.
pub fn install_tls() {
    // An error says that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What went wrong before a face could do its work: the words for standard error, and how to end.
#[derive(Debug)]
pub struct Failed {
    /// What happened, where, and what to do.
    pub words: String,
    /// How to end.
    pub exit: Exit,
}

impl Failed {
    /// A failure in words.
    pub fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { words: words.into(), exit }
    }
}

/// Runs the expressions of a source of the kind `http`, within limits. Only this program starts it, for itself: no help, completion or page names it.
fn map() -> Exit {
    match generic::serve() {
        Ok(()) => Exit::Yes,
        Err(why) => {
            out::write(format_args!("{why}\n"));
            Exit::Fault
        }
    }
}

/// Reads the arguments and runs the face they name.
pub fn run() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|face| face == generic::FACE) {
        return map().into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { Exit::Yes.into() } else { Exit::Usage.into() };
        }
    };
    let json = cli.face.as_ref().is_some_and(Face::json);
    let exit = face(cli).unwrap_or_else(|Failed { words, exit }| {
        if json {
            out::write(format_args!("{:#}\n", serde_json::json!({ "v": 1, "error": words })));
        }
        out::remark(&words);
        exit
    });
    match out::failed() {
        Some(why) => {
            out::remark(&format!("standard output could not be written: {why}"));
            Exit::Fault.into()
        }
        None => exit.into(),
    }
}

fn face(cli: Cli) -> Result<Exit, Failed> {
    let global = cli.global.clone();
    match cli.face {
        Some(Face::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pilothouse", &mut script);
            out::write(format_args!("{}", String::from_utf8_lossy(&script)));
            Ok(Exit::Yes)
        }
        Some(Face::Man) => man(),
        Some(Face::Config { what }) => config::run(&global, &what),
        Some(Face::Print(print)) => print::run(&global, &print),
        Some(Face::Demo(demo)) => demo::run(&global, &demo),
        Some(Face::Status(output)) => demo::or_real(&global)?.block_on(|prepared| status::run(prepared, output)),
        Some(Face::Doctor(output)) => doctor::run(&global, output),
        Some(Face::Logs(logs)) => demo::or_real(&global)?.block_on(|prepared| logs::run(prepared, logs)),
        Some(Face::Verify(verify)) => demo::or_real(&global)?.block_on(|prepared| verify::run(prepared, verify)),
        Some(Face::Watch(watch)) => demo::or_real(&global)?.block_on(|prepared| watch::run(prepared, watch)),
        Some(Face::Rollback(rollback)) => demo::or_real(&global)?.block_on(|prepared| rollback::run(prepared, rollback)),
        None => demo::or_real(&global)?.open(cli.open, cli.environment).console(),
    }
}

fn man() -> Result<Exit, Failed> {
    let mut page = Vec::new();
    let made = clap_mangen::Man::new(Cli::command()).render(&mut page);
    made.map_err(|error| Failed::new(Exit::Fault, format!("the manual page could not be made: {error}")))?;
    out::write(format_args!("{}", String::from_utf8_lossy(&page)));
    Ok(Exit::Yes)
}
