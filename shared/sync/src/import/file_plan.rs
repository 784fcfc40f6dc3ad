//! The plan of one file.

use std::collections::HashSet;
use std::io::{self, BufWriter};

use muster_core::file::error_file::write_errors;
use muster_core::file::{self, Limits, OpenFile, Unopened};
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue, Reach, Severity};
use muster_core::listing::{Absent, CompareInput, Comparison, Decisions, Proposed, Standing, compare};
use muster_core::mapping::Mapping;
use muster_core::plan::{Change, PlanBuilder, Planned as Decided, Summary, summary_to_json};
use muster_core::roster::{Hasher, fingerprint};
use muster_core::settings::Settings;

use super::facts::{counts, hasher, known_values, of_file};
use super::regroup::regroups;
use super::rosters::DiskScratch;
use super::unmapped::tell_unmapped;
use super::{Fetched, Importer, LOOKED_UP, Planned, Unplanned, keys_of, plan_prefix};
use crate::erase::{Erased, left_out};
use crate::people::grouped_by;
use crate::plan_store::{ChunkWriter, roster_key, summary_key};
use crate::reach::Source;
use crate::stored_issues::{KEPT, StoredIssues};
use crate::{Clock, Connection, Directory, Documents, Ledger, Objects, PlanRef, PortError, Queue, Run, RunState};

/// A plan while it is made.
pub(super) struct Sheet<'a, O> {
    pub(super) builder: PlanBuilder<'a>,
    pub(super) writer: ChunkWriter<'a, O>,
    decisions: Decisions,
    issues: Vec<Issue>,
    /// Who must not come back.
    erased: Erased,
    /// How many of them the source has.
    left_out: u64,
    /// Whom the plan changes, where everybody else is to be grouped anew.
    pub(super) changed: Option<HashSet<UniqueId>>,
}

/// A listing fetched from a provider, as a file without a header.
pub(crate) struct Listing {
    pub(crate) body: std::fs::File,
    pub(crate) issues: Vec<Issue>,
    /// When fetching began, in milliseconds since 1970.
    pub(crate) began_ms: i64,
    /// From where an incremental reading goes on.
    pub(crate) mark: Option<String>,
    /// Whether those who seem absent were asked for a second time.
    pub(crate) looked_twice: bool,
}

/// What a fetched listing leads to.
pub(crate) enum Verdict {
    Planned(Box<Planned>),
    /// These people seem absent, and were looked for only once: a row may have slipped between two pages.
    LookAgain(Vec<UniqueId>),
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Plans a file; the inner error is a file that cannot be planned at all.
    pub(crate) async fn plan_file(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        fetched: Fetched,
    ) -> Result<Result<Planned, Unplanned>, PortError> {
        let mapping = Mapping::compile(settings).map_err(|e| PortError::never("read the mapping", e.to_string()))?;
        let keys = keys_of(self.objects, connection).await?;
        let limits = Limits::default();
        let mut file = match file::open(fetched.file, &settings.file, &keys, &limits) {
            Ok(file) => file,
            Err(Unopened::Refused(issues)) => return Ok(Err(unreadable(issues))),
            Err(Unopened::Io(e)) => return Err(broken(e)),
        };
        let (bound, header_issues) = mapping.bind(&file.header);
        file.issues.extend(header_issues);
        if file.issues.iter().any(|issue| issue.code.reach() == Reach::Damage) {
            return Ok(Err(unreadable(file.issues)));
        }
        let hashes = Hasher::new(connection.seed).under(&settings.policy());
        let now_ms = self.clock.now_ms();
        let own = self.roster_of(connection, hashes).await?;
        // Of people changed by hand the roster does not know.
        let own = self.amended(connection, own, hashes).await?;
        let roster = own.open(hashes)?;
        let owned = roster.as_ref().map_or(0, |roster| roster.len() as u64);
        let header = file.header.clone();
        let fingerprint = form_of(&file, &mapping, settings);
        let comparison = compare(CompareInput {
            file,
            bound: &bound,
            roster,
            fingerprint,
            hasher: hashes,
            settings: &settings.file,
            limits: &limits,
            scratch: &DiskScratch,
            progress: &mut |_| {},
        })
        .map_err(broken)?;
        let planned = Box::pin(self.plan_comparison(run, connection, settings, comparison, &header, owned));
        let mut planned = planned.await?;
        planned.plan.listing_ms = Some(now_ms);
        Ok(Ok(planned))
    }

