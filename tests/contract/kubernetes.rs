//! The Kubernetes source against a real API server with a real node.

pub mod acts;
pub mod faults;
mod found;
mod helm;
mod histories;
mod keepers;
pub mod lab;
mod logs;
mod reads;
mod rollouts;
mod routes;
pub mod sets;
mod syncs;
pub mod torn;
mod turns;
mod ways;
