//! A source that is open at its first row.

use std::io::{Read, Seek};

use muster_core::file::{self, Keys, Limits, Unopened};
use muster_core::issue::Issue;
use muster_core::listing::Rows;
use muster_core::mapping::Mapping;
use muster_core::settings::Settings;

use super::{LookedAt, NotLooked};
use crate::{Cause, Connection, Ledger, PortError, Run, RunFilter, list_runs};

/// After so many rows the clock is asked.
const BETWEEN: u64 = 500;
/// Runs among which the last whole file is looked for.
const RECENT: u32 = 50;

/// A source that is open.
pub(crate) struct OpenSource {
    pub(crate) looked_at: LookedAt,
    /// As the pipeline means them.
    pub(crate) settings: Settings,
    pub(crate) mapping: Mapping,
    pub(crate) header: Vec<String>,
    pub(crate) body: Body,
    pub(super) issues: Vec<Issue>,
}

/// The rows of an open source.
pub(crate) enum Body {
    File(Box<Rows<'static>>),
    /// Cells, and whether these are all rows.
    Listing(Vec<Vec<String>>, bool),
}

/// How far rows were handed out.
pub(crate) struct Handed {
    pub(crate) rows: u64,
    pub(crate) unread: u64,
    pub(crate) complete: bool,
}

/// The newest file of a connection that came whole.
pub(crate) async fn last_file(ledger: &impl Ledger, connection: &Connection) -> Result<Option<Run>, PortError> {
    let filter = RunFilter { cause: Some("file"), ..RunFilter::default() };
    let connections = std::slice::from_ref(&connection.id);
    let page = list_runs(ledger, &connection.account, connections, filter, None, RECENT).await?;
    Ok(page.items.into_iter().find(|run| matches!(run.cause, Cause::File { partial: false, .. })))
}

/// Opens a file at its first row.
pub(super) fn open_text(
    settings: Settings,
    input: impl Read + Seek + Send + 'static,
    keys: &Keys,
    looked_at: LookedAt,
) -> Result<OpenSource, NotLooked> {
    let limits = Limits::default();
    let mapping = Mapping::compile(&settings).map_err(|e| PortError::never("read the mapping", e.to_string()))?;
    let mut file = match file::open(input, &settings.file, keys, &limits) {
        Ok(file) => file,
        Err(Unopened::Refused(issues)) => return Err(NotLooked::Unreadable(issues)),
        Err(Unopened::Io(e)) => return Err(PortError::later("read the file", e.to_string()).into()),
    };
    let (header, issues) = (file.header.clone(), std::mem::take(&mut file.issues));
    let body = Body::File(Box::new(Rows::of(file, &limits)));
    Ok(OpenSource { looked_at, settings, mapping, header, body, issues })
}

impl Body {
    /// Hands out rows until there are `most`, or no more, or the time is up.
    pub(crate) fn each(
        &mut self,
        most: u64,
        in_time: &dyn Fn() -> bool,
        take: &mut dyn FnMut(&[&str]),
    ) -> Result<Handed, PortError> {
        let mut rows = 0;
        let goes_on = |rows: u64| rows < most && (!rows.is_multiple_of(BETWEEN) || in_time());
        match self {
            Self::File(file) => {
                while goes_on(rows) {
                    match file.next_row().map_err(|e| PortError::later("read the file", e.to_string()))? {
                        Some(cells) => take(&cells),
                        None => return Ok(Handed { rows, unread: file.unread(), complete: !file.is_broken() }),
                    }
                    rows += 1;
                }
                Ok(Handed { rows, unread: file.unread(), complete: false })
            }
            Self::Listing(listed, all) => {
                for row in listed.iter() {
                    if !goes_on(rows) {
                        return Ok(Handed { rows, unread: 0, complete: false });
                    }
                    take(&row.iter().map(String::as_str).collect::<Vec<_>>());
                    rows += 1;
                }
                Ok(Handed { rows, unread: 0, complete: *all })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_the_time_is_up_the_rows_end_and_are_not_all() {
        let mut asked = 0;
        let mut body = Body::Listing(vec![vec!["x".to_owned()]; 3 * BETWEEN as usize], true);
        let clock = std::cell::Cell::new(0);
        let in_time = || clock.replace(clock.get() + 1) < 2;
        let handed = body.each(u64::MAX, &in_time, &mut |_| asked += 1).unwrap();
        assert_eq!((handed.rows, handed.complete, asked), (2 * BETWEEN, false, 2 * BETWEEN));
        let handed = body.each(u64::MAX, &|| true, &mut |_| ()).unwrap();
        assert_eq!((handed.rows, handed.complete), (3 * BETWEEN, true));
        let handed = body.each(7, &|| true, &mut |_| ()).unwrap();
        assert_eq!((handed.rows, handed.complete), (7, false));
    }
}
