//! The tables in `docs/operations.md`.

use std::fmt::Write;

use super::{Installation, Model, Usage};

/// A day's changes: 1 % updated, 0.3 % new, 0.3 % gone.
const CHANGED: f64 = 0.016;
const SIZES: [(&str, f64); 3] = [("10 k", 1e4), ("100 k", 1e5), ("1 M", 1e6)];

/// The day that the goals are about.
const PEOPLE: f64 = 1e6;
const CHANGES: f64 = PEOPLE * CHANGED;

/// A goal, and what became of it.
#[derive(Debug, Clone)]
pub struct Goal {
    /// What was aimed at.
    pub aim: &'static str,
    /// What came out, in words.
    pub figure: String,
    /// Whether that is what was aimed at.
    pub met: bool,
}

fn day(model: &Model) -> Usage {
    model.day(PEOPLE, CHANGES)
}

/// Dollars of a day's recipients written, index entries included.
fn own_writes(model: &Model) -> f64 {
    model.prices().dollars_for("dynamodb_write", day(model).of("people_write"))
}

/// Dollars of a day without what the product is told.
fn state(model: &Model) -> f64 {
    let told = day(model).of("eventbridge");
    model.prices().dollars(&day(model)) - model.prices().dollars_for("eventbridge", told)
}

/// The goals for a day of a million people with 1.6 % changes, of connections without groups, which they were set for.
pub fn goals(plain: &Model) -> Vec<Goal> {
    let dollars = |usage: &Usage| plain.prices().dollars(usage);
    let (all, state) = (dollars(&day(plain)), state(plain));
    let (share, write_all) = (own_writes(plain) / all, dollars(&plain.write_all(PEOPLE)));
    let unchanged = dollars(&plain.unchanged(PEOPLE));
    let goal = |aim, figure, met| Goal { aim, figure, met };
    vec![
        goal("a day costs at most $0.015", format!("{} without the product's events", usd(state)), state <= 0.015),
        goal("the same, the product's events included", usd(all), all <= 0.015),
        goal("90 % of it are the changes' own writes", format!("{:.0} %", 100.0 * share), share >= 0.9),
        goal(
            "the same, without the product's events",
            format!("{:.0} %", 100.0 * own_writes(plain) / state),
            own_writes(plain) / state >= 0.9,
        ),
        goal(
            "a fiftieth of writing everybody, without the product's events",
            format!("1/{:.0}", write_all / state),
            write_all / state >= 50.0,
        ),
        goal("an unchanged file costs at most $0.001", usd(unchanged), unchanged <= 0.001),
    ]
}

/// Dollars with as many digits as tell something.
fn usd(dollars: f64) -> String {
    match dollars {
        d if d >= 10.0 => format!("${d:.0}"),
        d if d >= 0.1 => format!("${d:.2}"),
        d if d >= 0.001 => format!("${d:.4}"),
        d => format!("${d:.6}"),
    }
}

fn line(out: &mut String, name: &str, of: impl Fn(f64) -> Usage, model: &Model) {
    let cells = SIZES.map(|(_, people)| usd(model.prices().dollars(&of(people))));
    let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
}

/// All tables, of a model of connections with groups by two fields and of one without groups.
pub fn rendered(grouped: &Model, plain: &Model) -> String {
    let mut out = String::new();
    let prices = grouped.prices();
    let unchecked: Vec<_> =
        prices.price.iter().filter(|(_, price)| !price.checked).map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(
        out,
        "List prices of {} without free tier, {} (`docs/prices.toml`). Not looked up again since they were written down \
         from memory: `{}`.\n",
        prices.region,
        prices.date,
        unchecked.join("`, `")
    );
    a_month(&mut out, grouped);
    pieces(&mut out, grouped, plain);
    let _ = writeln!(out, "\n**What was aimed at**, for a day of 1 M people with 16,000 changes and no groups:\n");
    let _ = writeln!(out, "| goal | figure | |\n| --- | --- | --- |");
    for Goal { aim, figure, met } in goals(plain) {
        let _ = writeln!(out, "| {aim} | {figure} | {} |", if met { "met" } else { "**missed**" });
    }
    out
}

