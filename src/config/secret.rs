//! Secrets: where they are, and fetching them. A secret is never written in the configuration, never printed and never kept in a file of ours.

use super::files;
use crate::{clean, text::Clean};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use std::{
    fmt,
    io::Read,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A variable of the environment.
    Env(String),
    /// A program that prints it, with its arguments; no shell.
    Command(Vec<String>),
    /// A file that only its owner can read.
    File(PathBuf),
    /// The login of another tool, which prints it when asked so: `["gh", "auth", "token"]`.
    Login(&'static [&'static str]),
}

/// The longest that a program may take to print a secret.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The longest secret, in bytes.
const LONGEST: u64 = 64 * 1024;

impl Credential {
    /// The variable `name`.
    ///
    /// # Errors
    /// Why that can not be the name of a variable.
    pub fn env(name: &str) -> Result<Self, String> {
        let good = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if good { Ok(Self::Env(name.to_owned())) } else { Err("this is not the name of a variable; write only the name, as \"GITHUB_TOKEN\"".into()) }
    }

    /// The program `argv[0]` with the arguments after it.
    ///
    /// # Errors
    /// That there is no program.
    pub fn command(argv: &[String]) -> Result<Self, String> {
        match argv.first() {
            Some(program) if !program.is_empty() => Ok(Self::Command(argv.to_vec())),
            _ => Err("this names no program; write it as [\"program\", \"argument\"]".into()),
        }
    }

    /// The file at `path`; `~/` stands for the home directory.
    ///
    /// # Errors
    /// That the path is empty or depends on where the console was started.
    pub fn file(path: &Path) -> Result<Self, String> {
        let path = match (path.strip_prefix("~"), directories::BaseDirs::new()) {
            (Ok(rest), Some(dirs)) => dirs.home_dir().join(rest),
            _ => path.to_path_buf(),
        };
        if path.is_absolute() { Ok(Self::File(path)) } else { Err("write the whole path, from / or ~/".into()) }
    }

    /// Fetches the secret. It blocks for as long as the program takes, [`DEADLINE`] at most: never call it where something waits for a frame.
    ///
    /// # Errors
    /// What is wrong and what to do, without the secret.
    pub fn resolve(&self) -> Result<SecretString, Clean> {
        self.resolve_within(DEADLINE)
    }

    fn resolve_within(&self, deadline: Duration) -> Result<SecretString, Clean> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => one_line(value, || clean!("the variable {name} is empty; set it, or name another place")),
                Err(_) => Err(clean!("the variable {name} is not set; set it before you start, or name another place")),
            },
            Self::File(path) => from_file(path),
            Self::Command(argv) => from_command(argv, deadline),
            Self::Login(argv) => from_command(&argv.iter().map(ToString::to_string).collect::<Vec<_>>(), deadline),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the variable {name}"),
            Self::Command(argv) => write!(f, "the program {}", argv.first().map_or("", String::as_str)),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Login(argv) => write!(f, "the login of {}", argv.first().unwrap_or(&"")),
        }
    }
}

/// Arguments of a program may hold what they should not; only its name is shown.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn one_line(text: String, empty: impl FnOnce() -> Clean) -> Result<SecretString, Clean> {
    let trimmed = text.trim();
    match trimmed {
        "" => Err(empty()),
        _ if trimmed.contains(['\n', '\r', '\0']) => Err(Clean::from_static("more than one line was there; a secret is one line")),
        _ => Ok(SecretString::from(trimmed.to_owned())),
    }
}

fn from_file(path: &Path) -> Result<SecretString, Clean> {
    let shown = path.display();
    let file = files::open_private(path).map_err(|why| clean!("{shown}: {why}"))?;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|e| clean!("{shown} can not be read: {e}"))?;
    one_line(text, || clean!("{shown} is empty; write the secret into it"))
}

fn from_command(argv: &[String], deadline: Duration) -> Result<SecretString, Clean> {
    let (program, arguments) = argv.split_first().ok_or(Clean::from_static("no program is named"))?;
    let until = Instant::now() + deadline;
    let mut command = Command::new(program);
    // A group of its own, so that all it starts can be ended with it and ctrl-c does not reach it.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| clean!("{program} does not start: {e}; is it installed, and in PATH?"))?;
    let group = Pid::from_child(&child);
    let (out, err) = (collected(child.stdout.take()), collected(child.stderr.take()));
    let late = |_: RecvTimeoutError| {
        // It may have ended in this very moment: then there is nobody to end.
        _ = kill_process_group(group, Signal::KILL);
        clean!("{program} printed nothing within {} s and was ended; does it wait for an answer? Run it by hand once", deadline.as_secs())
    };
    let left = || until.saturating_duration_since(Instant::now());
    let printed = out.recv_timeout(left()).map_err(late)?;
    let said = err.recv_timeout(left()).map_err(late)?;
    let status = ended(child).recv_timeout(left()).map_err(late)?.map_err(|e| clean!("{program} was lost: {e}"))?;
    if !status.success() {
        return Err(refusal(program, status, &said));
    }
    one_line(printed, || clean!("{program} printed nothing; run it by hand to see why"))
}

