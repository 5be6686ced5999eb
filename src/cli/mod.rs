//! The faces.
pub mod args;
pub mod exit;
pub mod svg;
