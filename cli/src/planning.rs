//! From a file to a plan.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use anyhow::Context as _;
use muster_core::file::{self, Keys, Limits, OpenFile, Unopened};
use muster_core::ids::ConnectionId;
use muster_core::issue::{Code, Issue, Reach};
use muster_core::listing::{
    Absent, CompareInput, Comparison, Decisions, Proposed, Scratch, ScratchFile, Standing, compare,
};
use muster_core::mapping::Mapping;
use muster_core::plan::{Change, ChangeKind, Facts, MadeFrom, PlanBuilder, PlanHasher, Planned, Reason, Summary};
use muster_core::recipient::{Cell, Desired, Recipient, Value};
use muster_core::roster::{Hasher, fingerprint};
use muster_core::settings::Settings;
use muster_core::status::Status;

use crate::base::{Base, SEED, Stored};
use crate::failure::Failure;
use crate::progress::Followed;
use crate::sink::Sink;

/// What plans are made with.
#[derive(Clone, Copy)]
pub(crate) struct Planning<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) mapping: &'a Mapping,
    pub(crate) keys: &'a Keys,
}

/// What is planned, and against what. Without a base it is a first run: everybody is new.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) path: &'a Path,
    pub(crate) base: Option<&'a Base>,
}

/// A made plan.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) summary: Summary,
    /// By record.
    pub(crate) issues: Vec<Issue>,
    pub(crate) header: Vec<String>,
    pub(crate) damaged: bool,
}

/// Scratch files on disk.
struct DiskScratch;

impl Scratch for DiskScratch {
    fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
        Ok(Box::new(tempfile::tempfile()?))
    }
}

/// A plan while it is made.
struct Sheet<'a> {
    planning: Planning<'a>,
    base: Option<&'a Base>,
    builder: PlanBuilder<'a>,
    hasher: PlanHasher,
    decisions: Decisions,
    issues: Vec<Issue>,
    sink: &'a mut Sink,
}

impl Planning<'_> {
    /// Plans a file, hands its changes to the sink, and writes the roster that holds afterwards into `save`.
    pub(crate) fn make(&self, subject: &Subject<'_>, sink: &mut Sink, save: Option<&File>) -> Result<Made, Failure> {
        let (_bar, input) = Followed::open(subject.path)?;
        let limits = Limits::default();
        let unreadable = |issues| Failure::Unreadable { path: subject.path.to_owned(), issues };
        let mut file = match file::open(input, &self.settings.file, self.keys, &limits) {
            Ok(file) => file,
            Err(Unopened::Refused(issues)) => return Err(unreadable(issues)),
            Err(Unopened::Io(error)) => return Err(cannot_read(subject.path, error)),
        };
        let (bound, header_issues) = self.mapping.bind(&file.header);
        file.issues.extend(header_issues);
        if file.issues.iter().any(|issue| issue.code.reach() == Reach::Damage) {
            return Err(unreadable(file.issues));
        }
        let header = file.header.clone();
        let mut comparison = compare(CompareInput {
            fingerprint: self.form_of(&file),
            file,
            bound: &bound,
            roster: subject.base.map(Base::roster).transpose()?,
            hasher: Hasher::new(SEED),
            settings: &self.settings.file,
            limits: &limits,
            scratch: &DiskScratch,
            progress: &mut |_| {},
        })
        .map_err(|error| cannot_read(subject.path, error))?;
        self.plan(subject, &mut comparison, sink).and_then(|(summary, decisions, mut issues)| {
            issues.extend(comparison.issues().issues().iter().cloned());
            issues.sort_by_key(|issue| issue.place);
            let damaged = comparison.is_damaged();
            if let Some(save) = save {
                let out = BufWriter::with_capacity(1 << 18, save);
                comparison.next_roster(&decisions, out, &DiskScratch).context("the roster cannot be written")?;
            }
            Ok(Made { summary, issues, header, damaged })
        })
    }

    fn plan(
        &self,
        subject: &Subject<'_>,
        comparison: &mut Comparison<'_>,
        sink: &mut Sink,
    ) -> Result<(Summary, Decisions, Vec<Issue>), Failure> {
        // A roster does not tell the values that have groups already, so nothing is said of groups.
        let without_groups;
        let knows = subject.base.is_none_or(Base::knows_values);
        let settings = if knows {
            self.settings
        } else {
            without_groups = Settings { group_by: Vec::new(), ..self.settings.clone() };
            &without_groups
        };
        let mut sheet = Sheet {
            planning: Planning { settings, ..*self },
            base: subject.base,
            builder: PlanBuilder::new(settings, facts(subject.base, comparison, settings)),
            hasher: hasher(settings, subject.path)?,
            decisions: Decisions::default(),
            issues: Vec::new(),
            sink,
        };
        sheet.begin(comparison);
        for person in comparison.proposed()? {
            sheet.person(person?)?;
        }
        match comparison.complete() {
            Some(proof) => {
                for absent in comparison.absent(&proof)? {
                    sheet.absent(&absent)?;
                }
            }
            None => sheet.builder.kept_absent(comparison.counts().absent),
        }
        let Sheet { builder, hasher, decisions, issues, .. } = sheet;
        Ok((builder.finish(hasher.finish()), decisions, issues))
    }

    /// What of a file the hashes of its records depend on.
    fn form_of(&self, file: &OpenFile<'_>) -> [u8; 16] {
        let groups: Vec<_> = self.settings.group_by.iter().map(|field| field.name()).collect();
        fingerprint(&file.header, file.delimiter, &self.mapping.fingerprint(), &groups.join(","))
    }
}

