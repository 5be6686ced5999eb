//! The console without a terminal and without a network: its walls, its pictures, its decisions, its faces.

mod automatic;
mod batch;
mod decisions;
mod dispatch;
mod faces;
mod forward;
mod guard;
mod house;
mod left;
mod older;
mod pictures;
mod runs;
mod screens;
mod screenshots;
mod shipped;
mod singles;
mod sizes;
mod stage;
mod told;
mod turns;
