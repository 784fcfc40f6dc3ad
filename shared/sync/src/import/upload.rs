//! What an upload's event says.

use muster_core::file::name::{NameMatch, NameRule, Upload as UploadName, classify};
use muster_core::settings::Settings;

use crate::decide::run_id;
use crate::{Cause, Connection, Run};

/// One object version that was made in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded once.
    pub key: String,
    /// The exact version.
    pub version: String,
    /// The event's sequencer.
    pub sequencer: String,
    /// Bytes.
    pub size: u64,
    /// Whether the version was made by copying another object.
    pub copied: bool,
    /// When it was made, in milliseconds since 1970.
    pub at_ms: i64,
}

/// The folder an upload lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home<'a> {
    /// Whose folder.
    pub(crate) user: &'a str,
    /// The file's name, without folders.
    pub(crate) name: &'a str,
    /// Whether it is a fragment of an upload that broke off.
    pub(crate) partial: bool,
}

impl Upload {
    /// Whose folder it lies in, or why it is no source.
    pub(crate) fn home(&self) -> Result<Home<'_>, &'static str> {
        let (folder, rest) = self.key.split_once('/').unwrap_or_default();
        let partial = match folder {
            "inbox" | "sftp" => false,
            "partial" => true,
            _ => return Err("the object is in no folder of uploads"),
        };
        let Some((user, name)) = rest.split_once('/') else {
            return Err("the object is in no login's folder");
        };
        let name = match folder {
            // Only a rename comes from here, as a copy: the customer gave a file in transit its name.
            "sftp" if self.copied => name.strip_prefix("inbound/").ok_or("the object is not in a folder of uploads")?,
            "sftp" => return Err("the upload service has not yet said that the file is whole"),
            _ => name,
        };
        if name.split('/').any(|part| part == "..") || user.is_empty() || user == ".." {
            return Err("the object's key is not a plain path");
        }
        match classify(name) {
            UploadName::Data(name) => Ok(Home { user, name, partial }),
            UploadName::InTransit => Err("the name is one of an upload in transit"),
            UploadName::Folder => Err("the object is a folder"),
            UploadName::DotFile => Err("the name is hidden"),
        }
    }

    /// The run this version causes: the same version always makes the same one.
    pub(crate) fn run(&self, connection: &Connection, home: Home<'_>) -> Run {
        let cause = Cause::File {
            key: self.key.clone(),
            version: self.version.clone(),
            sequencer: self.sequencer.clone(),
            size: self.size,
            partial: home.partial,
        };
        let id = run_id(&["file", &self.bucket, &self.key, &self.version]);
        Run::received(connection, id, cause, home.name.to_owned(), self.at_ms)
    }
}

/// Why a name does not match the connection's rule; `None` when it does.
pub(crate) fn name_mismatch(name: &str, settings: &Settings) -> Option<String> {
    let pattern = settings.file.pattern.as_deref()?;
    match NameRule::parse(pattern).map(|rule| rule.matches(name)) {
        Ok(NameMatch::Yes { .. }) => None,
        Ok(NameMatch::No { reason, .. }) => {
            Some(format!("the file's name does not match the rule {pattern}: {reason}; it was not processed"))
        }
        Err(e) => Some(format!("the connection's name rule {pattern} cannot be read: {e}")),
    }
}
