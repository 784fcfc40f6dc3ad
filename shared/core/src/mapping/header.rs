//! Finding a mapped name among a file's columns.

use unicode_normalization::UnicodeNormalization;

use crate::privacy::{MASK, blocked_value};
use crate::settings::words;

/// A file's header.
pub(super) struct Header<'h> {
    pub(super) names: &'h [String],
    plain: Vec<String>,
}

/// Where a name stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nowhere,
    At(usize),
    /// More than once: nobody can tell which is meant.
    Several(Vec<usize>),
}

impl<'h> Header<'h> {
    pub(super) fn new(names: &'h [String]) -> Self {
        Self { names, plain: names.iter().map(|name| plain(name)).collect() }
    }

    /// Exactly, or else whatever its case, white space and invisible characters.
    pub(super) fn find(&self, name: &str) -> Found {
        let exact = positions(self.names, |candidate| candidate == name);
        if !exact.is_empty() {
            return found(exact);
        }
        let wanted = plain(name);
        found(positions(&self.plain, |candidate| *candidate == wanted))
    }

    /// ` (did you mean "x"?)`, or nothing when no column is near.
    pub(super) fn hint(&self, name: &str) -> String {
        words::nearest(name, self.names.iter().map(String::as_str))
            .map_or_else(String::new, |near| format!(" (did you mean {}?)", shown(near)))
    }

    /// The columns for a message.
    pub(super) fn listed(&self) -> String {
        const MOST: usize = 50;
        let mut list: Vec<String> = self.names.iter().take(MOST).map(|name| shown(name)).collect();
        if self.names.len() > MOST {
            list.push(format!("and {} more", self.names.len() - MOST));
        }
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }
}

fn positions(names: &[String], fits: impl Fn(&String) -> bool) -> Vec<usize> {
    names.iter().enumerate().filter(|(_, name)| fits(name)).map(|(at, _)| at).collect()
}

fn found(at: Vec<usize>) -> Found {
    match at.as_slice() {
        [] => Found::Nowhere,
        [one] => Found::At(*one),
        _ => Found::Several(at),
    }
}

/// A column's name for a message. A file without a header has data there, so it is masked where blocked.
pub(super) fn shown(name: &str) -> String {
    if blocked_value(name).is_some() {
        return MASK.to_owned();
    }
    format!("{:?}", name.chars().take(60).collect::<String>())
}

fn plain(name: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}');
    let name: String = name.nfc().filter(visible).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &[&str], name: &str, expected: Found) {
        let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Header::new(&names).find(name), expected, "{name} in {header:?}");
    }

    #[test]
    fn a_name_is_found_exactly_or_whatever_its_case_and_space() {
        check(&["A", "Work Email"], "Work Email", Found::At(1));
        check(&["\u{feff}work\u{a0} EMAIL "], "Work Email", Found::At(0));
        check(&["Work-Email"], "Work Email", Found::Nowhere);
    }

    #[test]
    fn an_exact_name_wins_and_two_equal_ones_are_ambiguous() {
        check(&["id", "ID"], "ID", Found::At(1));
        check(&["id", "Id"], "ID", Found::Several(vec![0, 1]));
        check(&["ID", "ID"], "ID", Found::Several(vec![0, 1]));
    }
}
