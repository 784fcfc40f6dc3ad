//! From a file to a plan.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use anyhow::Context as _;
use muster_core::file::{self, Keys, Limits, OpenFile, Unopened};
use muster_core::ids::{ConnectionId, UniqueId};
use muster_core::issue::{Code, Issue, Reach};
use muster_core::listing::{
    Absent, CompareInput, Comparison, Decisions, Proposed, Scratch, ScratchFile, Standing, compare,
};
use muster_core::mapping::Mapping;
use muster_core::plan::{Change, ChangeKind, Facts, MadeFrom, PlanBuilder, PlanHasher, Planned, Summary};
use muster_core::roster::{Hasher, fingerprint};
use muster_core::settings::Settings;

use crate::base::{After, Base, SEED};
use crate::failure::Failure;
use crate::memory;
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

/// A plan whose roster is not written yet.
struct Sketch {
    summary: Summary,
    decisions: Decisions,
    issues: Vec<Issue>,
    after: Option<After>,
}

/// A plan while it is made.
struct Sheet<'a> {
    settings: &'a Settings,
    base: Option<&'a Base>,
    builder: PlanBuilder<'a>,
    hasher: PlanHasher,
    decisions: Decisions,
    issues: Vec<Issue>,
    /// What is stored afterwards, if that is to be saved.
    after: Option<After>,
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
            hasher: Hasher::new(SEED).under(&self.settings.policy()),
            settings: &self.settings.file,
            limits: &limits,
            scratch: &DiskScratch,
            progress: &mut |_| {},
        })
        .map_err(|error| cannot_read(subject.path, error))?;
        let Sketch { summary, decisions, mut issues, after } = self.plan(subject, &mut comparison, sink, save)?;
        issues.extend(comparison.issues().issues().iter().cloned());
        issues.sort_by_key(|issue| issue.place);
        let damaged = comparison.is_damaged();
        if let Some(file) = save {
            write_roster(file, comparison, &decisions, after.as_ref(), subject.base)
                .context("the roster cannot be written")?;
        }
        Ok(Made { summary, issues, header, damaged })
    }

    fn plan(
        &self,
        subject: &Subject<'_>,
        comparison: &mut Comparison<'_>,
        sink: &mut Sink,
        save: Option<&File>,
    ) -> Result<Sketch, Failure> {
        // A base's own roster is used at once; only what is kept for later says more than a roster.
        let saves = save.is_some() && !sink.collects();
        let mut sheet = Sheet {
            settings: self.settings,
            base: subject.base,
            builder: PlanBuilder::new(self.settings, facts(subject.base, comparison)),
            hasher: hasher(self.settings, subject.path)?,
            decisions: Decisions::default(),
            issues: Vec::new(),
            after: saves.then(|| After::of(subject.base)),
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
        let Sheet { builder, hasher, decisions, issues, after, .. } = sheet;
        Ok(Sketch { summary: builder.finish(hasher.finish()), decisions, issues, after })
    }

    /// What of a file the hashes of its records depend on.
    fn form_of(&self, file: &OpenFile<'_>) -> [u8; 16] {
        fingerprint(&file.header, file.delimiter, &self.mapping.fingerprint(), &self.settings.policy())
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
        let base = self.base.filter(|_| standing == Standing::Known);
        let stored = base.and_then(|base| base.stored(&desired));
        let decided = self.builder.person(&desired, stored.as_ref());
        if decided.too_large {
            let message = "the person's values are together larger than can be stored; the person stays as stored";
            let mut issue = Issue::at(Code::RecipientTooLarge, place, message);
            issue.unique_id = Some(desired.unique_id.clone());
            self.issues.push(issue);
        }
        let in_directory = decided.change.is_some() || stored.is_some();
        self.take(&desired.unique_id, &decided, in_directory)
    }

    fn absent(&mut self, absent: &Absent) -> Result<(), Failure> {
        let id = &absent.unique_id;
        let stored = self.base.and_then(|base| base.stored_absent(id));
        let Some(stored) = stored else {
            self.decisions.removed(id);
            return Ok(());
        };
        let decided = self.builder.absent(&stored, absent.runs_absent);
        self.take(id, &decided, true)
    }

    fn take(&mut self, id: &UniqueId, decided: &Planned, in_directory: bool) -> Result<(), Failure> {
        let Some(change) = &decided.change else {
            if decided.switched_off.is_some() || decided.too_large || decided.withheld || !in_directory {
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
        self.remember(change);
        self.sink.take(change, &mut self.hasher)?;
        Ok(())
    }

    fn remember(&mut self, change: &Change) {
        let Some(after) = &mut self.after else { return };
        match (change.kind, &change.new) {
            (ChangeKind::Propose, _) => {}
            (_, Some(new)) => after.stored(new, self.base, self.settings),
            (_, None) => after.removed(&change.unique_id),
        }
    }
}

/// Writes the roster that holds afterwards, and with `after` what a saved one remembers besides.
fn write_roster(
    file: &File,
    comparison: Comparison<'_>,
    decisions: &Decisions,
    after: Option<&After>,
    base: Option<&Base>,
) -> anyhow::Result<()> {
    if after.is_some() {
        memory::begin(file)?;
    }
    comparison.next_roster(decisions, BufWriter::with_capacity(1 << 18, file), &DiskScratch)?;
    after.map_or(Ok(()), |after| after.write(file, base))
}

fn facts(base: Option<&Base>, comparison: &Comparison<'_>) -> Facts {
    let damaging = comparison.issues().issues().iter().filter(|issue| issue.code.reach() == Reach::Damage);
    Facts {
        owned: base.map_or(0, |base| base.owned),
        first_run: base.is_none(),
        rows_last: base.and_then(|base| base.rows),
        removed_last_7_days: 0,
        known_values: base.map(Base::known_values).unwrap_or_default(),
        damage: damaging.map(|issue| (issue.code, issue.place, issue.message.clone())).collect(),
        complete: comparison.complete().is_some(),
        read_to_end: !comparison.is_damaged(),
        header_only: comparison.counts().rows == 0,
        tail_missing: comparison.issues().counts().any(|(code, _)| code == Code::TailMissing),
        rollback_of: None,
        farewell: false,
        ..Facts::default()
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
