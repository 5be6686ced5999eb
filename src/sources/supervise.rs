//! Keeps one feed alive.
