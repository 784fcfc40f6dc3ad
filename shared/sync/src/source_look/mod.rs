//! Looking at what a connection's source offers: its last file, its last listing, one page fetched now, or a sample.
//! Nothing is stored, and no look shows a person's data.

mod open;

use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;

use muster_connectors::{Person, Scope};
use muster_core::field::Field;
use muster_core::file::Keys;
use muster_core::ids::RunId;
use muster_core::issue::Issue;
use muster_core::look::{ColumnLook, Columns};

use self::open::{Body, Handed, open_text};
use crate::import::{foreign, keys_of};
use crate::poll::{LastListing, cells, last_listing};
use crate::reach::{Reach, Source, Trouble};
use crate::{Cause, Clock, Connection, Ledger, Objects, PortError, Run, Secrets, Web, settings_of};

pub(crate) use self::open::{OpenSource, last_file};

pub(crate) const NO_FILE: &str = "no file has come yet: upload one, or look at a sample";
pub(crate) const NO_LISTING: &str =
    "no listing is there to look at: let the connection fetch one (sync now) and try again";
pub(crate) const GONE: &str = "the last file is no longer stored: upload it again";
pub(crate) const TOO_LARGE: &str =
    "the last file is too large to be looked at here: look at the beginning of it as a sample";
const NO_API: &str = "the connection takes files: there is no provider to ask";

/// The largest file that is looked at, in bytes as uploaded.
pub(crate) const LARGEST: u64 = 256 << 20;
/// Rows that are looked at for shapes.
const LOOKED_AT: u64 = 5_000;
/// Requests that one page of a provider may take: some tell a person in three.
const STEPS: usize = 8;

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum NotLooked {
    /// There is no source (any more); says what to do.
    #[error("{0}")]
    NoSource(&'static str),
    /// The file cannot be opened.
    #[error("the file cannot be read")]
    Unreadable(Vec<Issue>),
    /// The provider did not answer as it should; says what it said, without data.
    #[error("{0}")]
    Provider(String),
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// What it is.
    pub kind: LookKind,
    /// The file's name, or the connector's id.
    pub name: String,
    /// The run it came with.
    pub run: Option<RunId>,
    /// When it came, or when fetching it began, in milliseconds since 1970; `None` of a sample.
    pub at_ms: Option<i64>,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookKind {
    /// The last file.
    File,
    /// The last listing of everybody.
    Listing,
    /// A page fetched now.
    Live,
    /// A text that somebody gave.
    Sample,
}

impl LookedAt {
    pub(crate) fn file(run: &Run) -> Self {
        let (kind, at_ms) = (LookKind::File, Some(run.received_ms));
        Self { kind, name: run.source.clone(), run: Some(run.id.clone()), at_ms }
    }

    pub(crate) fn listing(last: &LastListing) -> Self {
        let (kind, at_ms) = (LookKind::Listing, Some(last.began_ms()));
        Self { kind, name: last.run.source.clone(), run: Some(last.run.id.clone()), at_ms }
    }
}

/// What a source offers.
#[derive(Debug)]
pub struct SourceLook {
    /// What was looked at; `None` where only the connector's own list of columns is known.
    pub looked_at: Option<LookedAt>,
    /// Rows looked at.
    pub rows: u64,
    /// Rows that could not be read.
    pub unread: u64,
    /// Whether these are all rows.
    pub complete: bool,
    /// Columns in the source's order.
    pub columns: Vec<SourceColumn>,
    /// Mapped fields whose column is not there.
    pub missing: Vec<Field>,
    /// What was found on opening the file; quotes nobody.
    pub issues: Vec<Issue>,
}

/// A column of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    /// What it holds.
    pub look: ColumnLook,
    /// Whether its values were looked at; `false` of a provider's column that was not fetched.
    pub fetched: bool,
}

/// Looks at sources.
#[derive(Debug)]
pub struct Looker<'a, L, O, S, W, C> {
    /// Runs.
    pub ledger: &'a L,
    /// Files and listings; read only.
    pub objects: &'a O,
    /// Credentials, for a page fetched now.
    pub secrets: &'a S,
    /// The sender of requests.
    pub web: &'a W,
    /// The time.
    pub clock: &'a C,
    /// When looking ends, in milliseconds since 1970.
    pub until_ms: i64,
}

