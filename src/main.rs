//! `pilothouse`: harden the process, install the hooks, run the face that the arguments name.

use pilothouse::{cli, terminal};
use std::{panic::catch_unwind, process::ExitCode};

fn main() -> ExitCode {
    terminal::harden();
    if let Err(error) = terminal::install(cli::reports()) {
        eprintln!("{error}");
        return cli::exit::Exit::Fault.into();
    }
    cli::install_tls();
    catch_unwind(cli::run).unwrap_or(cli::exit::Exit::Fault.into())
}