fn refusal(program: &str, status: ExitStatus, said: &str) -> Clean {
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    let said: String = super::literal::masked(said).chars().take(200).collect();
    clean!("{program} failed ({status}): {said}; run it by hand")
}

/// What a pipe brings until it ends, read beside, so that a full pipe never stops the program.
fn collected(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is what there is.
            _ = pipe.take(LONGEST).read_to_end(&mut bytes);
        }
        // Nobody listens any more after the deadline.
        _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

/// The end of a program, waited for beside.
fn ended(mut child: Child) -> Receiver<std::io::Result<ExitStatus>> {
    let (send, receive) = channel();
    thread::spawn(move || _ = send.send(child.wait()));
    receive
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    fn shell(script: &str) -> Credential {
        Credential::Command(["sh", "-c", script].map(String::from).to_vec())
    }

    fn secret(credential: &Credential) -> String {
        credential.resolve().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_program_prints_the_secret_and_its_line_end_does_not_count() {
        assert_eq!(secret(&shell("echo s3cret")), "s3cret");
        assert_eq!(secret(&Credential::Login(&["echo", "s3cret"])), "s3cret");
    }

    #[test]
    fn a_program_has_no_input_to_wait_for() {
        assert_eq!(secret(&shell("if read line; then echo input; else echo none; fi")), "none");
    }

    #[test]
    fn what_a_failing_program_says_is_told_cleaned_and_without_what_it_printed() {
        let error = shell("echo s3cret; printf '\\033[31mlog in first\\n' >&2; exit 3").resolve().unwrap_err();
        assert!(error.contains("log in first") && error.contains("exit status: 3"), "{error}");
        assert!(!error.contains("s3cret") && !error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_all_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let script = format!("sleep 300 & echo $! > {}; wait", pid_file.display());
        let error = shell(&script).resolve_within(Duration::from_secs(2)).unwrap_err();
        assert!(error.contains("was ended"), "{error}");
        let pid: i32 = fs::read_to_string(pid_file).unwrap().trim().parse().unwrap();
        // Killed, it is gone or waits for its parent to look: either way it does not sleep on.
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(!state.contains(") S"), "{state}");
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_does_not_hold_us_beyond_the_deadline() {
        let error = shell("echo s3cret; sleep 300 &").resolve_within(Duration::from_secs(1)).unwrap_err();
        assert!(error.contains("was ended"), "{error}");
    }

    #[test]
    fn a_program_that_prints_without_end_is_cut() {
        assert!(shell("yes s3cret").resolve().is_err());
    }

    #[test]
    fn nothing_and_more_than_one_line_are_no_secret() {
        assert!(shell("true").resolve().unwrap_err().contains("printed nothing"));
        assert!(shell("echo a; echo b").resolve().unwrap_err().contains("one line"));
        assert!(Credential::Command(vec!["/nonexistent/program".into()]).resolve().unwrap_err().contains("does not start"));
        assert!(Credential::Env("PILOTHOUSE_NO_SUCH_VARIABLE".into()).resolve().unwrap_err().contains("is not set"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "s3cret\n").unwrap();
        for mode in [0o644, 0o640, 0o620, 0o604] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = Credential::File(path.clone()).resolve().unwrap_err();
            assert!(error.contains("chmod 600") && !error.contains("s3cret"), "{mode:o}: {error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(secret(&Credential::File(path)), "s3cret");
        assert!(Credential::File(dir.path().to_path_buf()).resolve().unwrap_err().contains("not a file"));
        assert!(Credential::File(dir.path().join("none")).resolve().unwrap_err().contains("there is no such file"));
    }

    #[test]
    fn what_can_not_be_a_place_is_refused_when_it_is_read() {
        assert!(Credential::env("GITHUB_TOKEN").is_ok());
        for name in ["", "ghp-abc", "1A", "A B", "A=B"] {
            assert!(Credential::env(name).is_err(), "{name}");
        }
        assert!(Credential::command(&[]).is_err() && Credential::command(&[String::new()]).is_err());
        assert!(Credential::file(Path::new("token")).is_err());
        assert!(matches!(Credential::file(Path::new("~/token")), Ok(Credential::File(path)) if path.is_absolute()));
    }

    #[test]
    fn its_arguments_are_never_shown() {
        assert_eq!(format!("{:?}", shell("echo s3cret")), "the program sh");
    }
}
