//! The program in a terminal: it starts, resizes, is killed, panics and loses its terminal; the screen is always given back.

mod cluster;
mod given_back;
mod keys;
mod left;
mod rings;
mod shell;
mod starts;
mod term;
