//! What an applied run leaves on its connection.

use crate::{Cause, Connection, Feed, Handwork, PlanRef, Removal, Run, RunCounts, WEEK_MS, settings_of};

/// What the connection is from now on.
pub(super) struct After {
    pub(super) roster: Option<String>,
    pub(super) owned: u64,
    pub(super) removals: Vec<Removal>,
    pub(super) feed: Option<Feed>,
    pub(super) due_ms: Option<i64>,
    pub(super) mail: bool,
    /// Whether the listing found what events should have told.
    pub(super) silent: bool,
}

/// Within this time removals of single people are one entry: thousands of them are not thousands of entries.
const SUMMED_MS: i64 = 10 * 60_000;

impl After {
    pub(super) fn of(run: &Run, plan: &PlanRef, connection: &Connection, now_ms: i64) -> Self {
        let mut feed = connection.feed.clone();
        let roster = roster(run, plan, connection, &mut feed, now_ms);
        let mut due_ms = None;
        match run.cause {
            Cause::Event { .. } => {
                add(&mut feed.by_events, &run.counts);
                feed.event_ms = Some(now_ms);
            }
            Cause::ByHand { .. } => {}
            _ => feed.by_events = without(feed.by_events, plan.told_events),
        }
        match (&run.cause, plan.listing_ms) {
            (Cause::Poll { .. }, _) => {
                polled(run, plan, &mut feed);
                due_ms = next_due(run, plan, connection, &feed, now_ms);
            }
            // Whoever was changed by hand before the file was planned was looked at anew.
            (Cause::File { .. }, Some(planned_ms)) => feed.touched.retain(|_, at_ms| *at_ms >= planned_ms),
            _ => {}
        }
        Self {
            roster,
            owned: owned(plan, connection),
            removals: removals(run, plan, connection, now_ms),
            feed: (feed != connection.feed).then_some(feed),
            due_ms,
            mail: mail(run),
            silent: is_silent(run, plan, &connection.feed),
        }
    }
}

/// So many changes that no event told of are no accident.
const UNTOLD: u64 = 5;

/// Whether a provider seems to have stopped telling: events came before, but none since the full listing before this
/// one, which found changes all the same. Some providers switch a subscription off and say nothing.
fn is_silent(run: &Run, plan: &PlanRef, before: &Feed) -> bool {
    let RunCounts { added, updated, deactivated, reactivated, removed, .. } = run.counts;
    let found = added + updated + deactivated + reactivated + removed;
    let heard = before.event_ms.zip(before.full_ms);
    matches!(run.cause, Cause::Poll { .. })
        && plan.whole
        && found >= UNTOLD
        && heard.is_some_and(|(event_ms, full_ms)| event_ms < full_ms)
}

/// A conflict means that the roster beside the plan tells of a state that did not come about. A plan of less than a
/// listing leaves the roster as it is and says whom it does not know of.
fn roster(run: &Run, plan: &PlanRef, connection: &Connection, feed: &mut Feed, now_ms: i64) -> Option<String> {
    if let Cause::ByHand { what: Handwork::Erase, .. } = run.cause {
        // The roster names whom nothing may name any more, and so may a listing under way.
        feed.touched.clear();
        feed.lost_count_ms = Some(now_ms);
        return None;
    }
    if run.is_excerpt() && plan.listing_ms.is_none() {
        let all_noted = feed.touch(plan.touches.iter().map(String::as_str), now_ms);
        return connection.roster.clone().filter(|_| all_noted);
    }
    // A file's plan that waited while too many were changed by hand does not know of them; a listing's is void then.
    let lost = feed.lost_count_ms.is_some_and(|lost| plan.listing_ms.is_some_and(|planned| lost >= planned));
    (plan.roster && run.conflicts == 0 && !lost).then(|| crate::plan_store::roster_key(&plan.prefix))
}

/// Events may have come between plan and end, so the difference counts, not the sum.
fn owned(plan: &PlanRef, connection: &Connection) -> u64 {
    let Some(seen) = plan.owned_seen else { return plan.owned_after };
    (plan.owned_after + connection.owned).saturating_sub(seen)
}

fn removals(run: &Run, plan: &PlanRef, connection: &Connection, now_ms: i64) -> Vec<Removal> {
    let mut removals = connection.removals.clone();
    removals.retain(|removal| removal.at_ms > now_ms - WEEK_MS);
    if plan.removals == 0 {
        return removals;
    }
    let by_events = matches!(run.cause, Cause::Event { .. });
    let single = by_events || matches!(run.cause, Cause::ByHand { .. });
    let recent = |last: &&mut Removal| single && last.by_events == by_events && last.at_ms > now_ms - SUMMED_MS;
    match removals.last_mut().filter(recent) {
        Some(last) => {
            last.people += plan.removals;
            last.removed += run.counts.removed;
        }
        None => {
            removals.push(Removal { at_ms: now_ms, people: plan.removals, removed: run.counts.removed, by_events });
        }
    }
    removals
}

fn polled(run: &Run, plan: &PlanRef, feed: &mut Feed) {
    if feed.polling.as_deref() == Some(run.id.as_str()) {
        feed.polling = None;
    }
    if plan.mark.is_some() {
        feed.mark.clone_from(&plan.mark);
    }
    if let Some(began_ms) = plan.listing_ms {
        feed.seen_by_listing(began_ms, plan.whole);
    }
}

/// A listing that something was put off to after this one began is wanted at once.
fn next_due(run: &Run, plan: &PlanRef, connection: &Connection, feed: &Feed, now_ms: i64) -> Option<i64> {
    let began_ms = plan.listing_ms.unwrap_or(run.received_ms);
    if feed.full_wanted_ms.is_some_and(|wanted| wanted >= began_ms) {
        return Some(now_ms);
    }
    let settings = settings_of(connection).ok()?;
    Some(crate::poll::next_due(&settings, run.received_ms, now_ms))
}

/// Single events are told by the next listing's report, and a look that found nothing new between listings is not
/// worth a mail.
fn mail(run: &Run) -> bool {
    let counts = &run.counts;
    let changed = counts.added + counts.proposed + counts.updated + counts.deactivated + counts.reactivated;
    match run.cause {
        Cause::Event { .. } | Cause::ByHand { .. } => false,
        Cause::Poll { full: false, .. } => changed + counts.removed + counts.errors > 0,
        _ => true,
    }
}

/// What events did after the plan was made is told by the next report.
fn without(all: RunCounts, told: RunCounts) -> RunCounts {
    RunCounts {
        rows: all.rows.saturating_sub(told.rows),
        added: all.added.saturating_sub(told.added),
        proposed: all.proposed.saturating_sub(told.proposed),
        updated: all.updated.saturating_sub(told.updated),
        deactivated: all.deactivated.saturating_sub(told.deactivated),
        reactivated: all.reactivated.saturating_sub(told.reactivated),
        removed: all.removed.saturating_sub(told.removed),
        unchanged: all.unchanged.saturating_sub(told.unchanged),
        errors: all.errors.saturating_sub(told.errors),
        warnings: all.warnings.saturating_sub(told.warnings),
    }
}

fn add(sum: &mut RunCounts, run: &RunCounts) {
    sum.rows += run.rows;
    sum.added += run.added;
    sum.proposed += run.proposed;
    sum.updated += run.updated;
    sum.deactivated += run.deactivated;
    sum.reactivated += run.reactivated;
    sum.removed += run.removed;
    sum.unchanged += run.unchanged;
    sum.errors += run.errors;
    sum.warnings += run.warnings;
}
