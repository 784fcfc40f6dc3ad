//! From a file's name and bytes to a stream of text records.
//!
//! [`name`] decides whether a file is meant at all, `wrapper` takes off gzip, zip and PGP by their
//! magic bytes, [`decode`] makes the bytes UTF-8, [`dialect`] and [`open()`] find the delimiter and the
//! header. What comes out is an [`OpenFile`]; splitting its body into records and checking them is
//! the roster's and the listing's part. [`error_file`] writes what was found back to the customer.
//!
//! Nothing here trusts an end of input: a wrapper that is cut off or altered makes the body's `read`
//! fail with an error in which [`fault_of`] finds a [`ReadFault`].

pub mod decode;
pub mod dialect;
pub mod error_file;
mod fault;
mod header;
pub mod kind;
pub mod name;
mod open;
mod pgp;
mod source;
mod text;
mod wrapper;
mod zip;

pub use fault::{Limits, ReadFault, fault_of};
pub use open::{OpenFile, Unopened, open};
pub use pgp::{BadKey, Keys};

#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod wrapper_tests;
