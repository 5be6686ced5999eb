//! `pilothouse watch` follows a run of a real server to its end.

use super::{Ci, How, Pipeline};
use crate::kubernetes::lab;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// `pilothouse watch`, begun; its folder goes with it.
struct Script {
    child: Child,
    _home: tempfile::TempDir,
}

impl Script {
    fn new(table: &str, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let config = home.path().join("c.toml");
        std::fs::write(&config, format!("[[source]]\n{table}\n")).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path())
            .current_dir(home.path())
            .args(["--config", &config.display().to_string(), "watch", "--json", "--within", "10m"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        Self { child, _home: home }
    }

    /// Waits until it has said this of how the run goes on.
    async fn says(&mut self, words: &str) {
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
        let found = tokio::time::timeout(lab::PATIENCE, saying).await;
        assert!(found == Ok(true), "it never says {words}: {said}");
    }

    /// Its exit code, and what it tells of the run: its number's words left out, which each system has its own of.
    async fn ended(self) -> (Option<i32>, Value) {
        let out = tokio::time::timeout(2 * lab::PATIENCE, self.child.wait_with_output()).await.expect("it ends in time").expect("it ends");
        let text = String::from_utf8_lossy(&out.stdout);
        let said: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr)));
        let mut jobs: Vec<Value> = said["jobs"].as_array().into_iter().flatten().map(|job| json!([job["name"], job["status"], job["gate"]])).collect();
        jobs.sort_by_key(Value::to_string);
        (out.status.code(), json!({ "status": said["status"], "branch": said["branch"], "jobs": jobs }))
    }
}

/// By its number and by its branch, to a good end and to a bad one: 0 and 1, with the same words for each system. What is not there is told at once.
pub async fn a_script_follows_a_run_to_its_end<C: Ci>(ci: C) {
    use How::{Failed, Queued, Running, Skipped, Success};
    ci.write(&Pipeline::shipping(41, Running, [Success, Running, Queued, Queued])).await;
    let by_number = ci.called(41);
    let (mut bad, mut none) = (Script::new(&ci.table(), &[&by_number]), Script::new(&ci.table(), &["--branch", "nobody-has-it"]));
    none.says("there is no run of branch nobody-has-it").await;
    bad.says("unit-tests  running").await;
    ci.write(&Pipeline::shipping(41, Failed, [Success, Failed, Skipped, Skipped])).await;
    let (code, said) = bad.ended().await;
    let jobs = json!([["build", "ok", "build"], ["deploy", "skipped", "deploy"], ["trivy", "skipped", "security"], ["unit-tests", "failed", "build"]]);
    assert_eq!((code, said), (Some(1), json!({ "status": "failed", "branch": "main", "jobs": jobs })));

    ci.write(&Pipeline::shipping(42, Running, [Success, Success, Success, Running])).await;
    let mut good = Script::new(&ci.table(), &["--branch", "main"]);
    good.says("deploy  running").await;
    ci.write(&Pipeline::shipping(42, Success, [Success; 4])).await;
    let (code, said) = good.ended().await;
    let jobs = json!([["build", "ok", "build"], ["deploy", "ok", "deploy"], ["trivy", "ok", "security"], ["unit-tests", "ok", "build"]]);
    assert_eq!((code, said), (Some(0), json!({ "status": "ok", "branch": "main", "jobs": jobs })));
}
