//! The gates: meters with limits. Everything is compared in whole numbers, with `>`.

use crate::issue::Code;
use crate::settings::{Limit, Mode, OnNewValue, Settings};

use super::{Facts, FieldTally, Gate, GateReading, NewValue, PlanScope, Tally};

/// Below this many owned people a percentage of removals says nothing.
pub const SMALL_TENANT: u64 = 20;

/// Below [`SMALL_TENANT`] more removals than this hold the plan.
pub const SMALL_TENANT_REMOVALS: u64 = 2;

/// Reads every gate that applies to the plan: those that hold first, then in the order of [`Gate`].
/// `new_values` are the grouping fields' values that have no group yet.
pub fn read(settings: &Settings, facts: &Facts, tally: &Tally, new_values: &[NewValue]) -> Vec<GateReading> {
    let limits = &settings.gates;
    let mut readings = vec![
        removals(limits.removals, facts, tally),
        removals_over_7_days(limits.removals, facts, tally),
        damage(facts),
    ];
    if facts.scope != PlanScope::Single {
        readings.push(updates(limits.updates, facts, tally));
        readings.push(new(limits.new, facts, tally));
        readings.push(field_change(limits.field_change, facts, tally));
    }
    if facts.rollback_of.is_none() && !facts.farewell && facts.scope == PlanScope::Listing {
        readings.push(no_rows(facts, tally));
        readings.push(tail_missing(facts));
        readings.extend(facts.rows_last.map(|last| rows(limits.rows, last, tally)));
    }
    readings.extend((settings.mode == Mode::Preview).then(|| preview(facts)));
    readings.extend((!settings.group_by.is_empty()).then(|| new_value(settings, facts, new_values)));
    readings.extend(
        facts
            .rollback_of
            .as_ref()
            .map(|run| plain(Gate::Rollback, changes(tally), false, format!("This plan undoes run {run}."))),
    );
    readings.extend(facts.farewell.then(|| deletion(facts, tally)));
    readings.sort_by_key(|reading| (!reading.holds, reading.gate));
    readings
}

/// Whether `meter` is over the limit. A limit of 100 % cannot be passed by a part of the whole.
pub fn is_over(limit: Limit, meter: u64, of: u64) -> bool {
    match limit {
        Limit::Percent(percent) => scaled(meter) > millionths(percent) * u128::from(of),
        Limit::Count(count) => meter > count,
    }
}

/// Whether `meter` is under the limit.
pub fn is_under(limit: Limit, meter: u64, of: u64) -> bool {
    match limit {
        Limit::Percent(percent) => scaled(meter) < millionths(percent) * u128::from(of),
        Limit::Count(count) => meter < count,
    }
}

/// Whether removals are over `times` the limit. Below [`SMALL_TENANT`] people a percentage means
/// more than [`SMALL_TENANT_REMOVALS`]; but 0 % still means none, and 100 % no limit.
pub fn removals_are_over(limit: Limit, meter: u64, of: u64, times: u64) -> bool {
    match limit {
        Limit::Percent(percent) if of < SMALL_TENANT && percent > 0.0 && percent < 100.0 => {
            meter > SMALL_TENANT_REMOVALS * times
        }
        Limit::Percent(percent) => scaled(meter) > millionths(percent) * u128::from(of) * u128::from(times),
        Limit::Count(count) => meter > count.saturating_mul(times),
    }
}

/// Percent times a million and the meter as a hundred percent times a million: whole numbers that
/// are exact for limits of up to six decimals, where floats are not.
fn millionths(percent: f64) -> u128 {
    (percent * 1e6).round() as u128
}

fn scaled(meter: u64) -> u128 {
    u128::from(meter) * 100_000_000
}

/// A file cut off exactly between two rows looks whole: only who is missing shows it.
fn tail_missing(facts: &Facts) -> GateReading {
    let reason = if facts.tail_missing {
        "The last people of the last file are missing in one piece, as if the file had been cut off: approve if they have all left."
    } else {
        "The file does not end before the last one did."
    };
    plain(Gate::TailMissing, u64::from(facts.tail_missing), facts.tail_missing, reason.to_owned())
}

