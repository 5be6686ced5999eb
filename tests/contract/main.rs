//! The back ends against real servers. A test that needs a server and finds none fails; with `PILOTHOUSE_LAB_SKIP=1` it says that it was left out.

mod alertmanager;
mod docker;
mod gateway;
mod github;
mod kubernetes;
mod prometheus;
