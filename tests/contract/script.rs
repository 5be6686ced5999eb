//! A face of the program without a terminal that is under way, as a script has one.

use crate::kubernetes::lab::PATIENCE;
use serde_json::Value;
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The program; its home goes with it.
pub struct Script {
    child: Child,
    _home: tempfile::TempDir,
}

impl Script {
    /// Begins a face with this configuration, and with nothing else that it could know.
    pub fn new(config: &str, kubeconfig: Option<&Path>, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("c.toml");
        std::fs::write(&file, config).expect("a file");
        let mut program = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).current_dir(home.path()).arg("--config").arg(&file).args(arguments);
        program.envs(kubeconfig.map(|path| ("KUBECONFIG", path)));
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { child: program.spawn().expect("it runs"), _home: home }
    }

    /// Reads what it says of its progress until it says `words`.
    pub async fn says(&mut self, words: &str) {
        let mut lines = BufReader::new(self.child.stderr.as_mut().expect("a pipe")).lines();
        let mut said = String::new();
        let saying = async {
            while let Some(line) = lines.next_line().await.expect("it is text") {
                said += &line;
                said.push('\n');
                if line.contains(words) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(PATIENCE, saying).await;
        assert!(found == Ok(true), "it never says {words}: {said}");
    }

    /// Its exit code, and what it says last of what went wrong.
    pub async fn failed(self) -> (Option<i32>, String) {
        let out = tokio::time::timeout(3 * PATIENCE, self.child.wait_with_output()).await.expect("it ends in time").expect("it ends");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    /// Its exit code, and what it ends with.
    pub async fn ended(self) -> (Option<i32>, Value) {
        let out = tokio::time::timeout(3 * PATIENCE, self.child.wait_with_output()).await.expect("it ends in time").expect("it ends");
        let text = String::from_utf8_lossy(&out.stdout);
        (out.status.code(), serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr))))
    }
}