/// What events removed within a day counts too, or many small steps would pass where one large one is held.
fn removals(limit: Limit, facts: &Facts, tally: &Tally) -> GateReading {
    let now = tally.removed + tally.deactivated;
    let before = facts.removed_by_events_last_day;
    let meter = now + before;
    let of = facts.owned + facts.gone_by_events_last_day;
    let what = match before {
        0 => "would be removed or deactivated".to_owned(),
        before => format!("would be removed or deactivated, {before} of them by events in the last 24 hours"),
    };
    let limited = removal_limit(limit, of, 1);
    GateReading {
        gate: Gate::Removals,
        meter,
        of,
        limit: Some(limit),
        holds: now > 0 && removals_are_over(limit, meter, of, 1),
        reason: format!("{} {what}; {limited}.", share(meter, of, "people")),
    }
}

/// Only a plan that removes somebody can be over: what happened in the days before was decided then.
fn removals_over_7_days(limit: Limit, facts: &Facts, tally: &Tally) -> GateReading {
    let now = tally.removed + tally.deactivated;
    let meter = now + facts.removed_last_7_days;
    let twice = match limit {
        Limit::Percent(percent) => Limit::Percent(percent * 2.0),
        Limit::Count(count) => Limit::Count(count.saturating_mul(2)),
    };
    let limited = removal_limit(limit, facts.owned, 2);
    GateReading {
        gate: Gate::RemovalsOver7Days,
        meter,
        of: facts.owned,
        limit: Some(twice),
        holds: now > 0 && removals_are_over(limit, meter, facts.owned, 2),
        reason: format!(
            "{} removed or deactivated over 7 days, {now} of them by this run; {limited}.",
            share(meter, facts.owned, "people")
        ),
    }
}

fn updates(limit: Limit, facts: &Facts, tally: &Tally) -> GateReading {
    let meter = tally.updated + tally.reactivated;
    over(Gate::Updates, limit, meter, facts.owned, "people", "would be updated or reactivated")
}

/// Not on a first run, and not while the connection owns nobody: there all people are new.
fn new(limit: Limit, facts: &Facts, tally: &Tally) -> GateReading {
    let meter = tally.added + tally.proposed;
    if facts.first_run || facts.owned == 0 {
        let reason = format!("{meter} people are new; not limited while the connection owns nobody.");
        return plain(Gate::New, meter, false, reason);
    }
    GateReading {
        reason: format!(
            "{meter} people are new, {} of the {} owned so far; the limit is {}.",
            percentage(meter, facts.owned),
            facts.owned,
            shown(limit)
        ),
        ..over(Gate::New, limit, meter, facts.owned, "people", "")
    }
}

fn rows(limit: Limit, last: u64, tally: &Tally) -> GateReading {
    GateReading {
        gate: Gate::Rows,
        meter: tally.rows,
        of: last,
        limit: Some(limit),
        holds: is_under(limit, tally.rows, last),
        reason: format!(
            "The file has {} rows and the last one had {last} ({}); at least {} is asked for.",
            tally.rows,
            percentage(tally.rows, last),
            shown(limit)
        ),
    }
}

fn field_change(limit: Limit, facts: &Facts, tally: &Tally) -> GateReading {
    let touched = |tally: &FieldTally| tally.changed + tally.blanked;
    // `max_by_key` takes the last of equals; from behind, that is the catalogue's first.
    let worst = tally.fields.iter().rev().max_by_key(|(_, tally)| touched(tally));
    let Some((field, worst)) = worst else {
        let reason = "No field of a person changes.".to_owned();
        return GateReading { limit: Some(limit), of: facts.owned, ..plain(Gate::FieldChange, 0, false, reason) };
    };
    GateReading {
        reason: format!(
            "The field {} would change in {} and be blanked in {} of {} people ({}); the limit is {}.",
            field.name(),
            worst.changed,
            worst.blanked,
            facts.owned,
            percentage(touched(worst), facts.owned),
            shown(limit)
        ),
        ..over(Gate::FieldChange, limit, touched(worst), facts.owned, "people", "")
    }
}

