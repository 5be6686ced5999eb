//! Pilothouse, the console of the engineer on call.
//!
//! **Sources tell facts, the app keeps them and decides, the view draws, the runtime acts.**
//! Data walks one way through the rooms and never turns back.
//!
//! ```text
//!             facts                        &App
//!  sources ─────────► app.update ─────────────► view ─► terminal
//!     ▲                  │  ▲                             │
//!     │ warrant          │  └───────── keys ──────────────┘
//!     └── gate ◄─ runtime ◄──┘ effects
//! ```
//!
//! | room | what it holds | what it must never name |
//! |---|---|---|
//! | [`text`], [`keys`] | harmless text; keys, chords, the keymap | any other room |
//! | [`domain`] | the nouns of the field | any other room but text |
//! | [`gate`] | policy and warrants: the one way to a change | sources, app, tokio, ratatui |
//! | [`sources`] | the back ends; but for a team's journal the only room that speaks to a network | app, panels, view, ratatui |
//! | [`store`], [`logs`] | what we believe; what was said | sources, tokio, ratatui, clocks |
//! | [`rollback`] | the procedure from target to verdict, pure | sources, tokio, ratatui, clocks |
//! | [`journal`] | what was done and by whom, in files or in PostgreSQL | app, view, ratatui |
//! | [`app`], [`panels`], [`view`] | deciding and drawing, both pure | tokio, clients, clocks, files |
//! | [`widgets`], [`theme`] | tables, inputs, popups; roles to styles | the domain and all above it |
//! | [`runtime`] | carries effects out: tasks, journal, sources | ratatui |
//! | [`console`] | the loop; the only place that names tokio and ratatui | |
//! | [`config`], [`cli`], [`terminal`] | files and flags; the faces; the tty | |
//!
//! `tests/it/house.rs` reads the sources and fails on a forbidden name.
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::all)]

pub mod app;
pub mod cli;
pub mod config;
pub mod console;
pub mod domain;
pub mod gate;
pub mod journal;
pub mod keys;
pub mod logs;
pub mod panels;
pub mod rollback;
pub mod runtime;
pub mod sources;
pub mod store;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod view;
pub mod widgets;

/// A fault on demand, for the tests that kill the real program: `PILOTHOUSE_PANIC=ui` panics at the next key,
/// `PILOTHOUSE_PANIC=source:ID` whenever that source is watched. A release build has nothing of it.
pub(crate) fn provoke(place: &str) {
    #[cfg(debug_assertions)]
    assert!(std::env::var("PILOTHOUSE_PANIC").as_deref() != Ok(place), "provoked at {place}");
    #[cfg(not(debug_assertions))]
    let _ = place;
}
