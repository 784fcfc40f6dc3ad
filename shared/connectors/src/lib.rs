//! Providers' APIs without IO: a connector builds requests, verifies signatures and reads bytes into people; one
//! sender at the rim carries the requests out.
//!
//! Files need none of that (they come by SFTP and are read by `muster-core`), so the table is empty. A provider
//! is one source file here, one line in [`CONNECTORS`] and one folder of fixtures.

/// One kind of source with an API.
pub trait Connector: Sync {
    /// The name in connection files: `finch`, `merge`, `workos` …
    fn id(&self) -> &'static str;
}

/// Every connector.
pub const CONNECTORS: &[&dyn Connector] = &[];
