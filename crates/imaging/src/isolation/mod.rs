//! Decoding in processes of its own, so that a codec in C that crashes, hangs or eats memory takes one picture with
//! it and nothing else.
//!
//! A decode worker is the same program, started again. Its standard input is one end of a socket pair, on which
//! requests and answers travel as JSON behind their length; its standard output is a memory file that both sides
//! hold, through which file bytes go in and pixels come out. It is mapped on both sides as far as it is sealed against
//! shrinking: a worker that shrinks a mapped file kills whoever looks at it, and that would undo the whole fence. What
//! a worker answers is believed as little as a file: lengths are checked before memory is taken.

mod child;
mod memory;
mod pool;
mod served;
mod wire;

pub use child::{serve, serve_with};
pub use pool::{Decoders, WorkerCommand};
pub use served::ServedSlide;
pub use wire::{Answer, Call};
