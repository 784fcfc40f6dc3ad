//! What a gate read, as words and a bar.

use super::bar::{self, Ink, Stretch};
use super::clean::{clean, thousands};
use crate::plan::{Gate, GateReading};
use crate::settings::Limit;

/// How long an ASCII meter is, in characters.
const ASCII_LENGTH: u32 = 40;

/// One gate of a mail.
#[derive(Debug)]
pub(super) struct Meter {
    /// The gate's stable name.
    pub(super) name: &'static str,
    /// The gate in the customer's words.
    pub(super) title: &'static str,
    /// What it shows, of how many, and its limit.
    pub(super) figures: String,
    /// Why it holds, one sentence.
    pub(super) reason: String,
    /// The bar, 100 long; empty where there is nothing to measure against.
    pub(super) bar: Vec<Stretch>,
    /// The same bar in characters.
    pub(super) ascii: String,
}

impl Meter {
    /// The meter of a reading.
    pub(super) fn of(reading: &GateReading) -> Self {
        let bar = |length| scaled(reading, length);
        Self {
            name: reading.gate.as_str(),
            title: title(reading.gate),
            figures: figures(reading),
            reason: clean(&reading.reason),
            bar: bar(100),
            ascii: bar::ascii(&bar(ASCII_LENGTH)),
        }
    }
}

fn title(gate: Gate) -> &'static str {
    match gate {
        Gate::Removals => "Removals and deactivations",
        Gate::RemovalsOver7Days => "Removals over 7 days",
        Gate::Updates => "Updates",
        Gate::New => "New people",
        Gate::Rows => "Rows against the last file",
        Gate::FieldChange => "One field changed or blanked",
        Gate::NoRows => "No rows",
        Gate::Damage => "Damaged file",
        Gate::TailMissing => "End of the file",
        Gate::Preview => "Preview mode",
        Gate::NewValue => "New value of a grouping field",
        Gate::Rollback => "Undo of an earlier run",
        Gate::Deletion => "Deletion of the connection",
    }
}

/// The meter and its limit in the limit's own unit; without a limit, or with one that is no number, none.
fn measured(reading: &GateReading) -> Option<(f64, f64)> {
    match reading.limit? {
        Limit::Percent(limit) if limit.is_finite() => Some((share(reading), limit.max(0.0))),
        Limit::Percent(_) => None,
        Limit::Count(limit) => Some((reading.meter as f64, limit as f64)),
    }
}

/// Percent.
fn share(reading: &GateReading) -> f64 {
    match (reading.meter, reading.of) {
        (0, _) => 0.0,
        (_, 0) => 100.0,
        (meter, of) => meter as f64 * 100.0 / of as f64,
    }
}

fn scaled(reading: &GateReading, length: u32) -> Vec<Stretch> {
    let Some((value, limit)) = measured(reading) else { return Vec::new() };
    let twice = match reading.limit {
        Some(Limit::Percent(_)) => (2.0 * limit).min(100.0),
        _ => 2.0 * limit,
    };
    let mut bar = bar::marked(value, limit, twice.max(value).max(limit), length);
    if reading.gate == Gate::Rows {
        // This limit is a floor: what lies above it is as it should be.
        bar.iter_mut().filter(|stretch| stretch.ink == Ink::Over).for_each(|stretch| stretch.ink = Ink::Filled);
    }
    bar
}

fn figures(reading: &GateReading) -> String {
    let meter = thousands(reading.meter);
    let bound = if reading.gate == Gate::Rows { "at least" } else { "limit" };
    match (reading.of, reading.limit) {
        (0, None) => String::new(),
        (of, None) => format!("{meter} of {}", thousands(of)),
        (0, Some(Limit::Count(limit))) => format!("{meter}, {bound} {}", thousands(limit)),
        (of, Some(Limit::Count(limit))) => format!("{meter} of {}, {bound} {}", thousands(of), thousands(limit)),
        (of, Some(Limit::Percent(limit))) => {
            let (share, limit) = percentages(share(reading), limit);
            format!("{meter} of {} = {share} %, {bound} {limit} %", thousands(of))
        }
    }
}

/// Both with as few decimals as tell them apart: a share just over its limit never reads like the limit.
fn percentages(share: f64, limit: f64) -> (String, String) {
    let short = |number: f64, decimals: usize| {
        let text = format!("{number:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    let apart = (1..=6).find(|decimals| short(share, *decimals) != short(limit, *decimals));
    (short(share, apart.unwrap_or(1)), short(limit, 3))
}