    /// Plans a listing that was fetched from a provider: the same as a file, but that people whom events have
    /// changed since the roster was made are looked at anew.
    pub(crate) async fn plan_listing(
        &self,
        run: &Run,
        connection: &Connection,
        source: &Source,
        listing: Listing,
    ) -> Result<Verdict, PortError> {
        let (bound, header_issues) = source.mapping.bind(&source.columns);
        let settings = &source.settings;
        let mut file = OpenFile::listing(source.columns.clone(), Box::new(listing.body), listing.issues);
        file.issues.extend(header_issues);
        let hashes = Hasher::new(connection.seed).under(&settings.policy());
        let own = self.roster_of(connection, hashes).await?;
        let own = self.amended(connection, own, hashes).await?;
        let roster = own.open(hashes)?;
        let owned = roster.as_ref().map_or(0, |roster| roster.len() as u64);
        let fingerprint = form_of(&file, &source.mapping, settings);
        let mut comparison = compare(CompareInput {
            file,
            bound: &bound,
            roster,
            fingerprint,
            hasher: hashes,
            settings: &settings.file,
            limits: &Limits::default(),
            scratch: &DiskScratch,
            progress: &mut |_| {},
        })
        .map_err(broken)?;
        if !listing.looked_twice
            && let Some(complete) = comparison.complete()
        {
            let absent = comparison.absent(&complete).map_err(broken)?;
            if !absent.is_empty() {
                return Ok(Verdict::LookAgain(absent.into_iter().map(|absent| absent.unique_id).collect()));
            }
        }
        let whole = comparison.complete().is_some();
        let mut planned =
            Box::pin(self.plan_comparison(run, connection, settings, comparison, &source.columns, owned)).await?;
        planned.plan.listing_ms = Some(listing.began_ms);
        planned.plan.whole = whole;
        // What was not read would be missed from a later mark on.
        planned.plan.mark = listing.mark.filter(|_| whole);
        Ok(Verdict::Planned(Box::new(planned)))
    }

    async fn plan_comparison(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        mut comparison: Comparison<'_>,
        header: &[String],
        owned: u64,
    ) -> Result<Planned, PortError> {
        let known = known_values(self.ledger, connection, settings).await?;
        let facts = of_file(connection, &comparison, owned, known, self.clock.now_ms());
        let prefix = plan_prefix(run, connection);
        let mut sheet = Sheet {
            builder: PlanBuilder::new(settings, facts),
            writer: ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection)),
            decisions: Decisions::default(),
            issues: Vec::new(),
            erased: Erased::of(self.ledger, connection).await?,
            left_out: 0,
            changed: regroups(connection, settings).then(HashSet::new),
        };
        begin(&mut sheet.builder, &comparison);
        tell_unmapped(self.ledger, connection, &mut sheet.builder, comparison.issues().unmapped()).await?;
        self.plan_people(connection, &mut comparison, &mut sheet).await?;
        self.plan_absent(connection, &mut comparison, &mut sheet).await?;
        self.plan_regroup(connection, &mut sheet).await?;
        sheet.tell_left_out();
        let Sheet { builder, writer, decisions, issues, erased, .. } = sheet;
        let (chunks, hash) = writer.finish().await?;
        let summary = builder.finish(hash);
        let (damaged, rows) = (comparison.is_damaged(), comparison.counts().rows);
        let issues = comparison.issues().issues().iter().cloned().chain(issues);
        let issues = issues.filter(|issue| !erased.is_about(issue)).collect();
        self.store_roster(&prefix, comparison, &decisions).await?;
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        let (issues, error_file) = told(run, header, issues, !connection.confirmed)?;
        let plan = plan_ref((prefix, chunks), connection, settings, &summary, owned, (!damaged).then_some(rows));
        let held = summary.held().into_iter().map(str::to_owned).collect();
        Ok(Planned { plan, counts: counts(&summary), held, damaged, issues, error_file, names_erased: false })
    }

    async fn plan_people(
        &self,
        connection: &Connection,
        comparison: &mut Comparison<'_>,
        sheet: &mut Sheet<'_, O>,
    ) -> Result<(), PortError> {
        let mut people = comparison.proposed().map_err(broken)?;
        loop {
            let batch: Vec<Proposed> = people.by_ref().take(LOOKED_UP).collect::<io::Result<_>>().map_err(broken)?;
            if batch.is_empty() {
                return Ok(());
            }
            let known = batch.iter().filter(|person| person.standing == Standing::Known);
            let known: Vec<UniqueId> = known.map(|person| person.desired.unique_id.clone()).collect();
            let stored = self.stored(connection, &known).await?;
            for person in batch {
                let id = &person.desired.unique_id;
                if sheet.erased.has(id) {
                    sheet.leave_out(id);
                    continue;
                }
                let decided = sheet.builder.person(&person.desired, stored.get(id));
                if decided.too_large {
                    let message =
                        "the person's values are together larger than can be stored; the person stays as stored";
                    let mut issue = Issue::at(Code::RecipientTooLarge, person.place, message);
                    issue.unique_id = Some(id.clone());
                    sheet.issues.push(issue);
                }
                let in_directory = decided.change.is_some() || stored.contains_key(id);
                sheet.take(id, decided, in_directory, Some(person.place.record)).await?;
            }
        }
    }

    async fn plan_absent(
        &self,
        connection: &Connection,
        comparison: &mut Comparison<'_>,
        sheet: &mut Sheet<'_, O>,
    ) -> Result<(), PortError> {
        let Some(complete) = comparison.complete() else {
            sheet.builder.kept_absent(comparison.counts().absent);
            return Ok(());
        };
        let absent = comparison.absent(&complete).map_err(broken)?;
        for batch in absent.chunks(LOOKED_UP) {
            let ids: Vec<_> = batch.iter().map(|Absent { unique_id, .. }| unique_id.clone()).collect();
            let stored = self.stored(connection, &ids).await?;
            for Absent { unique_id, runs_absent } in batch {
                match stored.get(unique_id) {
                    Some(recipient) => {
                        let decided = sheet.builder.absent(recipient, *runs_absent);
                        sheet.take(unique_id, decided, true, None).await?;
                    }
                    // The directory does not have them: nothing to remove, nothing to remember.
                    None => sheet.decisions.removed(unique_id),
                }
            }
        }
        Ok(())
    }

    async fn store_roster(
        &self,
        prefix: &str,
        comparison: Comparison<'_>,
        decisions: &Decisions,
    ) -> Result<(), PortError> {
        let file = tempfile::tempfile().map_err(broken)?;
        let out = BufWriter::with_capacity(1 << 18, file);
        let out = comparison.next_roster(decisions, out, &DiskScratch).map_err(broken)?;
        let file = out.into_inner().map_err(|e| broken(e.into_error()))?;
        self.objects.write_file(&roster_key(prefix), file, "application/octet-stream").await
    }
}