impl<L: Ledger, O: Objects, S: Secrets, W: Web, C: Clock> Looker<'_, L, O, S, W, C> {
    /// What the last file or the last listing offers. Of a provider that was never listed: the columns it is known to
    /// offer.
    ///
    /// # Errors
    /// [`NotLooked`].
    pub async fn source(&self, connection: &Connection) -> Result<SourceLook, NotLooked> {
        let Some(source) = Source::of(connection)? else {
            return self.look(self.open_file(connection).await?);
        };
        let unknown = |source: &Source| known_columns(source, &[], &BTreeSet::new(), None, true);
        let Some(last) = last_listing(self.ledger, connection).await? else { return Ok(unknown(&source)) };
        let fetched: BTreeSet<String> = last.columns().iter().cloned().collect();
        let source = Source { columns: offered(&source, &fetched), ..source };
        let Some((rows, all)) = last.rows(self.objects, &source, 1).await? else { return Ok(unknown(&source)) };
        let few = rows.get(..LOOKED_AT as usize).unwrap_or(&rows);
        let all = all && few.len() == rows.len();
        Ok(known_columns(&source, few, &fetched, Some(LookedAt::listing(&last)), all))
    }

    /// What one page fetched now offers; nothing of it is stored.
    ///
    /// # Errors
    /// [`NotLooked`].
    pub async fn live(&self, connection: &Connection) -> Result<SourceLook, NotLooked> {
        let source = Source::of(connection)?.ok_or(NotLooked::NoSource(NO_API))?;
        let asked = offered(&source, &BTreeSet::new());
        let source = Source { columns: asked, ..source };
        let (people, all) = self.page(connection, &source).await?;
        let seen: BTreeSet<String> =
            people.iter().flat_map(|person| person.values.iter().map(|(path, _)| path.to_owned())).collect();
        let source = Source { columns: offered(&source, &seen), ..source };
        let cards: HashMap<_, _> = people.iter().map(|person| (person.id.clone(), person.card.clone())).collect();
        let rows: Vec<Vec<String>> = people.iter().map(|person| cells(person, &cards, &source)).collect();
        let fetched = source.columns.iter().cloned().collect();
        let name = source.connector.about().id.to_owned();
        let looked_at = LookedAt { kind: LookKind::Live, name, run: None, at_ms: Some(self.clock.now_ms()) };
        Ok(known_columns(&source, &rows, &fetched, Some(looked_at), all))
    }

    /// The people of the first page, and whether that is everybody.
    async fn page(&self, connection: &Connection, source: &Source) -> Result<(Vec<Person>, bool), NotLooked> {
        let mut reach = Reach::of(connection, source, (self.secrets, self.web, self.clock)).await?;
        let mut step = reach.with(|target| source.connector.first(target, &Scope::Full));
        for _ in 0..STEPS {
            let Some(now) = step else { return Ok((Vec::new(), true)) };
            let page = reach.ask(&now, self.until_ms).await.map_err(|trouble| match trouble {
                Trouble::Fault(fault) => NotLooked::Provider(fault.to_string()),
                Trouble::Port(error) => NotLooked::Port(error),
            })?;
            if !page.people.is_empty() {
                return Ok((page.people, page.next.is_none()));
            }
            step = page.next;
        }
        Ok((Vec::new(), false))
    }

    /// The last file or listing, open at its first row.
    pub(crate) async fn open(&self, connection: &Connection) -> Result<OpenSource, NotLooked> {
        let Some(source) = Source::of(connection)? else { return self.open_file(connection).await };
        let last = last_listing(self.ledger, connection).await?.ok_or(NotLooked::NoSource(NO_LISTING))?;
        let rows = last.rows(self.objects, &source, usize::MAX).await?;
        let (rows, all) = rows.ok_or(NotLooked::NoSource(NO_LISTING))?;
        let Source { settings, mapping, columns, .. } = source;
        let (looked_at, body) = (LookedAt::listing(&last), Body::Listing(rows, all));
        Ok(OpenSource { looked_at, settings, mapping, header: columns, body, issues: Vec::new() })
    }

    async fn open_file(&self, connection: &Connection) -> Result<OpenSource, NotLooked> {
        let run = last_file(self.ledger, connection).await?.ok_or(NotLooked::NoSource(NO_FILE))?;
        let Cause::File { key, version, size, .. } = &run.cause else { return Err(NotLooked::NoSource(NO_FILE)) };
        if *size > LARGEST {
            return Err(NotLooked::NoSource(TOO_LARGE));
        }
        let fetched = self.objects.fetch(key, Some(version)).await?.ok_or(NotLooked::NoSource(GONE))?;
        if let Some(why) = foreign(&fetched, key) {
            return Err(NotLooked::NoSource(why));
        }
        let keys = keys_of(self.objects, connection).await?;
        open_text(settings_of(connection)?, fetched.file, &keys, LookedAt::file(&run))
    }

    fn look(&self, open: OpenSource) -> Result<SourceLook, NotLooked> {
        look(open, &|| self.clock.now_ms() <= self.until_ms)
    }
}

