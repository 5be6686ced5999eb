//! The terminal: taken, drawn on, listened to, and given back, whatever happens.
//!
//! - [`enter`] takes it: raw mode, alternate screen, panic hook's claim, signals, the two threads below.
//! - [`Canvas`] turns frames into the fewest bytes; the writer thread alone writes them, one `write(2)` per frame, so that a
//!   terminal that does not read (ctrl-S, a sleeping laptop) blocks nothing else.
//! - [`Inbox`] is everything that comes in: keys, pastes, sizes, signals, frames that have left, and the end of the terminal.
//! - [`Guard`] gives the terminal back, exactly once per entering.
//!
//! Input is read and decoded here and not by crossterm: its reader spins at 100 % CPU once the terminal is gone and never says so,
//! and its decoder can not be used without it. Ours waits for bytes, for hang-up and for being woken in one `poll`.

mod canvas;
mod decode;
mod encode;
mod guard;
mod hygiene;
mod inbox;
mod osc;
mod panics;
mod reader;
mod writer;

pub use canvas::{Canvas, Tty};
pub use decode::Decoder;
pub use guard::{Asked, Guard, Options, Refusal, Terminal, enter};
pub use hygiene::harden;
pub use inbox::{Inbox, Input, Sender, Signal};
pub use osc::{Copied, Mux, Ring, clipboard, ring};
pub use panics::{Panicked, install, supervised, supervised_now};
pub use writer::Writer;
