//! The admin API, area by area, through the real function.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod access;
mod audiences;
mod audit;
mod connections;
mod connectors;
mod crowd;
mod decisions;
mod document;
mod edits;
mod erase;
mod explain;
mod groups;
mod links;
mod mapping;
mod once;
mod paging;
mod people;
mod product;
mod runs;
mod segments;