/// What a text offers, as the connection's next file; nothing of it is stored.
///
/// # Errors
/// [`NotLooked::Unreadable`] when it is no file of people.
pub fn sample_look(connection: &Connection, text: &str) -> Result<SourceLook, NotLooked> {
    let looked_at = LookedAt { kind: LookKind::Sample, name: "sample".to_owned(), run: None, at_ms: None };
    let settings = match Source::of(connection)? {
        Some(source) => source.settings,
        None => settings_of(connection)?,
    };
    let open = open_text(settings, Cursor::new(text.as_bytes().to_vec()), &Keys::none(), looked_at)?;
    look(open, &|| true)
}

fn look(open: OpenSource, in_time: &dyn Fn() -> bool) -> Result<SourceLook, NotLooked> {
    let OpenSource { looked_at, mapping, header, mut body, issues, .. } = open;
    let (bound, _) = mapping.bind(&header);
    let mut columns = Columns::of(&header, Some(&bound));
    let handed = body.each(LOOKED_AT, in_time, &mut |cells| columns.row(cells))?;
    let columns = columns.finish().into_iter().map(|look| SourceColumn { look, fetched: true }).collect();
    let missing = bound.fields_without_column();
    let Handed { rows, unread, complete } = handed;
    Ok(SourceLook { looked_at: Some(looked_at), rows, unread, complete, columns, missing, issues })
}

/// The columns that a connector is known to offer, then the mapped ones, then others that were seen.
fn offered(source: &Source, seen: &BTreeSet<String>) -> Vec<String> {
    let about = source.connector.about();
    let known = about.ids.iter().chain([&about.status.0]).chain(about.columns).map(|column| (*column).to_owned());
    let mut columns: Vec<String> = Vec::new();
    for column in known.chain(source.columns.iter().cloned()).chain(seen.iter().cloned()) {
        if !column.ends_with('*') && !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// A look at a provider's rows, whose cells are in the order of the source's columns.
fn known_columns(
    source: &Source,
    rows: &[Vec<String>],
    fetched: &BTreeSet<String>,
    looked_at: Option<LookedAt>,
    all: bool,
) -> SourceLook {
    let header = if looked_at.is_some() { source.columns.clone() } else { offered(source, &BTreeSet::new()) };
    let (bound, _) = source.mapping.bind(&header);
    let mut columns = Columns::of(&header, Some(&bound));
    rows.iter().for_each(|row| columns.row(row));
    let looked = columns.rows();
    let column = |look: ColumnLook| SourceColumn { fetched: fetched.contains(&look.name), look };
    SourceLook {
        looked_at,
        rows: looked,
        unread: 0,
        complete: all,
        columns: columns.finish().into_iter().map(column).collect(),
        missing: bound.fields_without_column(),
        issues: Vec::new(),
    }
}
