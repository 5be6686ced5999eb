//! Jenkins, with Pipeline Stage View.

use super::{BEGAN, Ci, How, Pipeline, Task, at};
use crate::jenkins::{
    stand_in::{Jenkins as Server, reading},
    world::{Build, PIPELINE, Plugins, Stage, asked},
};
use pilothouse::sources::Source;
use serde_json::json;
use std::{ops::Range, sync::Arc};

/// A controller with one job.
pub struct Jenkins(Server);

const JOB: &str = "shop/cart";

const fn result(how: How) -> Option<&'static str> {
    match how {
        How::Queued | How::Running | How::Held => None,
        How::Success => Some("SUCCESS"),
        How::Failed => Some("FAILURE"),
        How::Cancelled => Some("ABORTED"),
        How::Skipped => Some("NOT_BUILT"),
        How::Odd => Some("QUARANTINED"),
    }
}

fn stage((nth, task): (u64, &Task)) -> Stage {
    let status = match task.how {
        How::Queued | How::Skipped => "NOT_EXECUTED",
        How::Running => "IN_PROGRESS",
        How::Held => "PAUSED_PENDING_INPUT",
        How::Success => "SUCCESS",
        How::Failed => "FAILED",
        How::Cancelled => "ABORTED",
        How::Odd => "HIBERNATING",
    };
    let went = (at(task.from).as_millisecond(), (task.to - task.from) * 1_000);
    Stage { id: nth + 5, name: task.name.clone().leak(), status, steps: Vec::new(), went: Some(went) }
}

impl Ci for Jenkins {
    async fn new(_: &str) -> Option<Self> {
        let server = Server::new(Plugins::StageView).await;
        server.with(|world| world.add(JOB, PIPELINE, Vec::new()));
        Some(Self(server))
    }

    fn table(&self) -> String {
        format!("kind = 'jenkins'\nurl = '{}'\nusername = 'kim'\ntoken_command = ['echo', 't0ken']", self.0.url)
    }

    fn source(&self, more: &str) -> Arc<dyn Source> {
        self.0.source(more)
    }

    fn reading(&self) -> Arc<dyn Source> {
        reading(&self.0.url)
    }

    fn stranger(&self) -> Arc<dyn Source> {
        self.0.known_as("stale", "")
    }

    async fn write(&self, pipeline: &Pipeline) {
        self.0.with(|world| {
            world.queue.retain(|item| item["id"] != 1_000 + pipeline.number);
            if pipeline.how == How::Queued {
                world.jobs.get_mut(JOB).expect("the job").next = pipeline.number;
                return world.waits(1_000 + pipeline.number, JOB, "Waiting for next available executor");
            }
            let log = world.jobs[JOB].builds.get(&pipeline.number).map(|before| before.log.clone()).unwrap_or_default();
            let mut build = Build { log, queued: Some(1_000 + pipeline.number), ..Build::running(pipeline.number) };
            build.began = *BEGAN;
            build.stages = (0..).zip(&pipeline.tasks).map(stage).collect();
            build.actions.as_array_mut().expect("a list").push(branch());
            if pipeline.how == How::Held {
                build.asks = vec![asked("Go", "Ship to production?", json!([]))];
            }
            if let Some(result) = result(pipeline.how) {
                build.ends(result);
                build.took = pipeline.took * 1_000;
            }
            world.begin(JOB, build);
        });
    }

    async fn bare(&self, number: u64) {
        self.0.with(|world| {
            let bare = Build { sparse: true, result: None, ..Build::over(number, "SUCCESS") };
            world.begin(JOB, bare);
        });
    }

    async fn says(&self, number: u64, lines: Range<usize>, _: bool) {
        let text: String = lines.map(|n| format!("line {n}\n")).collect();
        self.0.with(|world| world.build(JOB, number).log = text.into_bytes());
    }

    async fn many(&self, count: u64) -> u64 {
        self.0.with(|world| world.add(JOB, PIPELINE, (1..=count).map(|number| Build::over(number, "SUCCESS")).collect()));
        count
    }

    fn changes(&self) -> usize {
        self.0.with(|world| world.acts.len())
    }

    fn cut(&self) {
        self.0.with(|world| world.cut = true);
    }

    fn refuse(&self, refuses: bool) {
        let needs = vec![("x-required-permission", "hudson.model.Item.Read".to_owned())];
        self.0.with(|world| world.refusal = refuses.then_some((403, needs, "no")));
    }
}

/// What was checked out.
fn branch() -> serde_json::Value {
    json!({ "_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": { "SHA1": "c0ffee", "branch": [{ "name": "refs/remotes/origin/main" }] },
        "remoteUrls": ["https://git.example/acme/cart.git"] })
}
