//! Twenty projects of GitLab.

use super::{ACTIVE, Fleet, REPOSITORIES, Same, Topic, jobs, named};
use crate::{
    asked::Asked,
    gitlab::{
        stand_in::GitLab,
        world::{Job, Pipeline, Shape},
    },
};
use jiff::{SignedDuration, Timestamp};

pub struct Many {
    projects: Vec<GitLab>,
    runs: u64,
}

impl Fleet for Many {
    const SAME: Same = Same::Told;
    const BUDGET: Option<f64> = Some(6.0);

    async fn new(runs: u64) -> Option<Self> {
        let first = GitLab::start("budget-0", Shape::New);
        let more: Vec<GitLab> = (1..REPOSITORIES).map(|of| first.beside(&format!("budget-{of}"), Shape::New)).collect();
        Some(Self { projects: [vec![first], more].concat(), runs })
    }

    fn table(&self) -> String {
        let names: Vec<&str> = self.projects.iter().map(|one| one.project.as_str()).collect();
        format!("kind = 'gitlab'\nurl = '{}'\nprojects = {names:?}\ntoken_command = ['echo', 't0ken-test']\nruns = {}\n", self.projects[0].url, self.runs)
    }

    async fn add(&self, of: usize, number: u64, goes_on: bool) {
        self.projects[of].with(|world| {
            let jobs = (0..5).map(|job| Job::new(number * 10 + job, "test", &format!("test-{job}"), if goes_on { "running" } else { "success" }));
            let mut pipeline = Pipeline::new(number, if goes_on { "running" } else { "success" }, jobs.collect());
            if !goes_on && !world.pipelines.contains_key(&number) {
                pipeline.updated = Timestamp::now() - SignedDuration::from_secs(100_000 - 60 * i64::try_from(number).expect("few"));
                pipeline.created = pipeline.updated - SignedDuration::from_mins(5);
            }
            world.add(pipeline);
        });
    }

    fn asked(&self) -> Vec<Asked> {
        let mut all: Vec<Asked> = self.projects.iter().flat_map(|one| one.with(|world| world.asked.clone())).collect();
        all.sort_by_key(|asked| asked.at);
        all
    }

    fn topic(what: &str) -> Topic {
        let Some(of) = named(what) else { return Topic::Once };
        match what.split_once('?').map(|(path, _)| path).unwrap_or_default() {
            path if path.ends_with("/pipelines") => Topic::Runs(of),
            path if path.ends_with("/jobs") => Topic::Jobs,
            path if path.ends_with("/bridges") => Topic::Once,
            _ => Topic::More(of),
        }
    }

    /// Four looks a minute at a project in which something runs, and one elsewhere; beside this once what the lists do not tell of the ten newest, the
    /// titles of commits, and three for each run that begins. Whether a pipeline that stands on the screen begins others is asked once, its jobs in turns.
    fn allowed(topic: Topic, minutes: f64) -> f64 {
        match topic {
            Topic::Runs(of) if of < ACTIVE => 4.0 * minutes + 2.0,
            Topic::Runs(_) => minutes + 3.0,
            Topic::More(0) => 3.0 * minutes + 13.0,
            Topic::More(of) if of < ACTIVE => minutes + 12.0,
            Topic::More(_) => 11.0,
            Topic::Jobs => jobs(minutes),
            Topic::Once => 12.0 + 3.0 * minutes,
            Topic::All => 0.0,
        }
    }
}
