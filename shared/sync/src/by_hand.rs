//! What people change by hand about single recipients: a plan of one, written at once, like everything else.
//!
//! A field that the connection's source fills is locked: only the sync edits it. In a connection of uploads, and in one
//! that was deleted while its people were kept, nothing is.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::by_hand::{Given, Said, Wish, Wrong, change, checked, wrong_id};
use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};
use muster_core::plan::{Change, ChangeKind, MAX_ITEM_BYTES, recipient_size};
use muster_core::recipient::Recipient;
use muster_core::settings::Settings;

use crate::erase::Erased;
use crate::import::Importer;
use crate::log;
use crate::reach::Source;
use crate::{
    Applier, ApplyJob, Cause, Claim, Clock, Connection, ConnectionStatus, Directory, Documents, Handwork, Ledger,
    Objects, Opened, PortError, Queue, Run, RunState, TakeLease, settings_of,
};

/// The connector of connections that people fill themselves: by files through the API, or by hand.
const UPLOAD: &str = "upload";

/// Carries out edits.
#[derive(Debug)]
pub struct ByHand<'a, L, D, O, Q, C> {
    /// Connections, runs and tombstones.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Plans.
    pub objects: &'a O,
    /// To `apply`, which goes on where this breaks off.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

/// What is to be done with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Makes them, or replaces all their fields.
    Put(BTreeMap<String, Given>),
    /// Changes these fields.
    Patch(BTreeMap<String, Given>),
    /// Removes them.
    Remove,
}

/// An edit that can be carried out.
#[derive(Debug)]
pub struct Prepared {
    connection: Connection,
    unique_id: UniqueId,
    wish: Wish,
    /// What it comes to as things stand.
    pub done: Done,
    /// The fields that it is about.
    pub fields: Vec<Field>,
}

/// What an edit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The person was made, or taken back after a removal.
    Created,
    /// The person was changed.
    Changed,
    /// The person was removed.
    Removed,
    /// The person is so already.
    Unchanged,
}

/// An edit that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// What it came to.
    pub done: Done,
    /// The run that did it; `None` where nothing was to be done.
    pub run: Option<RunId>,
}

/// Why an edit was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum NotEdited {
    /// There is no such person.
    #[error("no such person")]
    Unknown,
    /// People of this connection come and go with their source only.
    #[error("people of {connection} come and go with their source; make people by hand in a connection of uploads")]
    NotByHand {
        /// The connection's name.
        connection: String,
    },
    /// The source fills this field.
    #[error("{} is filled by {connection}, so only its sync may change it; change it there", field.name())]
    Locked {
        /// The field.
        field: Field,
        /// The connection's name.
        connection: String,
    },
    /// Values that cannot be taken.
    #[error("values cannot be taken")]
    Values(Wrong),
    /// The person was erased.
    #[error("the person was erased; lift the erasure first")]
    Erased,
    /// A plan of the connection is being made or applied.
    #[error("a plan of this connection is being made or applied; ask again in a minute")]
    Busy,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Who edits, in which request, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Editor<'e> {
    /// Role and user.
    pub user: &'e str,
    /// Names the request: the same again is carried out once.
    pub request: &'e str,
    /// When whoever carries it out is ended, in milliseconds since 1970.
    pub deadline_ms: i64,
}

