//! The tables in `docs/operations.md`.

use std::fmt::Write;

use super::{Installation, Model, Usage};

/// A day's changes: 1 % updated, 0.3 % new, 0.3 % gone.
const CHANGED: f64 = 0.016;
const SIZES: [(&str, f64); 3] = [("10 k", 1e4), ("100 k", 1e5), ("1 M", 1e6)];

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
    out
}

fn at(people: f64) -> Installation {
    Installation { people, changed: people * CHANGED, sftp: false }
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
    let (people, changes) = (1e6, 1.6e4);
    let mut row = |name: &str, of: &dyn Fn(&Model) -> String| {
        let _ = writeln!(out, "| {name} | {} | {} |", of(grouped), of(plain));
    };
    let part = |what: &'static str| {
        move |model: &Model| usd(model.prices().dollars_for(what, model.day(people, changes).of(what)))
    };
    let own =
        |model: &Model| model.prices().dollars_for("dynamodb_write", model.day(people, changes).of("people_write"));
    row("writes of recipients and of their index entries", &|model| usd(own(model)));
    row("all writes", &part("dynamodb_write"));
    row("reads of what is stored of changed people", &part("dynamodb_read"));
    row("an event a change to the product's bus", &part("eventbridge"));
    row("Lambda, by time", &part("lambda_gb_second"));
    row("all of it", &|model| usd(model.prices().dollars(&model.day(people, changes))));
    row("the same file again", &|model| usd(model.prices().dollars(&model.unchanged(people))));
    row("writing everybody instead", &|model| usd(model.prices().dollars(&model.write_all(people))));
    row("write units a change", &|model| {
        format!("{:.2}", model.requests_of_a_day(changes).of("people_write") / changes)
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
