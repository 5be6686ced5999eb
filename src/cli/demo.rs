//! The console on the simulated world.

use super::{
    Failed,
    args::{self, Global},
    exit::Exit,
    start::{Prepared, duration},
};
use crate::{
    sources::demo::{Demo, STORIES, Scenario},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The seed where nobody names one.
const SEED: u64 = 7;

/// Opens the console on a story.
pub fn run(global: &Global, demo: &args::Demo) -> Result<Exit, Failed> {
    let scenario = scenario(&demo.scenario)?;
    let at = demo.at.as_deref().map(duration).transpose()?;
    let now = opens(&scenario, at);
    let made = Demo::open(&scenario, demo.seed, now, global.read_only).made();
    Prepared::of(global)?.simulated(&scenario).playing(made, now).console()
}

/// What a face without a screen runs on: the story that `--demo` names, else the real world.
pub fn or_real(global: &Global) -> Result<Prepared, Failed> {
    let prepared = Prepared::of(global)?;
    let Some(story) = &global.demo else { return Ok(prepared) };
    let scenario = scenario(story)?;
    let now = scenario.opens();
    let made = Demo::open(&scenario, SEED, now, global.read_only).made();
    Ok(prepared.simulated(&scenario).playing(made, now))
}

/// The story of that name.
pub fn scenario(name: &str) -> Result<Scenario, Failed> {
    let names: Vec<&str> = STORIES.iter().map(|(name, _)| *name).collect();
    Scenario::named(name)
        .ok_or_else(|| Failed::new(Exit::Usage, format!("there is no story `{}`: there are {}", Clean::from_untrusted(name), names.join(", "))))
}

/// The moment at which the curtain rises: so long into the story.
pub fn opens(scenario: &Scenario, at: Option<Duration>) -> Timestamp {
    match at.and_then(|at| SignedDuration::try_from(at).ok()) {
        Some(at) => scenario.start() + at,
        None => scenario.opens(),
    }
}
