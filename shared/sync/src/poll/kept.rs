//! What a listing fetched, read again by people who ask why.

use std::fs::File;
use std::io::{Seek, Write};

use super::cells::write_row;
use super::progress::Progress;
use super::spool::Spool;
use crate::reach::Source;
use crate::{Objects, PortError};

/// A listing that is still kept.
pub(crate) struct KeptListing {
    /// The people as rows of the mapped columns.
    pub(crate) body: File,
    /// Who was said to be gone, by the provider's id.
    pub(crate) gone: Vec<String>,
    /// Whether the last page was read.
    pub(crate) whole: bool,
}

/// The listing that this progress tells of; `None` when it is gone, or was fetched for another mapping.
pub(crate) async fn kept_listing(
    objects: &impl Objects,
    progress: &str,
    source: &Source,
) -> Result<Option<KeptListing>, PortError> {
    let Ok(progress) = serde_json::from_str::<Progress>(progress) else { return Ok(None) };
    if progress.columns != source.columns {
        return Ok(None);
    }
    let Some(mut spool) = Spool::found(objects, &progress.parts).await? else { return Ok(None) };
    let whole = progress.ended && progress.partial.is_none();
    if progress.full {
        let body = spool.rows(source, &mut |_| None)?;
        return Ok(Some(KeptListing { body, gone: Vec::new(), whole }));
    }
    let (rows, gone) = spool.excerpt(source)?;
    let broken = |e: std::io::Error| PortError::later("read the listing", e.to_string());
    let mut body = tempfile::tempfile().map_err(broken)?;
    let mut text = Vec::new();
    for row in rows {
        write_row(&mut text, &row).map_err(broken)?;
    }
    body.write_all(&text).map_err(broken)?;
    body.rewind().map_err(broken)?;
    Ok(Some(KeptListing { body, gone, whole }))
}
