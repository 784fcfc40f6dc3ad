//! The last listing of everybody that was read to its end, for looking at it and for trying settings out.

use super::plan::listing_of;
use super::progress::Progress;
use super::spool::Spool;
use crate::import::Listing;
use crate::reach::Source;
use crate::{Connection, Ledger, Objects, PortError, Run, RunFilter, list_runs};

/// How many runs are asked for their listing: incremental ones stand between full ones.
const ASKED: u32 = 20;

/// A listing whose parts may still be there.
pub(crate) struct LastListing {
    /// The run it was fetched for.
    pub(crate) run: Run,
    progress: Progress,
}

/// The newest one; `None` where there is none.
pub(crate) async fn last_listing(
    ledger: &impl Ledger,
    connection: &Connection,
) -> Result<Option<LastListing>, PortError> {
    let filter = RunFilter { cause: Some("poll"), ..RunFilter::default() };
    let connections = std::slice::from_ref(&connection.id);
    let page = list_runs(ledger, &connection.account, connections, filter, None, ASKED).await?;
    for run in page.items {
        let Some(kept) = ledger.kept_poll(&run).await? else { continue };
        // One that an older version kept is as good as gone.
        let Ok(progress) = serde_json::from_str::<Progress>(&kept) else { continue };
        if progress.full && progress.ended && !progress.parts.is_empty() {
            return Ok(Some(LastListing { run, progress }));
        }
    }
    Ok(None)
}

impl LastListing {
    /// When fetching it began, in milliseconds since 1970.
    pub(crate) fn began_ms(&self) -> i64 {
        self.progress.began_ms
    }

    /// The columns that were fetched.
    pub(crate) fn columns(&self) -> &[String] {
        &self.progress.columns
    }

    /// The listing as a plan takes it; `None` when its parts are gone. Nobody is asked for a second time: who is not
    /// in it counts as looked for twice.
    pub(crate) async fn listing(
        &self,
        objects: &impl Objects,
        connection: &Connection,
        source: &Source,
    ) -> Result<Option<Listing>, PortError> {
        let Some(mut spool) = Spool::found(objects, &self.progress.parts).await? else { return Ok(None) };
        let listing = listing_of(connection, source, &self.progress, &mut spool)?;
        Ok(Some(Listing { looked_twice: true, ..listing }))
    }

    /// The people of the first `parts` parts as cells, in the order of the source's columns, and whether these are all
    /// parts; `None` when they are gone.
    pub(crate) async fn rows(
        &self,
        objects: &impl Objects,
        source: &Source,
        parts: usize,
    ) -> Result<Option<(Vec<Vec<String>>, bool)>, PortError> {
        let parts = self.progress.parts.get(..parts).unwrap_or(&self.progress.parts);
        let Some(mut spool) = Spool::found(objects, parts).await? else { return Ok(None) };
        let (rows, _) = spool.excerpt(source)?;
        Ok(Some((rows, parts.len() == self.progress.parts.len())))
    }
}
