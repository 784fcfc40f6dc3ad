//! S3: versioned objects in a folder or in memory, behind the S3 protocol.

mod blobs;
mod events;
mod index;
mod multipart;
mod protocol;
mod route;
mod store;
mod wire;

pub use events::event_json;
pub use index::{ObjectVersion, Precondition};
pub(crate) use route::S3;
pub use store::{NewObject, Objects, ObjectsError};
