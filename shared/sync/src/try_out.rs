//! Trying settings out: the plan that they would make of the last source, before anybody saves them.
//!
//! The real planner plans, over ports that write nothing: no run is opened, no lease is taken, nothing is sent.

use muster_core::issue::Issue;
use muster_core::plan::{Change, ChunkReader, Summary, summary_from_json};

use crate::import::{Hurry, Importer, NoQueue, Planned, Rehearsal, Unplanned, Verdict, foreign, refused_by_name};
use crate::plan_store::{chunk_key, summary_key, unpacked};
use crate::poll::last_listing;
use crate::reach::Source;
use crate::source_look::{GONE, LARGEST, LookedAt, NO_FILE, NO_LISTING, NotLooked, TOO_LARGE, last_file};
use crate::stored_issues::StoredIssues;
use crate::{
    Cause, Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Run, RunCounts, RunState, settings_of,
};

/// Changes that are shown of a trial's plan.
const SHOWN: usize = 100;

/// Tries settings out.
#[derive(Debug)]
pub struct TryOut<'a, L, D, O, C> {
    /// Runs and group values; read only.
    pub ledger: &'a L,
    /// Recipients; read only.
    pub directory: &'a D,
    /// Files, listings and rosters; read only.
    pub objects: &'a O,
    /// The time.
    pub clock: &'a C,
    /// When a trial is given up, in milliseconds since 1970.
    pub until_ms: i64,
}

/// What a trial came to.
#[derive(Debug)]
pub struct Trial {
    /// The source it was made against.
    pub source: LookedAt,
    /// What became of it.
    pub tried: TriedOut,
}

/// What the planner made of a source.
#[derive(Debug)]
pub enum TriedOut {
    /// A plan.
    Planned(Box<TriedPlan>),
    /// None: the source could not be planned with these settings.
    Refused {
        /// Why, for people.
        reason: String,
        /// What was found.
        issues: Vec<Issue>,
    },
    /// The time was up after so many people were looked up.
    TimeUp {
        /// People of the source who were looked up.
        people: u64,
    },
}

/// The plan that settings would make.
#[derive(Debug)]
pub struct TriedPlan {
    /// What it adds up to; its hash is the one that the real plan would have.
    pub summary: Summary,
    /// The counts that lists of runs show.
    pub counts: RunCounts,
    /// The gates that would hold it.
    pub held: Vec<String>,
    /// What was found in the source.
    pub issues: StoredIssues,
    /// The first 100 changes, in the plan's order.
    pub changes: Vec<Change>,
    /// Whether there are more changes.
    pub more: bool,
    /// Mapped columns that the last listing was not asked for: what is stored under their fields seems to stay.
    pub not_fetched: Vec<String>,
}

