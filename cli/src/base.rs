//! What a connection owns before the file, as `--base` tells it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::issue::Code;
use muster_core::plan::{fold, groups_of};
use muster_core::recipient::{Desired, Recipient, Values};
use muster_core::roster::{Entry, Hasher, Roster, RosterError};
use muster_core::settings::{OnAbsent, OnNew, Settings, Switches};
use muster_core::status::Status;

use crate::failure::Failure;
use crate::planning::{Planning, Subject};
use crate::show::{issue_line, warn};
use crate::sink::Sink;

/// The secret of all rosters that this program writes and reads. It is fixed so that a roster saved today is a base
/// tomorrow; a connection in the cloud has its own, so rosters never move between the two.
pub(crate) const SEED: u64 = 0x4d55_5354_4552_0001;

/// How many issues of a base are told.
const TOLD: usize = 5;

/// What is known of the people owned so far.
#[derive(Debug)]
pub(crate) enum People {
    /// Everything: they come from a file.
    Full(HashMap<UniqueId, Recipient>),
    /// What a roster remembers: hashes and statuses, by the unique id's hash.
    Hashed(HashMap<u64, Entry>),
}

/// What a connection owns before the file.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) people: People,
    /// The roster file, at its beginning.
    roster: File,
    /// Data rows of the last file, unless it was damaged.
    pub(crate) rows: Option<u64>,
    /// How many people.
    pub(crate) owned: u64,
}

/// What is stored of one person.
pub(crate) enum Stored {
    /// Nobody by that id.
    Nothing,
    /// The recipient.
    Recipient(Recipient),
    /// Only the status is known; the values may be any.
    Status(Status),
}

impl Base {
    /// Reads the file or roster that `--base` names.
    pub(crate) fn read(path: &Path, planning: &Planning<'_>) -> Result<Self, Failure> {
        if is_roster(path)? { Self::of_roster(path) } else { Self::of_file(path, planning) }
    }

    fn of_roster(path: &Path) -> Result<Self, Failure> {
        let about = || format!("the roster {}", path.display());
        let file = File::open(path).with_context(about)?;
        let read = |file: &File| -> anyhow::Result<_> {
            let roster = Roster::read(file.try_clone()?, Hasher::new(SEED)).map_err(|error| match error {
                RosterError::Foreign => anyhow::anyhow!(
                    "it was not saved by this program's --save-roster; give the last file as the base instead"
                ),
                error => error.into(),
            })?;
            let people = roster.entries().iter().map(|entry| (entry.key, *entry)).collect::<HashMap<_, _>>();
            Ok((people, roster.profile.rows, roster.profile.ended.is_some()))
        };
        let (people, rows, from_file) = read(&file).with_context(about)?;
        rewind(&file).with_context(about)?;
        let owned = people.len() as u64;
        Ok(Self { people: People::Hashed(people), roster: file, rows: from_file.then_some(rows), owned })
    }

    /// Plans the old file as a first run: what it would add is what the connection owns.
    fn of_file(path: &Path, planning: &Planning<'_>) -> Result<Self, Failure> {
        // Whoever the old file holds counts as owned, however new people come in.
        let settings = Settings { on_new: OnNew::Add, switches: ALL_ON, ..planning.settings.clone() };
        let planning = Planning { settings: &settings, ..*planning };
        let mut sink = Sink::collecting();
        let roster = tempfile::tempfile().context("a temporary file")?;
        let made = planning.make(&Subject { path, base: None }, &mut sink, Some(&roster))?;
        let errors = made.issues.iter().filter(|issue| issue.code != Code::NewValue);
        let (first, all) = (errors.clone().take(TOLD), errors.clone().count());
        first.for_each(|issue| warn(&format!("in the base: {}", issue_line(path, issue))));
        if all > TOLD {
            warn(&format!("in the base: {} more issues; see them with muster validate", all - TOLD));
        }
        rewind(&roster).context("a temporary file")?;
        let people = sink.into_people();
        let owned = people.len() as u64;
        Ok(Self {
            people: People::Full(people),
            roster,
            rows: (!made.damaged).then_some(made.summary.tally.rows),
            owned,
        })
    }

    /// The roster, to compare a file with.
    pub(crate) fn roster(&self) -> anyhow::Result<Roster<'static>> {
        rewind(&self.roster)?;
        Ok(Roster::read(self.roster.try_clone()?, Hasher::new(SEED))?)
    }

    /// Whether old values are known.
    pub(crate) fn knows_values(&self) -> bool {
        matches!(self.people, People::Full(_))
    }

    /// What is stored of a person of the new file.
    pub(crate) fn stored(&self, desired: &Desired, settings: &Settings) -> Stored {
        match &self.people {
            People::Full(people) => people.get(&desired.unique_id).cloned().map_or(Stored::Nothing, Stored::Recipient),
            People::Hashed(people) => {
                let hasher = Hasher::new(SEED);
                let Some(entry) = people.get(&hasher.key(desired.unique_id.as_str())) else { return Stored::Nothing };
                let status = stored_status(*entry, settings);
                let came_back = entry.flags().runs_absent() > 0 && entry.outcome == hasher.outcome(desired);
                if came_back && status == desired.status {
                    return Stored::Recipient(desired.over(None));
                }
                Stored::Status(status)
            }
        }
    }

    /// What is stored of a person who is absent from the new file.
    pub(crate) fn stored_absent(&self, id: &UniqueId, settings: &Settings) -> Option<Recipient> {
        match &self.people {
            People::Full(people) => people.get(id).cloned(),
            People::Hashed(people) => {
                let entry = people.get(&Hasher::new(SEED).key(id.as_str()))?;
                let status = stored_status(*entry, settings);
                Some(Recipient { unique_id: id.clone(), status, values: Values::new() })
            }
        }
    }

    /// The values of the grouping fields that have a group already; `None` where they are not known.
    pub(crate) fn known_values(&self, settings: &Settings) -> Option<BTreeMap<Field, BTreeSet<String>>> {
        let People::Full(people) = &self.people else { return None };
        let mut known: BTreeMap<Field, BTreeMap<String, String>> = BTreeMap::new();
        for group in people.values().flat_map(|recipient| groups_of(recipient, settings)) {
            let Some(field) = group.field else { continue };
            // One spelling of each, whatever the order of people.
            let spelled = known.entry(field).or_default().entry(fold(&group.value)).or_insert_with(|| group.value.clone());
            if group.value < *spelled {
                *spelled = group.value;
            }
        }
        let spelled = |values: BTreeMap<String, String>| values.into_values().collect();
        Some(known.into_iter().map(|(field, values)| (field, spelled(values))).collect())
    }
}

const ALL_ON: Switches = Switches { adds: true, updates: true, deactivations: true, removals: true };

/// The status in the directory: whoever was deactivated for being absent is inactive, whatever their row said last.
fn stored_status(entry: Entry, settings: &Settings) -> Status {
    let flags = entry.flags();
    let absent = settings.on_absent == OnAbsent::Deactivate && flags.runs_absent() > settings.absent_grace;
    if absent { Status::Inactive } else { flags.status() }
}

fn is_roster(path: &Path) -> anyhow::Result<bool> {
    let mut start = [0; 7];
    let mut file = File::open(path).with_context(|| format!("the base {}", path.display()))?;
    match file.read_exact(&mut start) {
        Ok(()) => Ok(&start == b"MUSTERR"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error).with_context(|| format!("the base {}", path.display())),
    }
}

fn rewind(mut file: &File) -> std::io::Result<()> {
    file.rewind()
}
