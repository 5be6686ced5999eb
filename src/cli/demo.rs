//! The console on the simulated world.

use super::{
    Failed,
    args::{Demo, Global},
    exit::Exit,
    start::{Prepared, duration},
};
use crate::sources::demo::{self, Scenario};

/// Opens the console on a story.
pub fn run(global: &Global, demo: &Demo) -> Result<Exit, Failed> {
    let scenario = scenario(&demo.scenario)?;
    let at = demo.at.as_deref().map(duration).transpose()?;
    let now = scenario.instant(at);
    Prepared::of(global)?.simulated(demo::sources(scenario, demo.seed, now), now).console()
}

/// The story of that name.
pub fn scenario(name: &str) -> Result<Scenario, Failed> {
    Scenario::named(name).map_err(|why| Failed::new(Exit::Usage, why.to_string()))
}