fn no_rows(facts: &Facts, tally: &Tally) -> GateReading {
    let empty = facts.damage.iter().any(|(code, ..)| *code == Code::NoRows);
    let holds = facts.header_only || tally.rows == 0 || empty;
    let reason = if facts.header_only {
        "The file has a header and no rows; it removes nobody.".to_owned()
    } else if holds {
        "The file has no rows; it removes nobody.".to_owned()
    } else {
        format!("The file has {} rows.", tally.rows)
    };
    plain(Gate::NoRows, tally.rows, holds, reason)
}

/// That a file has no rows has a gate of its own.
fn damage(facts: &Facts) -> GateReading {
    let found: Vec<_> = facts.damage.iter().filter(|(code, ..)| *code != Code::NoRows).collect();
    let meter = found.len() as u64;
    let Some((code, place, message)) = found.first() else {
        return plain(Gate::Damage, 0, false, "No damage was found in the source.".to_owned());
    };
    let at = if place.line > 0 { format!(" in line {}", place.line) } else { String::new() };
    let more = if meter > 1 { format!(" ({} more)", meter - 1) } else { String::new() };
    let reason = format!("The file is damaged: {}{at}: {message}{more}. It removes nobody.", code.as_str());
    plain(Gate::Damage, meter, true, reason)
}

fn preview(facts: &Facts) -> GateReading {
    let which = if facts.first_run { "its first plan and every other one" } else { "every plan" };
    plain(Gate::Preview, 1, true, format!("The connection is in preview: {which} waits for a decision."))
}

/// Held whoever asked for it and however few they are: it cannot be limited.
fn deletion(facts: &Facts, tally: &Tally) -> GateReading {
    let reason = format!(
        "The connection is to be deleted with everybody it owns: {} would be removed. Approving it deletes the connection for good.",
        share(tally.removed, facts.owned, "people")
    );
    GateReading { of: facts.owned, ..plain(Gate::Deletion, tally.removed, true, reason) }
}

fn new_value(settings: &Settings, facts: &Facts, new_values: &[NewValue]) -> GateReading {
    let meter = new_values.len() as u64;
    let holds = meter > 0 && settings.on_new_value == OnNewValue::Alert && !facts.first_run;
    let reason = match new_values.first() {
        None => "No grouping field has a new value.".to_owned(),
        Some(first) => format!(
            "New values of grouping fields: {meter}; the first is {:?} in the field {}, for {} people.",
            first.value,
            first.field.name(),
            first.people
        ),
    };
    plain(Gate::NewValue, meter, holds, reason)
}

fn changes(tally: &Tally) -> u64 {
    tally.added + tally.updated + tally.deactivated + tally.reactivated + tally.removed
}

fn over(gate: Gate, limit: Limit, meter: u64, of: u64, whom: &str, what: &str) -> GateReading {
    let reason = format!("{} {what}; the limit is {}.", share(meter, of, whom), shown(limit));
    GateReading { gate, meter, of, limit: Some(limit), holds: is_over(limit, meter, of), reason }
}

fn plain(gate: Gate, meter: u64, holds: bool, reason: String) -> GateReading {
    GateReading { gate, meter, of: 0, limit: None, holds, reason }
}

fn share(meter: u64, of: u64, whom: &str) -> String {
    format!("{meter} of {of} {whom} ({})", percentage(meter, of))
}

fn percentage(meter: u64, of: u64) -> String {
    if of == 0 {
        return "of nobody".to_owned();
    }
    let tenths = u128::from(meter) * 1000 / u128::from(of);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn shown(limit: Limit) -> String {
    match limit {
        Limit::Percent(percent) => format!("{percent} %"),
        Limit::Count(count) => count.to_string(),
    }
}

fn removal_limit(limit: Limit, of: u64, times: u64) -> String {
    match limit {
        Limit::Percent(percent) if of < SMALL_TENANT && percent > 0.0 && percent < 100.0 => {
            format!("the limit below {SMALL_TENANT} people is {}", SMALL_TENANT_REMOVALS * times)
        }
        Limit::Percent(percent) => format!("the limit is {} %", percent * times as f64),
        Limit::Count(count) => format!("the limit is {}", count.saturating_mul(times)),
    }
}