/// The fields that only the connection's sync may edit; `None` where nothing is locked.
///
/// # Errors
/// [`crate::Retry::Never`] when the stored settings cannot be read.
pub fn locked_fields(connection: &Connection) -> Result<Option<BTreeSet<Field>>, PortError> {
    let settings = settings_of(connection)?;
    if settings.connector == UPLOAD || connection.status == ConnectionStatus::Deleted {
        return Ok(None);
    }
    let settings = Source::of(connection)?.map_or(settings, |source| source.settings);
    // A sync decides about the status of whoever it reads, mapped or not.
    let fixed = [Field::UNIQUE_ID, Field::EMPLOYMENT_STATUS];
    Ok(Some(settings.fields.into_keys().chain(fixed).collect()))
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> ByHand<'_, L, D, O, Q, C> {
    /// Looks whether an edit can be carried out, and changes nothing.
    ///
    /// # Errors
    /// [`NotEdited`].
    pub async fn prepare(
        &self,
        connection: &Connection,
        unique_id: &UniqueId,
        edit: &Edit,
    ) -> Result<Prepared, NotEdited> {
        let settings = settings_of(connection)?;
        let stored = self.stored(connection, unique_id).await?;
        if stored.is_none() && !matches!(edit, Edit::Put(_)) {
            return Err(NotEdited::Unknown);
        }
        let locked = locked_fields(connection)?;
        let wish = wish(edit, &settings, locked.as_ref())?;
        if stored.is_none() {
            if let Some(problem) = wrong_id(unique_id) {
                return Err(NotEdited::Values(vec![(Field::UNIQUE_ID.name().to_owned(), problem)]));
            }
            if Erased::of(self.ledger, connection).await?.has(unique_id) {
                return Err(NotEdited::Erased);
            }
        }
        let change = change(unique_id, stored.as_ref(), &wish);
        fits(change.as_ref())?;
        let fields = match &wish {
            Wish::Be(said) | Wish::Change(said) => said.cells.iter().map(|(field, _)| *field).collect(),
            Wish::Go => Vec::new(),
        };
        let (connection, unique_id) = (connection.clone(), unique_id.clone());
        Ok(Prepared { connection, unique_id, wish, done: done_by(change.as_ref()), fields })
    }

    /// Carries a prepared edit out: planned under the connection's lease, written, finished. What a crash leaves behind
    /// is gone on with by `apply`, or by asking again.
    ///
    /// # Errors
    /// [`NotEdited`].
    pub async fn carry_out(&self, prepared: &Prepared, editor: Editor<'_>) -> Result<Edited, NotEdited> {
        let Prepared { connection, unique_id, wish, .. } = prepared;
        let what = if *wish == Wish::Go { Handwork::Remove } else { Handwork::Edit };
        let run = self.run(connection, what, editor);
        let leased = self.lease(&run, editor).await?;
        let stored = self.stored(&leased, unique_id).await;
        let change = match stored.map(|stored| change(unique_id, stored.as_ref(), wish)) {
            Ok(Some(change)) => change,
            Ok(None) => {
                self.ledger.release_lease(&leased).await?;
                let before = self.ledger.run(&run.account, &run.connection, &run.id).await?;
                // Asked for a second time: the first time did it.
                return match before.filter(|before| before.plan.is_some()) {
                    Some(before) => self.write(before, editor.deadline_ms).await,
                    None => Ok(Edited { done: Done::Unchanged, run: None }),
                };
            }
            Err(error) => {
                let _ = self.ledger.release_lease(&leased).await;
                return Err(error.into());
            }
        };
        let run = self.plan(run, &leased, Some(&change)).await?;
        self.write(run, editor.deadline_ms).await
    }

    pub(crate) fn run(&self, connection: &Connection, what: Handwork, editor: Editor<'_>) -> Run {
        let id = hand_run_id(&connection.account, &connection.id, editor.request);
        let cause = Cause::ByHand { user: editor.user.to_owned(), what };
        Run::received(connection, id, cause, "by hand".to_owned(), self.clock.now_ms())
    }

    /// Takes the lease for a run that is not opened yet; nothing may be under way.
    pub(crate) async fn lease(&self, run: &Run, editor: Editor<'_>) -> Result<Connection, NotEdited> {
        let ask = TakeLease {
            connection: (&run.account, &run.connection),
            holder: &format!("{}#{}", run.id, editor.request),
            now_ms: self.clock.now_ms(),
            until_ms: editor.deadline_ms + LEASE_MARGIN_MS,
        };
        let Claim::Ours(connection) = self.ledger.take_lease(ask).await? else { return Err(NotEdited::Busy) };
        match connection.active.as_ref().filter(|active| **active != run.id) {
            None => Ok(*connection),
            Some(active) => {
                let reminded = self.importer().remind(&connection, active).await;
                self.ledger.release_lease(&connection).await?;
                reminded?;
                Err(NotEdited::Busy)
            }
        }
    }

    /// Plans under the lease and commits; answers the run as it stands then.
    pub(crate) async fn plan(
        &self,
        run: Run,
        connection: &Connection,
        change: Option<&Change>,
    ) -> Result<Run, NotEdited> {
        let planned = self.planned(&run, connection, change).await;
        if let Err(error) = planned {
            // Best effort: a lease that cannot be given back ends by itself.
            let _ = self.ledger.release_lease(connection).await;
            return Err(error.into());
        }
        let stored = self.ledger.run(&run.account, &run.connection, &run.id).await?;
        stored.ok_or(NotEdited::Busy)
    }

    async fn planned(&self, run: &Run, connection: &Connection, change: Option<&Change>) -> Result<(), PortError> {
        match self.ledger.open_run(run).await? {
            Opened::New => log::received(run),
            Opened::Existing(before) if before.state == RunState::Received => {}
            Opened::Existing(_) => return self.ledger.release_lease(connection).await,
        }
        log::name_run(&run.account, &run.connection, &run.id);
        let importer = self.importer();
        let planned = importer.plan_by_hand(run, connection, change).await?;
        importer.commit(run, connection, planned, None, None).await.map(|_| ())
    }

    /// Writes a committed plan here and now; `apply` has it too, and whoever is second finds it done.
    pub(crate) async fn write(&self, run: Run, deadline_ms: i64) -> Result<Edited, NotEdited> {
        let applier = Applier {
            ledger: self.ledger,
            directory: self.directory,
            objects: self.objects,
            queue: self.queue,
            clock: self.clock,
        };
        let chunks = run.plan.as_ref().map_or(0, |plan| plan.chunks);
        let job = ApplyJob {
            account: run.account.to_string(),
            connection: run.connection.to_string(),
            run: run.id.to_string(),
            fence: run.fence,
            chunk: (chunks > 0).then_some(0),
        };
        if run.state == RunState::Applying {
            applier.apply(&job, deadline_ms).await?;
        }
        let after = self.ledger.run(&run.account, &run.connection, &run.id).await?.unwrap_or(run);
        if after.conflicts > 0 || after.state != RunState::Applied {
            return Err(NotEdited::Busy);
        }
        Ok(Edited { done: done_of(&after), run: Some(after.id) })
    }

    async fn stored(&self, connection: &Connection, id: &UniqueId) -> Result<Option<Recipient>, PortError> {
        let mut stored = self.importer().stored(connection, std::slice::from_ref(id)).await?;
        Ok(stored.remove(id))
    }

    pub(crate) fn importer(&self) -> Importer<'_, L, D, O, Q, C> {
        Importer {
            ledger: self.ledger,
            directory: self.directory,
            objects: self.objects,
            queue: self.queue,
            clock: self.clock,
        }
    }
}