impl<O: Objects> Sheet<'_, O> {
    /// Neither the plan nor the next roster names whoever was erased.
    fn leave_out(&mut self, id: &UniqueId) {
        self.left_out += 1;
        self.decisions.not_applied(id);
        self.decisions.removed(id);
    }

    fn tell_left_out(&mut self) {
        if let Some(issue) = left_out(self.left_out) {
            self.builder.issue(issue.code, self.left_out);
            self.issues.push(issue);
        }
    }

    /// Takes what was decided over one person; `record` is the row that presents them.
    async fn take(
        &mut self,
        id: &UniqueId,
        decided: Decided,
        in_directory: bool,
        record: Option<u64>,
    ) -> Result<(), PortError> {
        use muster_core::plan::ChangeKind;
        let Some(change) = decided.change.map(|change| Change { record, ..change }) else {
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
        if let Some(changed) = &mut self.changed {
            self.builder.regrouped(&change);
            changed.insert(id.clone());
        }
        self.writer.push(&change).await
    }
}

/// What of a file the hashes of its records depend on.
fn form_of(file: &OpenFile<'_>, mapping: &Mapping, settings: &Settings) -> [u8; 16] {
    fingerprint(&file.header, file.delimiter, &mapping.fingerprint(), &settings.policy())
}

fn begin(builder: &mut PlanBuilder<'_>, comparison: &Comparison<'_>) {
    let found = comparison.counts();
    builder.rows(found.rows);
    builder.unchanged(found.known + found.cosmetic);
    builder.flagged(found.flagged);
    comparison.issues().counts().for_each(|(code, count)| builder.issue(code, count));
}

fn plan_ref(
    (prefix, chunks): (String, u32),
    connection: &Connection,
    settings: &Settings,
    summary: &Summary,
    owned: u64,
    rows: Option<u64>,
) -> PlanRef {
    let tally = &summary.tally;
    PlanRef {
        prefix,
        chunks,
        hash: summary.hash.clone(),
        directory_version: connection.directory_version,
        roster: true,
        removals: tally.removed + tally.deactivated,
        owned_after: (owned + tally.added).saturating_sub(tally.removed),
        rows,
        grouped_by: grouped_by(settings),
        owned_seen: Some(connection.owned),
        listing_ms: None,
        whole: false,
        told_events: connection.feed.by_events,
        mark: None,
        touches: Vec::new(),
    }
}

/// What the report tells of the issues, and the error file if one is needed.
pub(super) fn told(
    run: &Run,
    header: &[String],
    mut issues: Vec<Issue>,
    first_success: bool,
) -> Result<(StoredIssues, Option<Vec<u8>>), PortError> {
    issues.sort_by_key(|issue| issue.place);
    let rows: Vec<Issue> = issues.iter().filter(|issue| issue.code.severity() == Severity::Error).cloned().collect();
    let mut file = Vec::new();
    if !rows.is_empty() {
        write_errors(&mut file, &run.source, header, &rows).map_err(broken)?;
    }
    let error_rows = rows.len() as u64;
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.code.severity()));
    issues.truncate(KEPT);
    let stored = StoredIssues { error_rows, first_success, replaces: None, issues };
    Ok((stored, (error_rows > 0).then_some(file)))
}

fn unreadable(issues: Vec<Issue>) -> Unplanned {
    let worst = issues.iter().find(|issue| issue.code.reach() == Reach::Damage);
    let why = worst.map_or("the file cannot be read", |issue| issue.message.as_str());
    Unplanned { state: RunState::Failed, reason: format!("{why}; nothing was changed").into(), issues }
}

fn broken(e: io::Error) -> PortError {
    PortError::later("read the file", e.to_string())
}
