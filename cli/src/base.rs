//! What a connection owns before the file, as `--base` tells it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::plan::{fold, groups_of};
use muster_core::recipient::{Desired, Recipient};
use muster_core::roster::{Hasher, Roster};
use muster_core::settings::{OnNew, Settings, Switches};

use crate::failure::Failure;
use crate::memory::{self, Changed, MAGIC, Memory, Spelled};
use crate::planning::{Made, Planning, Subject};
use crate::show::{issue_line, warn};
use crate::sink::Sink;

/// The secret of all rosters that this program writes and reads. It is fixed so that a roster saved today is a base
/// tomorrow; a connection in the cloud has its own, so rosters never move between the two.
pub(crate) const SEED: u64 = 0x4d55_5354_4552_0001;

/// How many issues of a base are told.
const TOLD: usize = 5;

const ALL_ON: Switches = Switches { adds: true, updates: true, deactivations: true, removals: true };

/// What is known of the people owned so far.
#[derive(Debug)]
enum People {
    /// Everything: they come from a file.
    Full(HashMap<UniqueId, Recipient>),
    /// What a saved roster remembers.
    Remembered(Memory),
}

/// What a connection owns before the file.
#[derive(Debug)]
pub(crate) struct Base {
    people: People,
    roster: File,
    /// The values of the grouping fields that have a group already.
    groups: Spelled,
    /// Data rows of the last file, unless it was damaged.
    pub(crate) rows: Option<u64>,
    /// How many people.
    pub(crate) owned: u64,
}

impl Base {
    /// Reads the file or roster that `--base` names.
    pub(crate) fn read(path: &Path, planning: &Planning<'_>) -> Result<Self, Failure> {
        if is_roster(path)? { Ok(Self::of_roster(path)?) } else { Self::of_file(path, planning) }
    }

    fn of_roster(path: &Path) -> anyhow::Result<Self> {
        let about = || format!("the roster {} cannot be used; give the last file as the base instead", path.display());
        let file = File::open(path).with_context(about)?;
        let (roster, groups, memory) = memory::read(&file).with_context(about)?;
        let owned = memory.len() as u64;
        let mut base = Self { people: People::Remembered(memory), roster, groups, rows: None, owned };
        let profile = base.roster().with_context(about)?.profile;
        base.rows = profile.ended.map(|_| profile.rows);
        Ok(base)
    }

    /// Plans the old file as a first run: what it would add is what the connection owns.
    fn of_file(path: &Path, planning: &Planning<'_>) -> Result<Self, Failure> {
        // Whoever the old file holds counts as owned, however new people come in.
        let settings = Settings { on_new: OnNew::Add, switches: ALL_ON, ..planning.settings.clone() };
        let planning = Planning { settings: &settings, ..*planning };
        let mut sink = Sink::collecting();
        let roster = tempfile::tempfile().context("a temporary file")?;
        let made = planning.make(&Subject { path, base: None }, &mut sink, Some(&roster))?;
        tell(path, &made);
        let people = sink.into_people();
        let mut groups = Spelled::new();
        people.values().for_each(|recipient| note_groups(&mut groups, recipient, &settings));
        let owned = people.len() as u64;
        let rows = (!made.damaged).then_some(made.summary.tally.rows);
        Ok(Self { people: People::Full(people), roster, groups, rows, owned })
    }

    /// The roster, to compare a file with.
    pub(crate) fn roster(&self) -> anyhow::Result<Roster<'static>> {
        let mut file = self.roster.try_clone()?;
        file.rewind()?;
        Ok(Roster::read(file, Hasher::new(SEED))?)
    }

    /// What is stored of a person of the new file.
    pub(crate) fn stored(&self, desired: &Desired) -> Option<Recipient> {
        match &self.people {
            People::Full(people) => people.get(&desired.unique_id).cloned(),
            People::Remembered(memory) => memory.stored(desired),
        }
    }

    /// What is stored of a person who is absent from the new file.
    pub(crate) fn stored_absent(&self, id: &UniqueId) -> Option<Recipient> {
        match &self.people {
            People::Full(people) => people.get(id).cloned(),
            People::Remembered(memory) => memory.stored_absent(id),
        }
    }

    /// The values of the grouping fields that have a group already.
    pub(crate) fn known_values(&self) -> BTreeMap<Field, BTreeSet<String>> {
        self.groups.iter().map(|(field, values)| (*field, values.values().cloned().collect())).collect()
    }
}

/// What is to be saved for a later `--base`.
#[derive(Debug, Default)]
pub(crate) struct After {
    changed: Changed,
    groups: Spelled,
}

impl After {
    /// Starts with what the base has.
    pub(crate) fn of(base: Option<&Base>) -> Self {
        let mut after = Self { groups: base.map(|base| base.groups.clone()).unwrap_or_default(), ..Self::default() };
        if let Some(People::Full(people)) = base.map(|base| &base.people) {
            people.values().for_each(|recipient| after.changed.stored(recipient, None));
        }
        after
    }

    /// The person is stored so.
    pub(crate) fn stored(&mut self, recipient: &Recipient, base: Option<&Base>, settings: &Settings) {
        self.changed.stored(recipient, base.and_then(remembered));
        note_groups(&mut self.groups, recipient, settings);
    }

    /// The person is removed.
    pub(crate) fn removed(&mut self, id: &UniqueId) {
        self.changed.removed(id);
    }

    /// Writes it behind the roster.
    pub(crate) fn write(&self, file: &File, base: Option<&Base>) -> anyhow::Result<()> {
        memory::finish(file, &self.groups, base.and_then(remembered), &self.changed)
    }
}

fn remembered(base: &Base) -> Option<&Memory> {
    match &base.people {
        People::Full(_) => None,
        People::Remembered(memory) => Some(memory),
    }
}

fn note_groups(groups: &mut Spelled, recipient: &Recipient, settings: &Settings) {
    for group in groups_of(recipient, settings) {
        let Some(field) = group.field.filter(|_| group.value != memory::NOT_KNOWN) else { continue };
        let spelled = groups.entry(field).or_default().entry(fold(&group.value)).or_insert_with(|| group.value.clone());
        // One spelling of each, whatever the order of people.
        if group.value < *spelled {
            *spelled = group.value;
        }
    }
}

/// Tells of the base's own issues: they do not stop the plan.
fn tell(path: &Path, made: &Made) {
    made.issues.iter().take(TOLD).for_each(|issue| warn(&format!("in the base: {}", issue_line(path, issue))));
    if made.issues.len() > TOLD {
        warn(&format!("in the base: {} more issues; muster validate shows them", made.issues.len() - TOLD));
    }
    if made.damaged {
        warn("the base is damaged: only what could be read of it counts as owned");
    }
}

fn is_roster(path: &Path) -> anyhow::Result<bool> {
    let about = || format!("the base {}", path.display());
    let mut start = Vec::new();
    let mut file = File::open(path).with_context(about)?;
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).with_context(about)?;
    if start.starts_with(b"MUSTERR") {
        anyhow::bail!("{}: rosters of the cloud cannot be read here; give the last file as the base", about());
    }
    Ok(start.starts_with(&MAGIC[..7]))
}
