//! A connection in memory: its settings, its people and its roster, and files read against them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "helpers of several test programs")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

use muster_core::file::error_file::write_errors;
use muster_core::file::{self, Keys, Limits, Unopened};
use muster_core::ids::UniqueId;
use muster_core::issue::{Issue, Reach};
use muster_core::listing::{Absent, CompareInput, Comparison, Decisions, MemoryScratch, Standing, compare};
use muster_core::mapping::Mapping;
use muster_core::plan::{Change, ChangeKind, Facts, PlanBuilder, Planned};
use muster_core::recipient::Recipient;
use muster_core::roster::{Hasher, Roster, fingerprint};
use muster_core::settings::Settings;

/// One connection.
#[derive(Clone)]
pub struct Office {
    pub settings: Settings,
    pub people: BTreeMap<UniqueId, Recipient>,
    pub roster: Option<Vec<u8>>,
    pub rows_last: Option<u64>,
    pub confirmed: bool,
}

/// What reading one file came to.
#[derive(Clone, Default)]
pub struct Read {
    /// Whether the file could not be planned at all.
    pub refused: bool,
    pub header: Vec<String>,
    pub issues: Vec<Issue>,
    pub changes: Vec<Change>,
    /// Who was handed out as absent, in the roster's order.
    pub absent: Vec<String>,
    pub held: Vec<&'static str>,
    pub withheld: bool,
    pub rows: u64,
    pub unchanged: u64,
    pub damaged: bool,
    pub roster: Vec<u8>,
}

impl Office {
    pub fn new(toml: &str) -> Self {
        let settings = Settings::from_toml(toml).unwrap();
        Self { settings, people: BTreeMap::new(), roster: None, rows_last: None, confirmed: false }
    }

    /// One that has applied this file.
    pub fn with(toml: &str, first: &[u8]) -> Self {
        let mut office = Self::new(toml);
        office.take(first);
        office
    }

    /// Reads a file and applies its plan.
    pub fn take(&mut self, bytes: &[u8]) -> Read {
        let read = self.read(bytes);
        assert!(!read.refused, "{}", read.shown());
        self.apply(&read);
        read
    }

    pub fn apply(&mut self, read: &Read) {
        for change in &read.changes {
            match (change.kind, &change.new) {
                (ChangeKind::Propose, _) => {}
                (_, Some(new)) => drop(self.people.insert(change.unique_id.clone(), new.clone())),
                (_, None) => drop(self.people.remove(&change.unique_id)),
            }
        }
        self.roster = Some(read.roster.clone());
        self.confirmed = true;
        if !read.damaged {
            self.rows_last = Some(read.rows);
        }
    }

    /// Reads a file and plans it.
    pub fn read(&self, bytes: &[u8]) -> Read {
        self.read_with(bytes, &Keys::none(), &Limits::default())
    }

    pub fn read_with(&self, bytes: &[u8], keys: &Keys, limits: &Limits) -> Read {
        let mapping = Mapping::compile(&self.settings).unwrap();
        let mut file = match file::open(Cursor::new(bytes), &self.settings.file, keys, limits) {
            Ok(file) => file,
            Err(Unopened::Refused(issues)) => return Read { refused: true, issues, ..Read::default() },
            Err(Unopened::Io(e)) => panic!("the input did not fail: {e}"),
        };
        let header = file.header.clone();
        let (bound, issues) = mapping.bind(&file.header);
        file.issues.extend(issues);
        if file.issues.iter().any(|issue| issue.code.reach() == Reach::Damage) {
            return Read { refused: true, issues: file.issues, header, ..Read::default() };
        }
        let hasher = Hasher::new(42);
        let comparison = compare(CompareInput {
            fingerprint: fingerprint(&file.header, file.delimiter, &mapping.fingerprint(), ""),
            file,
            bound: &bound,
            roster: self.roster.as_ref().map(|bytes| Roster::read(Cursor::new(bytes), hasher).unwrap()),
            hasher,
            settings: &self.settings.file,
            limits,
            scratch: &MemoryScratch,
            progress: &mut |_| {},
        })
        .unwrap();
        self.plan(comparison, header)
    }

