//! The Kubernetes source against a real API server with a real node.

mod lab;
mod reads;