impl<L: Ledger + Documents, D: Directory, O: Objects, C: Clock> TryOut<'_, L, D, O, C> {
    /// The plan that the connection's settings make of its last file or listing. Give a connection with other settings
    /// to try those.
    ///
    /// # Errors
    /// [`NotLooked`].
    pub async fn try_out(&self, connection: &Connection) -> Result<Trial, NotLooked> {
        match Source::of(connection)? {
            Some(source) => self.try_listing(connection, &source).await,
            None => self.try_file(connection).await,
        }
    }

    async fn try_file(&self, connection: &Connection) -> Result<Trial, NotLooked> {
        let settings = settings_of(connection)?;
        let run = last_file(self.ledger, connection).await?.ok_or(NotLooked::NoSource(NO_FILE))?;
        let source = LookedAt::file(&run);
        let refused = |Unplanned { reason, issues, .. }| Trial {
            source: source.clone(),
            tried: TriedOut::Refused { reason: reason.into_owned(), issues },
        };
        let Cause::File { key, version, size, .. } = &run.cause else { return Err(NotLooked::NoSource(NO_FILE)) };
        if let Some(unplanned) = refused_by_name(&run, &settings, false) {
            return Ok(refused(unplanned));
        }
        if *size > LARGEST {
            return Err(NotLooked::NoSource(TOO_LARGE));
        }
        let fetched = self.objects.fetch(key, Some(version)).await?.ok_or(NotLooked::NoSource(GONE))?;
        if let Some(why) = foreign(&fetched, key) {
            return Err(NotLooked::NoSource(why));
        }
        let (objects, hurry) = self.rehearse();
        let importer = self.importer(&objects, &hurry);
        let run = as_received(&run, connection);
        let tried = match importer.plan_file(&run, connection, &settings, fetched).await {
            Ok(Ok(planned)) => TriedOut::Planned(Box::new(tried_plan(&objects, planned, Vec::new())?)),
            Ok(Err(unplanned)) => return Ok(refused(unplanned)),
            Err(error) => time_up(&hurry, error)?,
        };
        Ok(Trial { source, tried })
    }

    async fn try_listing(&self, connection: &Connection, source: &Source) -> Result<Trial, NotLooked> {
        let last = last_listing(self.ledger, connection).await?.ok_or(NotLooked::NoSource(NO_LISTING))?;
        let (objects, hurry) = self.rehearse();
        let listing = last.listing(self.objects, connection, source).await?.ok_or(NotLooked::NoSource(NO_LISTING))?;
        let not_fetched = source.columns.iter().filter(|column| !last.columns().contains(column)).cloned().collect();
        let importer = self.importer(&objects, &hurry);
        let run = as_received(&last.run, connection);
        let tried = match importer.plan_listing(&run, connection, source, listing).await {
            Ok(Verdict::Planned(planned)) => TriedOut::Planned(Box::new(tried_plan(&objects, *planned, not_fetched)?)),
            // A listing that counts as looked through twice is never looked through again.
            Ok(Verdict::LookAgain(_)) => return Err(NotLooked::NoSource(NO_LISTING)),
            Err(error) => time_up(&hurry, error)?,
        };
        Ok(Trial { source: LookedAt::listing(&last), tried })
    }

    fn rehearse(&self) -> (Rehearsal<'_, O>, Hurry<'_, D, C>) {
        (Rehearsal::over(self.objects), Hurry::over(self.directory, self.clock, self.until_ms))
    }

    fn importer<'p>(
        &'p self,
        objects: &'p Rehearsal<'p, O>,
        directory: &'p Hurry<'p, D, C>,
    ) -> Importer<'p, L, Hurry<'p, D, C>, Rehearsal<'p, O>, NoQueue, C> {
        Importer { ledger: self.ledger, directory, objects, queue: &NoQueue, clock: self.clock }
    }
}

/// The run as it was before anything was planned: the trial's plan says of it what the real one would.
fn as_received(run: &Run, connection: &Connection) -> Run {
    Run {
        state: RunState::Received,
        ..Run::received(connection, run.id.clone(), run.cause.clone(), run.source.clone(), run.received_ms)
    }
}

fn time_up<D: Directory, C: Clock>(hurry: &Hurry<'_, D, C>, error: PortError) -> Result<TriedOut, NotLooked> {
    if hurry.is_late.get() { Ok(TriedOut::TimeUp { people: hurry.looked_up.get() }) } else { Err(error.into()) }
}

fn tried_plan<O: Objects>(
    objects: &Rehearsal<'_, O>,
    planned: Planned,
    not_fetched: Vec<String>,
) -> Result<TriedPlan, PortError> {
    let unreadable = |detail: String| PortError::never("read the trial's plan", detail);
    let prefix = &planned.plan.prefix;
    let summary = objects.written(&summary_key(prefix)).unwrap_or_default();
    let summary = summary_from_json(&summary).map_err(|e| unreadable(e.to_string()))?;
    let mut changes = Vec::new();
    let mut more = planned.plan.chunks > 1;
    if let Some(packed) = objects.written(&chunk_key(prefix, 0)) {
        let chunk = unpacked(&packed)?;
        for change in ChunkReader::new(&chunk).map_err(|e| unreadable(e.to_string()))? {
            let change = change.map_err(|e| unreadable(e.to_string()))?;
            // Whoever is only grouped anew does not change.
            if change.old == change.new {
                continue;
            }
            if changes.len() == SHOWN {
                more = true;
                break;
            }
            changes.push(change);
        }
    }
    let Planned { counts, held, issues, .. } = planned;
    Ok(TriedPlan { summary, counts, held, issues, changes, more, not_fetched })
}
