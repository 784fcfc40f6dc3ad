//! Providers with an API, faults and all: real use cases over the real AWS adapters, fake providers in the same process.
//! The rows are those of the list of faults (P01 to P18, W28 to W34, F07, F08, F38 to F43).

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod apart;
mod crash;
mod events;
mod late;
mod listings;
mod order;
mod trouble;
