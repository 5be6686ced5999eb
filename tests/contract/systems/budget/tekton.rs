//! Twenty pipelines of Tekton, as objects of a real API server.

use super::{Fleet, Same, Topic};
use crate::{
    asked::Asked,
    systems::{self, Ci},
    tekton::world::succeeded,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

pub struct Many {
    system: systems::tekton::Tekton,
    runs: u64,
}

impl Fleet for Many {
    const SAME: Same = Same::Untold;
    const BUDGET: Option<f64> = None;

    /// Each run is an object of a real server: thousands of them only where somebody has the time.
    async fn new(runs: u64) -> Option<Self> {
        if runs > 10 && std::env::var_os("PILOTHOUSE_LONG").is_none() {
            return None;
        }
        Some(Self { system: systems::tekton::Tekton::new(&format!("budget-{runs}")).await?, runs })
    }

    fn table(&self) -> String {
        format!("{}\nruns = {}\n", self.system.table(), self.runs)
    }

    async fn add(&self, of: usize, number: u64, goes_on: bool) {
        let (world, name) = (&self.system.world, format!("budget-{of}-{number:05}"));
        let began = Timestamp::now() - SignedDuration::from_mins(5);
        if world.get(&format!("pipelineruns/{name}")).await.is_null() {
            let params = json!([{ "name": "repo-url", "value": format!("https://git.example/acme/budget-{of}.git") }, { "name": "branch", "value": "main" }]);
            world.run(&name, json!({ "spec": { "pipelineRef": { "name": format!("budget-{of}") }, "params": params } })).await;
        }
        let tasks: Vec<_> = (0..5).map(|task| json!({ "name": format!("test-{task}"), "taskSpec": { "steps": [] } })).collect();
        let mut status = json!({ "startTime": began.to_string(), "pipelineSpec": { "tasks": tasks }, "conditions": succeeded("Unknown", "Running", "") });
        if !goes_on {
            (status["conditions"], status["completionTime"]) = (succeeded("True", "Succeeded", ""), Timestamp::now().to_string().into());
        }
        world.says(&format!("pipelineruns/{name}"), status).await;
    }

    fn asked(&self) -> Vec<Asked> {
        self.system.wire.asked()
    }

    fn topic(what: &str) -> Topic {
        let watches = what.contains("watch=");
        match what.split_once('?').map(|(path, query)| (path.rsplit('/').next().unwrap_or_default(), query)) {
            Some(("pipelineruns", query)) if !query.contains("fieldSelector") => Topic::All,
            Some(("pipelineruns" | "taskruns", _)) if watches => Topic::Jobs,
            _ => Topic::Once,
        }
    }

    /// All is watched: the list of runs, and of each run that stands on the screen the run and its tasks. A watch is asked for again each 230 seconds.
    /// What is under way at first is listed once, two thousand runs in twenty pages.
    fn allowed(topic: Topic, minutes: f64) -> f64 {
        let watch = minutes * 60.0 / 230.0 + 1.0;
        match topic {
            Topic::All => watch + 1.0 + 20.0,
            Topic::Jobs => 16.0 * (watch + 1.0) + 4.0 * minutes,
            Topic::Once => 36.0 + 6.0 * minutes,
            Topic::Runs(_) | Topic::More(_) => 0.0,
        }
    }
}