    fn plan(&self, mut comparison: Comparison<'_>, header: Vec<String>) -> Read {
        let mut builder = PlanBuilder::new(&self.settings, self.facts(&comparison));
        let found = comparison.counts();
        builder.rows(found.rows);
        builder.unchanged(found.known + found.cosmetic);
        builder.flagged(found.flagged);
        let mut read = Read { header, ..Read::default() };
        let mut decisions = Decisions::default();
        for person in comparison.proposed().unwrap() {
            let person = person.unwrap();
            let id = &person.desired.unique_id;
            let stored = self.people.get(id).filter(|_| person.standing == Standing::Known);
            let planned = builder.person(&person.desired, stored);
            keep(planned, id, stored.is_some(), &mut read, &mut decisions);
        }
        match comparison.complete() {
            None => builder.kept_absent(found.absent),
            Some(proof) => {
                for Absent { unique_id, runs_absent } in comparison.absent(&proof).unwrap() {
                    read.absent.push(unique_id.to_string());
                    match self.people.get(&unique_id) {
                        Some(stored) => {
                            let planned = builder.absent(stored, runs_absent);
                            keep(planned, &unique_id, true, &mut read, &mut decisions);
                        }
                        None => decisions.removed(&unique_id),
                    }
                }
            }
        }
        let summary = builder.finish(String::new());
        read.held = summary.held();
        read.withheld = summary.removals_withheld;
        read.rows = summary.tally.rows;
        read.unchanged = summary.tally.unchanged;
        read.damaged = comparison.is_damaged();
        read.issues = comparison.issues().clone().into_issues();
        read.roster = comparison.next_roster(&decisions, Vec::new(), &MemoryScratch).unwrap();
        read
    }

    fn facts(&self, comparison: &Comparison<'_>) -> Facts {
        let damaging = comparison.issues().issues().iter().filter(|issue| issue.code.reach() == Reach::Damage);
        Facts {
            owned: self.people.len() as u64,
            first_run: !self.confirmed,
            rows_last: self.rows_last,
            damage: damaging.map(|issue| (issue.code, issue.place, issue.message.clone())).collect(),
            complete: comparison.complete().is_some(),
            read_to_end: !comparison.is_damaged(),
            header_only: comparison.counts().rows == 0,
            tail_missing: comparison.issues().counts().any(|(code, _)| code.as_str() == "tail_missing"),
            ..Facts::default()
        }
    }
}

fn keep(planned: Planned, id: &UniqueId, in_directory: bool, read: &mut Read, decisions: &mut Decisions) {
    let off = planned.switched_off.is_some() || planned.too_large || planned.withheld;
    match planned.change {
        None if off || !in_directory => decisions.not_applied(id),
        None => {}
        Some(change) => {
            match change.kind {
                ChangeKind::Remove => decisions.removed(id),
                ChangeKind::Propose => decisions.not_applied(id),
                _ if off => decisions.not_applied(id),
                _ => {}
            }
            read.changes.push(change);
        }
    }
}

impl Read {
    /// One line an issue: `code record:line field #id`.
    pub fn issue_lines(&self) -> Vec<String> {
        let line = |issue: &Issue| {
            let mut line = format!("{} {}:{}", issue.code.as_str(), issue.place.record, issue.place.line);
            issue.field.iter().for_each(|field| write!(line, " {}", field.name()).unwrap());
            issue.unique_id.iter().for_each(|id| write!(line, " #{id}").unwrap());
            line
        };
        self.issues.iter().map(line).collect()
    }

    /// One line: signs and ids of the changes, then `held=` and `withheld`.
    pub fn plan_line(&self) -> String {
        if self.refused {
            return "refused".to_owned();
        }
        let mut words: Vec<String> = self
            .changes
            .iter()
            .map(|change| {
                let sign = match change.kind {
                    ChangeKind::Add => "+",
                    ChangeKind::Propose => "?",
                    ChangeKind::Update => "~",
                    ChangeKind::Deactivate => "off:",
                    ChangeKind::Reactivate => "on:",
                    ChangeKind::Remove => "-",
                };
                format!("{sign}{}", change.unique_id)
            })
            .collect();
        words.sort();
        if !self.held.is_empty() {
            words.push(format!("held={}", self.held.join(",")));
        }
        words.extend(self.withheld.then(|| "withheld".to_owned()));
        words.join(" ")
    }

    /// Everything that must be the same whatever the file looks like.
    pub fn canonical(&self) -> String {
        let mut lines: Vec<String> = self
            .changes
            .iter()
            .map(|change| {
                let side = |recipient: &Option<Recipient>| match recipient {
                    None => "-".to_owned(),
                    Some(recipient) => shown(recipient),
                };
                format!("{} {} => {}", change.kind.as_str(), side(&change.old), side(&change.new))
            })
            .collect();
        lines.sort();
        lines.push(format!("rows {} unchanged {} held {:?}", self.rows, self.unchanged, self.held));
        lines.join("\n")
    }

    pub fn shown(&self) -> String {
        let messages: Vec<_> = self.issues.iter().map(|issue| issue.message.clone()).collect();
        format!("{}\n{}\n{}", self.issue_lines().join("\n"), self.plan_line(), messages.join("\n"))
    }

    pub fn error_file(&self) -> String {
        let mut out = Vec::new();
        write_errors(&mut out, "people.csv", &self.header, &self.issues).unwrap();
        String::from_utf8(out).unwrap()
    }
}

/// A recipient in one line.
pub fn shown(recipient: &Recipient) -> String {
    let mut line = format!("{} {}", recipient.unique_id, recipient.status.as_str());
    for (field, value) in &recipient.values {
        write!(line, " {}={:?}", field.name(), value.iter().collect::<Vec<_>>()).unwrap();
    }
    line
}
