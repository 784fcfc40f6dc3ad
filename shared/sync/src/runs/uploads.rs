//! Where a file goes that is brought in by hand.

use muster_core::file::name::{Upload as UploadName, classify};
use muster_core::settings::Mode;

use crate::import::name_mismatch;
use crate::{Connection, ConnectionStatus, PortError, settings_of};

/// The largest file that one request can store, in bytes: 5 GB.
pub const LARGEST_UPLOAD: u64 = 5_000_000_000;
/// The longest name, in bytes: keys of objects have 1,024.
const LONGEST_NAME: usize = 255;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NoUpload {
    /// The connection has an API.
    #[error("the people of this connection come from its provider, not from files")]
    NotFiles,
    /// The connection takes no files now.
    #[error("the connection is {0}, so a file would not be read; switch it on first")]
    Off(&'static str),
    /// The name says that the file would not be read.
    #[error("{0}")]
    Name(String),
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPlace {
    /// The object's key: what is put there starts an import.
    pub key: String,
    /// The content type that it must be put with.
    pub content_type: &'static str,
}

/// Where a file of that name goes. What an import would refuse by its name is refused at once.
///
/// # Errors
/// [`NoUpload`].
pub fn upload_place(connection: &Connection, file_name: &str) -> Result<UploadPlace, NoUpload> {
    let settings = settings_of(connection)?;
    if muster_connectors::connector(&settings.connector).is_some() {
        return Err(NoUpload::NotFiles);
    }
    match connection.status {
        ConnectionStatus::Disabled => return Err(NoUpload::Off("switched off")),
        ConnectionStatus::Deleted => return Err(NoUpload::Off("deleted")),
        _ if settings.mode == Mode::Paused => return Err(NoUpload::Off("paused")),
        _ => {}
    }
    plain_name(file_name).map_err(|why| NoUpload::Name(why.to_owned()))?;
    if let Some(why) = name_mismatch(file_name, &settings) {
        return Err(NoUpload::Name(why));
    }
    // A login is called like its connection, whether it lets anybody in or not.
    let user = connection.sftp_user.as_deref().unwrap_or(connection.id.as_str());
    Ok(UploadPlace { key: format!("inbox/{user}/{file_name}"), content_type: "application/octet-stream" })
}

fn plain_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err("the name must have 1 to 255 bytes");
    }
    if name.contains(['/', '\\']) || name.chars().any(char::is_control) || name == ".." {
        return Err("the name must be a plain file name, without folders and control characters");
    }
    match classify(name) {
        UploadName::Data(_) => Ok(()),
        UploadName::InTransit => Err("the name is one of an upload in transit; give the file its final name"),
        UploadName::Folder => Err("the name is one of a folder"),
        UploadName::DotFile => Err("the name is hidden; take the dot at its beginning away"),
    }
}
