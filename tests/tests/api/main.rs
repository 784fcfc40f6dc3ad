//! The admin API, area by area, through the real function.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod access;
mod audit;
mod connections;
mod connectors;
mod decisions;
mod document;
mod mapping;
mod once;
mod product;
mod runs;
