//! People's own async code in the storm: the simulated cluster under madsim's clock.
//!
//! Built with `--cfg madsim`; without it only the configuration profile of librdkafka is here.
//!
//! # How world and code share one time
//!
//! The cluster forms before madsim's runtime begins; from then on the world's instant is madsim's elapsed time plus what that
//! took. A *driver* task is woken at the exact instant of the world's next event and lets the world run up to the present. A
//! call of a client first does the same, then enters the world at the present instant, and if the world now has something to
//! do earlier, the driver's alarm is moved. So events and calls have one order. Madsim's executor picks among runnable tasks
//! by its own stream of chance, the world draws from its own; both come from the seed, and the digest takes in every call, so
//! two runs with equal digests are the same run.
//!
//! # How the code's clients are in the world
//!
//! A scenario names processes under `applications`. Each is one process of the world, with one name, one pause and one death,
//! and in it live client machines: this project's own producer and consumer, steered as librdkafka's threads would. What
//! they say comes out to the stage, which wakes whoever waits. In the history each client is a process of its own, so
//! that the oracles judge two consumers in one process as they would in two.
//!
//! # How bytes travel
//!
//! The model carries identities: the `serial`-th record that a source gave to a partition. The host keeps a table from
//! identity to key, payload, headers and timestamp. A record of a background producer says where it came from.
//!
//! # What the oracles see
//!
//! Sends, deliveries, assignments and commits as of any client. A message counts as handed out when the code gets it, and as
//! processed when the code asks for the next one, commits it or stores its offset; with `processed: explicit` in the scenario,
//! when the code says so, which is the only way to see work that comes after its commit.
//!
//! # Limits
//!
//! - `getrandom` is seeded only where it is called through libc: crates that make the system call themselves, such as
//!   `getrandom` with its `linux_raw` backend, are not. Hash maps of the standard library are seeded, once per thread; every
//!   seed therefore has a thread of its own.
//! - `std::thread::spawn` is refused inside a run. Threads made before are not part of it.
//! - Real sockets and files block the whole run and answer differently each time; use madsim's.
//! - Real `tokio` in the same program works outside a run, and not inside one: use `madsim-tokio` there.
//! - Non-determinism that never reaches a client, a log line or the world is not noticed.

pub mod profile;

#[cfg(madsim)]
mod clock;
#[cfg(madsim)]
pub mod consumer;
#[cfg(madsim)]
pub mod inquirer;
#[cfg(madsim)]
pub mod producer;
#[cfg(madsim)]
pub mod run;
#[cfg(madsim)]
mod stage;
#[cfg(madsim)]
mod storm;
#[cfg(madsim)]
pub mod trial;
#[cfg(madsim)]
mod values;

#[cfg(madsim)]
pub use stage::Stage;
#[cfg(madsim)]
pub use storm::Storm;
#[cfg(madsim)]
pub use values::{Content, Headers};
