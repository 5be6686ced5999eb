//! An engine behind the system's `ssh`, as Docker's own command line reaches it: `ssh HOST -- docker system dial-stdio`, and HTTP over its
//! input and output. The library's own way is not taken: it accepts host keys that nobody has seen, and lets the far side write onto our terminal.

use super::place::Ssh;
use crate::{clean, text::Clean};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error};
use http::{HeaderValue, Response, Uri, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::{fmt, io, process::Stdio};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};

/// How much of what ssh says about a failure is read.
const WORDS: u64 = 2048;

/// Why there is no connection, in the words of ssh.
#[derive(Debug)]
pub struct Failed {
    /// The last line that it said.
    pub said: Clean,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said.fmt(f)
    }
}
impl std::error::Error for Failed {}

/// A client whose every connection is an `ssh` of its own; masters of the user's own ssh configuration are shared.
pub fn client(ssh: &Ssh, seconds: u64) -> Result<Docker, Error> {
    client_of("ssh", ssh, seconds)
}

fn client_of(program: &str, ssh: &Ssh, seconds: u64) -> Result<Docker, Error> {
    let (program, ssh) = (program.to_owned(), ssh.clone());
    let send = move |request: BollardRequest| {
        let command = command(&program, &ssh);
        async move { send(command, request).await }
    };
    Docker::connect_with_custom_transport(send, Some("ssh://docker"), seconds, API_DEFAULT_VERSION)
}

/// Nothing may ask: the terminal is ours.
fn command(program: &str, ssh: &Ssh) -> Command {
    let mut command = Command::new(program);
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2"]);
    if let Some(user) = &ssh.user {
        command.args(["-l", user]);
    }
    if let Some(port) = ssh.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args([&ssh.host, "--", "docker"]);
    if let Some(socket) = &ssh.socket {
        // The far shell reads this as a word of its own.
        command.arg(format!("--host='unix://{}'", socket.replace('\'', r"'\''")));
    }
    command.args(["system", "dial-stdio"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
    command
}

async fn send(mut command: Command, mut request: BollardRequest) -> Result<Response<Incoming>, Error> {
    let mut child = command.spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tokio::io::join(output, input))).await?;
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse::<Uri>()?;
    *request.uri_mut() = path;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("docker"));
    let mut words = child.stderr.take();
    // It ends when the answer has been read or was dropped, and its ssh with it.
    tokio::spawn(async move {
        _ = connection.await;
        finish(child).await;
    });
    match sender.send_request(request).await {
        Ok(answer) => Ok(answer),
        Err(_) => {
            let mut said = Vec::new();
            if let Some(words) = words.as_mut() {
                // What was read before an error is what there is.
                _ = words.take(WORDS).read_to_end(&mut said).await;
            }
            Err(io::Error::other(Failed { said: last_line(&said) }).into())
        }
    }
}

/// Ends the program. One that was ended already is reaped.
async fn finish(mut child: Child) {
    // It may have ended in this very moment: then there is nobody to end.
    _ = child.start_kill();
    _ = child.wait().await;
}

fn last_line(said: &[u8]) -> Clean {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(|| Clean::from_static("it closed the connection and said nothing"), |line| clean!("{}", crate::text::redact(line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn there(host: &str) -> Ssh {
        Ssh { user: Some("ann".into()), host: host.into(), port: Some(2222), socket: Some("/run/it's.sock".into()) }
    }

    #[test]
    fn ssh_is_never_allowed_to_ask_and_the_host_is_no_option() {
        let command = command("ssh", &there("far"));
        let arguments: Vec<_> = command.as_std().get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let line = arguments.join(" ");
        assert!(
            line.contains("BatchMode=yes") && line.ends_with(r"-l ann -p 2222 far -- docker --host='unix:///run/it'\''s.sock' system dial-stdio"),
            "{line}"
        );
    }

    /// A program in the place of ssh.
    fn stand_in(dir: &tempfile::TempDir, script: &str) -> String {
        let path = dir.path().join("ssh");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    #[tokio::test]
    async fn http_goes_through_the_pipes_of_ssh() {
        let dir = tempfile::tempdir().unwrap();
        // It answers once the request's empty line has come.
        let program = stand_in(
            &dir,
            r#"while IFS= read -r line; do [ "$line" = "$(printf '\r')" ] && break; done; printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK'"#,
        );
        let docker = client_of(&program, &there("far"), 5).unwrap();
        let whole: Vec<_> = docker.export_container("x").map(|part| part.unwrap()).collect().await;
        assert_eq!(whole.concat(), b"OK");
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_words_of_ssh() {
        let dir = tempfile::tempdir().unwrap();
        let program = stand_in(&dir, "echo 'ann@far: Permission denied (publickey).' >&2; exit 255");
        let docker = client_of(&program, &there("far"), 5).unwrap();
        let error = docker.export_container("x").next().await.unwrap().unwrap_err();
        let told = super::super::fault::failed(&error, &super::super::place::Address::Ssh(there("far")));
        assert!(told.to_string().contains("Permission denied") && told.to_string().contains("ssh far"), "{told}");
    }
}