/// How long a lease outlives whoever holds it.
const LEASE_MARGIN_MS: i64 = 2_000;

/// The run of a request. Its id begins with `e-`, as that of every run of one person.
fn hand_run_id(account: &AccountId, connection: &ConnectionId, request: &str) -> RunId {
    crate::decide::single_run_id(&["by-hand", account.as_str(), connection.as_str(), request])
}

fn wish(edit: &Edit, settings: &Settings, locked: Option<&BTreeSet<Field>>) -> Result<Wish, NotEdited> {
    let not_by_hand = || NotEdited::NotByHand { connection: settings.name.clone() };
    match (edit, locked) {
        (Edit::Put(_) | Edit::Remove, Some(_)) => Err(not_by_hand()),
        (Edit::Remove, None) => Ok(Wish::Go),
        (Edit::Put(said), None) => Ok(Wish::Be(read(said, settings)?)),
        (Edit::Patch(said), locked) => {
            let named = said.keys().filter_map(|name| Field::by_name(name));
            let is_locked = |field: &Field| locked.is_some_and(|locked| locked.contains(field));
            match named.filter(|field| *field != Field::UNIQUE_ID).find(is_locked) {
                Some(field) => Err(NotEdited::Locked { field, connection: settings.name.clone() }),
                None => Ok(Wish::Change(read(said, settings)?)),
            }
        }
    }
}

fn read(said: &BTreeMap<String, Given>, settings: &Settings) -> Result<Said, NotEdited> {
    checked(said, settings).map_err(NotEdited::Values)
}

fn fits(change: Option<&Change>) -> Result<(), NotEdited> {
    let new = change.and_then(|change| change.new.as_ref());
    if new.is_some_and(|new| recipient_size(new) > MAX_ITEM_BYTES) {
        let problem = "the person's values are together larger than can be stored".to_owned();
        return Err(NotEdited::Values(vec![("fields".to_owned(), problem)]));
    }
    Ok(())
}

fn done_by(change: Option<&Change>) -> Done {
    match change.map(|change| change.kind) {
        None | Some(ChangeKind::Propose) => Done::Unchanged,
        Some(ChangeKind::Add) => Done::Created,
        Some(ChangeKind::Remove) => Done::Removed,
        Some(ChangeKind::Update | ChangeKind::Deactivate | ChangeKind::Reactivate) => Done::Changed,
    }
}

fn done_of(run: &Run) -> Done {
    match &run.counts {
        counts if counts.added > 0 => Done::Created,
        counts if counts.removed > 0 => Done::Removed,
        counts if counts.updated + counts.deactivated + counts.reactivated > 0 => Done::Changed,
        _ => Done::Unchanged,
    }
}
