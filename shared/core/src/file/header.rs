//! The header record: clean names, and whether it is a header at all.

use crate::issue::{Code, Issue, Place};
use crate::privacy::{MASK, blocked_value};

/// The names of the header's cells, cleaned, with the findings that do not stop the file.
///
/// # Errors
/// The issues that refuse the file.
pub(super) fn names(
    cells: &[Vec<u8>],
    delimiter: u8,
    line: u64,
    hint: Option<&str>,
) -> Result<(Vec<String>, Vec<Issue>), Vec<Issue>> {
    let place = Place { record: 0, line };
    let mut names = Vec::with_capacity(cells.len());
    for cell in cells {
        let text = std::str::from_utf8(cell).map_err(|_| {
            let hint = hint.unwrap_or("save the file as UTF-8");
            vec![Issue::at(Code::Encoding, place, format!("the header is not UTF-8 text: {hint}"))]
        })?;
        names.push(cleaned(text));
    }
    if cells.iter().any(|cell| swallowed_rows(cell, delimiter, cells.len())) {
        let message = "a quoted name in the header holds whole rows: a quote is missing or too many";
        return Err(vec![Issue::at(Code::SwallowedRows, place, message)]);
    }
    let refused = |message: String| Err(vec![Issue::at(Code::Header, place, message)]);
    if cells.iter().flatten().any(|&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n' | 0x1A)) {
        return refused("the header holds NUL or other control characters: export the file anew as text".into());
    }
    if names.iter().all(String::is_empty) {
        return refused("no column of the header has a name: the first record must name the columns".into());
    }
    if let Some(seen) = looks_like_data(&names) {
        return refused(format!(
            "the first record looks like a person, not like a header ({seen} in it): begin the file with the columns' names"
        ));
    }
    let twice = repeated(&names);
    if !twice.is_empty() {
        return refused(format!(
            "the header has these names more than once: {}: give each column its own name",
            twice.join(", ")
        ));
    }
    let issues = nameless(&names).map(|message| Issue::at(Code::HeaderNameless, place, message)).into_iter().collect();
    Ok((names, issues))
}

/// More lines than a name has, or a line break together with as many delimiters as rows have.
fn swallowed_rows(cell: &[u8], delimiter: u8, columns: usize) -> bool {
    let breaks = memchr::memchr2_iter(b'\n', b'\r', cell).count();
    let delimiters = memchr::memchr_iter(delimiter, cell).count();
    breaks > 6 || (breaks > 0 && (delimiters > 1 || (delimiters == 1 && columns <= 2)))
}

/// Without what cannot be seen: white space around (no-break spaces too), zero-width characters, byte
/// order marks; line breaks and runs of white space within become one space.
fn cleaned(text: &str) -> String {
    let seen: String = text.chars().filter(|&letter| !is_invisible(letter)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{00AD}' | '\u{180E}')
        || (letter.is_control() && !letter.is_whitespace())
}

fn repeated(names: &[String]) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut twice = std::collections::BTreeSet::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            // Without a header the first record is a person's: what is blocked is not quoted.
            twice.insert(if blocked_value(name).is_some() { MASK.to_owned() } else { format!("\"{name}\"") });
        }
    }
    twice.into_iter().collect()
}

fn nameless(names: &[String]) -> Option<String> {
    let columns: Vec<String> =
        names.iter().enumerate().filter(|(_, name)| name.is_empty()).map(|(at, _)| (at + 1).to_string()).collect();
    match columns.as_slice() {
        [] => None,
        [one] => Some(format!("column {one} has no name and was ignored")),
        many => Some(format!("columns {} have no name and were ignored", many.join(", "))),
    }
}

/// What in the names gives away a row of data: an e-mail address, or values in half of the cells.
/// Says the kind only and never quotes: it may be a person's data.
fn looks_like_data(names: &[String]) -> Option<&'static str> {
    let filled: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    if filled.iter().any(|name| is_email(name)) {
        return Some("an e-mail address is");
    }
    let values = filled.iter().filter(|name| is_value(name)).count();
    (values * 2 >= filled.len()).then_some("numbers or dates are")
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    !local.is_empty() && !text.contains(char::is_whitespace) && domain.contains('.') && !domain.ends_with('.')
}

/// Digits with nothing but the marks of numbers, dates and phone numbers.
fn is_value(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-./: ()".contains(&byte))
}
