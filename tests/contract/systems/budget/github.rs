//! Twenty repositories of GitHub.

use super::{ACTIVE, Fleet, REPOSITORIES, Same, Topic, jobs, named};
use crate::{
    asked::Asked,
    github::{
        stand_in::{self, GitHub},
        world::{Job, Run},
    },
};

pub struct Many {
    server: &'static GitHub,
    runs: u64,
}

impl Many {
    fn name(&self, of: usize) -> String {
        format!("acme-{}/budget-{of}", self.runs)
    }
}

impl Fleet for Many {
    const SAME: Same = Same::Free;
    const BUDGET: Option<f64> = Some(4.0);

    async fn new(runs: u64) -> Option<Self> {
        let many = Self { server: stand_in::github()?, runs };
        (0..REPOSITORIES).for_each(|of| many.server.make(&many.name(of), "t0ken"));
        Some(many)
    }

    fn table(&self) -> String {
        let names: Vec<String> = (0..REPOSITORIES).map(|of| self.name(of)).collect();
        format!("kind = 'github'\nurl = '{}'\nrepositories = {names:?}\ntoken_command = ['echo', 't0ken']\nruns = {}\n", self.server.proxy, self.runs)
    }

    async fn add(&self, of: usize, number: u64, goes_on: bool) {
        self.server.with(&self.name(of), |world| {
            if !goes_on {
                return world.add(Run::over(number, "success"));
            }
            world.add(Run::queued(number, (0..5).map(|job| Job::queued(number * 10 + job, "test")).collect()));
            world.run(number).stands("in_progress", None);
        });
    }

    fn asked(&self) -> Vec<Asked> {
        let of = |of: usize| {
            let name = self.name(of);
            let asked = self.server.with(&name, |world| world.asked.clone());
            asked.into_iter().map(move |one| Asked { what: format!("{name} {}", one.what), ..one })
        };
        let mut all: Vec<Asked> = (0..REPOSITORIES).flat_map(of).collect();
        all.sort_by_key(|asked| asked.at);
        all
    }

    fn topic(what: &str) -> Topic {
        let of = named(what).expect("it is about a repository");
        match what.split_once(' ').map(|(_, what)| what) {
            Some(what) if what.starts_with("runs?") => Topic::Runs(of),
            Some(what) if what.contains("/jobs?") => Topic::Jobs,
            _ => Topic::More(of),
        }
    }

    /// Four looks a minute at a repository in which something runs. Where nothing does it is looked at less and less often, down to every two minutes,
    /// for its newest runs and for what was run again. How long a workflow usually takes is asked once.
    fn allowed(topic: Topic, minutes: f64) -> f64 {
        match topic {
            Topic::Runs(of) if of < ACTIVE => 4.0 * minutes + 2.0,
            Topic::Runs(_) => 2.0 * minutes + 5.0,
            Topic::Jobs => jobs(minutes),
            Topic::More(_) => 3.0,
            Topic::All | Topic::Once => 0.0,
        }
    }
}