fn at(people: f64) -> Installation {
    Installation { people, changed: people * CHANGED }
}

fn a_month(out: &mut String, model: &Model) {
    let _ = writeln!(out, "**A month**, one connection, 1.6 % of its people changed a day, groups by two fields:\n");
    let _ = writeln!(out, "| | {} people |", SIZES.map(|(name, _)| name).join(" | "));
    let _ = writeln!(out, "| --- | --- | --- | --- |");
    line(out, "idle stack: what it costs when nothing comes", |_| model.idle(), model);
    line(
        out,
        "SFTP endpoint, shared by all customers",
        |people| model.endpoint(model.gigabytes_of_files(people)),
        model,
    );
    line(out, "a file a day", |people| model.month_of_files(at(people)), model);
    line(out, "of it what is kept", |people| model.kept(at(people), true), model);
    line(out, "or a full listing of a provider a day", |people| model.month_of_listings(at(people)), model);
    line(out, "or an event a change, and a listing a week", |people| model.month_of_events(at(people)), model);
    line(out, "once: the first import", |people| model.first(people), model);
    let idle = model.idle();
    let parts = [
        "sqs",
        "sqs_fifo",
        "lambda_gb_second",
        "trace",
        "metric_month",
        "alarm_month",
        "dashboard_month",
        "kms_key_month",
        "kms_request",
        "dynamodb_read",
    ];
    let parts = parts.map(|what| format!("{what} {}", usd(model.prices().dollars_for(what, idle.of(what)))));
    let _ = writeln!(out, "\nThe idle stack's parts: {}.\n", parts.join(", "));
}

fn pieces(out: &mut String, grouped: &Model, plain: &Model) {
    let _ = writeln!(out, "**A day of 1 M people** with 16,000 changes, in parts:\n");
    let _ = writeln!(out, "| | groups by two fields | no groups |\n| --- | --- | --- |");
    let mut row = |name: &str, of: &dyn Fn(&Model) -> String| {
        let _ = writeln!(out, "| {name} | {} | {} |", of(grouped), of(plain));
    };
    let part = |what: &'static str| move |model: &Model| usd(model.prices().dollars_for(what, day(model).of(what)));
    row("writes of recipients and of their index entries", &|model| usd(own_writes(model)));
    row("all writes", &part("dynamodb_write"));
    row("reads of what is stored of changed people", &part("dynamodb_read"));
    row("an event a change to the product's bus", &part("eventbridge"));
    row("Lambda, by time", &part("lambda_gb_second"));
    row("all of it", &|model| usd(model.prices().dollars(&day(model))));
    row("of it without the product's events", &|model| usd(state(model)));
    row("the same file again", &|model| usd(model.prices().dollars(&model.unchanged(PEOPLE))));
    row("a program that writes everybody every day", &|model| usd(model.prices().dollars(&model.write_all(PEOPLE))));
    row("write units a change", &|model| {
        format!("{:.2}", model.requests_of_a_day(CHANGES).of("people_write") / CHANGES)
    });
    row("one event by webhook", &|model| usd(model.prices().dollars(&model.event())));
}

/// A document with what stands between the two marks replaced.
pub fn replaced(document: &str, tables: &str) -> String {
    const BEGIN: &str = "<!-- cost: begin, written by tests/tests/cost.rs -->\n";
    const END: &str = "<!-- cost: end -->";
    let (head, rest) = document.split_once(BEGIN).expect("docs/operations.md has a place for the tables");
    let (_, tail) = rest.split_once(END).expect("that place has an end");
    format!("{head}{BEGIN}{tables}{END}{tail}")
}