impl Sheet<'_> {
    fn begin(&mut self, comparison: &Comparison<'_>) {
        let found = comparison.counts();
        self.builder.rows(found.rows);
        self.builder.unchanged(found.known + found.cosmetic);
        self.builder.flagged(found.flagged);
        comparison.issues().counts().for_each(|(code, count)| self.builder.issue(code, count));
    }

    fn person(&mut self, person: Proposed) -> Result<(), Failure> {
        let Proposed { standing, desired, place } = person;
        let stored = match (standing, self.base) {
            (Standing::Known, Some(base)) => base.stored(&desired, self.planning.settings),
            _ => Stored::Nothing,
        };
        let was_stored = !matches!(stored, Stored::Nothing);
        let (decided, values_known) = match stored {
            Stored::Nothing => (self.builder.person(&desired, None), true),
            Stored::Recipient(recipient) => (self.builder.person(&desired, Some(&recipient)), true),
            Stored::Status(status) => (self.changed(&desired, status), false),
        };
        if decided.too_large {
            let message = "the person's values are together larger than can be stored; the person stays as stored";
            let mut issue = Issue::at(Code::RecipientTooLarge, place, message);
            issue.unique_id = Some(desired.unique_id.clone());
            self.issues.push(issue);
        }
        let in_directory = decided.change.is_some() || was_stored;
        self.take(&desired.unique_id, &decided, in_directory, values_known)
    }

    /// Somebody whose row says something else than it did, when what it said is not known.
    fn changed(&mut self, desired: &Desired, status: Status) -> Planned {
        let settings = self.planning.settings;
        let mut same = Recipient { status, ..desired.over(None) };
        if status != desired.status || !settings.import.takes(desired.status) {
            return self.builder.person(desired, Some(&same));
        }
        if settings.switches.updates {
            let (old, new) = (Some(same.clone()), Some(same));
            let unique_id = desired.unique_id.clone();
            let change = Change { kind: ChangeKind::Update, reason: Reason::Source, unique_id, old, new };
            self.builder.count(&change);
            return Planned { change: Some(change), ..Planned::default() };
        }
        // Any difference does: the change is left out as switched off, whatever it is.
        match desired.cells.iter().find(|(_, cell)| *cell != Cell::Keep) {
            Some((field, Cell::Set(_))) => drop(same.values.remove(field)),
            Some((field, _)) => drop(same.values.insert(*field, Value::One("not known".to_owned()))),
            None => {}
        }
        self.builder.person(desired, Some(&same))
    }

    fn absent(&mut self, absent: &Absent) -> Result<(), Failure> {
        let id = &absent.unique_id;
        let stored = self.base.and_then(|base| base.stored_absent(id, self.planning.settings));
        let Some(stored) = stored else {
            self.decisions.removed(id);
            return Ok(());
        };
        let decided = self.builder.absent(&stored, absent.runs_absent);
        self.take(id, &decided, true, true)
    }

    fn take(
        &mut self,
        id: &muster_core::ids::UniqueId,
        decided: &Planned,
        in_directory: bool,
        values_known: bool,
    ) -> Result<(), Failure> {
        let Some(change) = &decided.change else {
            if decided.switched_off.is_some() || decided.too_large || !in_directory {
                self.decisions.not_applied(id);
            }
            return Ok(());
        };
        match change.kind {
            ChangeKind::Remove => self.decisions.removed(id),
            ChangeKind::Propose => self.decisions.not_applied(id),
            _ if decided.switched_off.is_some() => self.decisions.not_applied(id),
            _ => {}
        }
        self.sink.take(change, values_known, &mut self.hasher)?;
        Ok(())
    }
}

fn facts(base: Option<&Base>, comparison: &Comparison<'_>, settings: &Settings) -> Facts {
    let damaging = comparison.issues().issues().iter().filter(|issue| issue.code.reach() == Reach::Damage);
    Facts {
        owned: base.map_or(0, |base| base.owned),
        first_run: base.is_none(),
        rows_last: base.and_then(|base| base.rows),
        removed_last_7_days: 0,
        known_values: base.and_then(|base| base.known_values(settings)).unwrap_or_default(),
        damage: damaging.map(|issue| (issue.code, issue.place, issue.message.clone())).collect(),
        complete: comparison.complete().is_some(),
        read_to_end: !comparison.is_damaged(),
        header_only: comparison.counts().rows == 0,
        rollback_of: None,
    }
}

/// The hash names this plan on this laptop; the one in the cloud also covers what is only known there.
fn hasher(settings: &Settings, path: &Path) -> anyhow::Result<PlanHasher> {
    let connection = ConnectionId::named(&settings.account, &settings.name).context("the connection's name")?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(PlanHasher::new(&MadeFrom {
        connection: &connection,
        settings_version: "",
        source_version: &name,
        directory_version: "",
    }))
}

fn cannot_read(path: &Path, error: io::Error) -> Failure {
    anyhow::Error::new(error).context(format!("the file {} cannot be read", path.display())).into()
}
