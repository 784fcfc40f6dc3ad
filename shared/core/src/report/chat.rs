//! The line for a chat webhook.

use super::Report;
use super::clean::{clip, one_line};
use super::subject::counts;
use super::words::{Kind, headline};

/// One plain line that a file arrived and what became of it, without markup, mentions or links that
/// a chat service would act on; at most 400 characters.
pub fn chat_alert(report: &Report<'_>) -> String {
    let kind = Kind::of(report);
    let plain = |text| clip(&inert(&one_line(text)), 100);
    let mut line =
        format!("{} arrived for {}: {}", plain(report.source), plain(report.connection), headline(report, kind));
    if kind.planned() {
        line.push_str(&format!(" ({})", counts(report, kind)));
    }
    line.push_str(&format!(". Run {}", plain(report.run)));
    clip(&line, 400)
}

/// Takes the signs from a text by which chat services make mentions, links and code.
fn inert(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push('‹'),
            '>' => plain.push('›'),
            '@' => plain.push('＠'),
            '[' => plain.push('('),
            ']' => plain.push(')'),
            '`' => plain.push('\''),
            '&' => plain.push('+'),
            '/' if plain.ends_with(":/") => plain.push_str(" /"),
            other => plain.push(other),
        }
    }
    plain
}
