//! `pilothouse watch` follows a run of a real server to its end.

use super::{Ci, How, Pipeline};
use crate::script::Script;
use serde_json::{Value, json};

/// `pilothouse watch`, begun.
fn watch(table: &str, arguments: &[&str]) -> Script {
    Script::new(&format!("[[source]]\n{table}\n"), None, &[&["watch", "--json", "--within", "10m"], arguments].concat())
}

/// Its exit code, and what it tells of the run but for its words and addresses, of which each system has its own.
async fn ended(script: Script) -> (Option<i32>, Value) {
    let (code, said) = script.ended().await;
    let mut jobs: Vec<Value> = said["jobs"].as_array().into_iter().flatten().map(|job| json!([job["name"], job["status"], job["gate"]])).collect();
    jobs.sort_by_key(Value::to_string);
    (code, json!({ "status": said["status"], "branch": said["branch"], "jobs": jobs }))
}

/// It waits in the queue when it is looked for, begins, and fails while a job of it goes on that nobody waits for: 1, without waiting for that.
pub async fn a_script_waits_for_no_more_than_the_run<C: Ci>(ci: C) {
    use How::{Failed, Queued, Running, Success};
    ci.write(&Pipeline::shipping(43, Queued, [Queued; 4])).await;
    let mut script = watch(&ci.table(), &[&ci.called(43)]);
    script.says("queued").await;
    ci.write(&Pipeline::shipping(43, Running, [Success, Running, Queued, Queued])).await;
    script.says("unit-tests  running").await;
    ci.write(&Pipeline::shipping(43, Failed, [Success, Failed, Running, Queued])).await;
    let (code, said) = ended(script).await;
    assert_eq!((code, &said["status"]), (Some(1), &json!("failed")), "{said}");
}

/// By its number and by its branch, to a good end and to a bad one: 0 and 1, with the same words for each system. What is not there is told at once.
pub async fn a_script_follows_a_run_to_its_end<C: Ci>(ci: C) {
    use How::{Failed, Queued, Running, Skipped, Success};
    ci.write(&Pipeline::shipping(41, Running, [Success, Running, Queued, Queued])).await;
    let by_number = ci.called(41);
    let (mut bad, mut none) = (watch(&ci.table(), &[&by_number]), watch(&ci.table(), &["--branch", "nobody-has-it"]));
    none.says("there is no run of branch nobody-has-it").await;
    bad.says("unit-tests  running").await;
    ci.write(&Pipeline::shipping(41, Failed, [Success, Failed, Skipped, Skipped])).await;
    let (code, said) = ended(bad).await;
    let jobs = json!([["build", "ok", "build"], ["deploy", "skipped", "deploy"], ["trivy", "skipped", "security"], ["unit-tests", "failed", "build"]]);
    assert_eq!((code, said), (Some(1), json!({ "status": "failed", "branch": "main", "jobs": jobs })));

    ci.write(&Pipeline::shipping(42, Running, [Success, Success, Success, Running])).await;
    let mut good = watch(&ci.table(), &["--branch", "main"]);
    good.says("deploy  running").await;
    ci.write(&Pipeline::shipping(42, Success, [Success; 4])).await;
    let (code, said) = ended(good).await;
    let jobs = json!([["build", "ok", "build"], ["deploy", "ok", "deploy"], ["trivy", "ok", "security"], ["unit-tests", "ok", "build"]]);
    assert_eq!((code, said), (Some(0), json!({ "status": "ok", "branch": "main", "jobs": jobs })));
}
