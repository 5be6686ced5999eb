//! Twenty jobs of a Jenkins.

use super::{ACTIVE, Fleet, REPOSITORIES, Same, Topic, jobs, named};
use crate::{
    asked::Asked,
    jenkins::{
        stand_in::Jenkins,
        world::{Build, PIPELINE, Plugins, stage},
    },
};

pub struct Many {
    server: Jenkins,
    runs: u64,
}

impl Fleet for Many {
    const SAME: Same = Same::Untold;
    const BUDGET: Option<f64> = None;

    async fn new(runs: u64) -> Option<Self> {
        let server = Jenkins::new(Plugins::StageView).await;
        server.with(|world| (0..REPOSITORIES).for_each(|of| world.add(&format!("shop/budget-{of}"), PIPELINE, Vec::new())));
        Some(Self { server, runs })
    }

    fn table(&self) -> String {
        format!("kind = 'jenkins'\nurl = '{}'\nusername = 'kim'\ntoken_command = ['echo', 't0ken']\nruns = {}\n", self.server.url, self.runs)
    }

    async fn add(&self, of: usize, number: u64, goes_on: bool) {
        let stages = [("build", "SUCCESS"), ("unit", "IN_PROGRESS"), ("lint", "NOT_EXECUTED"), ("trivy", "NOT_EXECUTED"), ("deploy", "NOT_EXECUTED")];
        let build = if goes_on { Build::running(number) } else { Build::over(number, "SUCCESS") };
        let stages = (5..).zip(stages).map(|(id, (name, status))| stage(id, name, if goes_on { status } else { "SUCCESS" })).collect();
        self.server.with(|world| world.begin(&format!("shop/budget-{of}"), Build { stages, ..build }));
    }

    fn asked(&self) -> Vec<Asked> {
        self.server.with(|world| world.asked.clone())
    }

    fn topic(what: &str) -> Topic {
        match named(what) {
            None => Topic::All,
            Some(of) if what.ends_with("/nextPendingInputAction") => Topic::More(of),
            Some(_) if what.contains("/wfapi/") => Topic::Jobs,
            Some(of) => Topic::Runs(of),
        }
    }

    /// The list of jobs and the queue four times a minute, while anything runs; four times a minute whether a build that runs waits for somebody. The
    /// builds of a job are read when there is another one, until it is known what that is made of, and at its end. The stages of what stands on the
    /// screen take a request, and the steps of one that runs another.
    fn allowed(topic: Topic, minutes: f64) -> f64 {
        match topic {
            Topic::All => 8.0 * minutes + 6.0,
            Topic::Runs(0) => 4.0 * minutes + 6.0,
            Topic::Runs(of) if of < ACTIVE => 6.0,
            Topic::Runs(_) => 2.0,
            Topic::More(of) if of < ACTIVE => 4.0 * minutes + 3.0,
            Topic::Jobs => 2.0 * (jobs(minutes)),
            Topic::More(_) | Topic::Once => 0.0,
        }
    }
}
