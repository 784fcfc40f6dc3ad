//! The words by which connection files spell what settings hold. Read and written through one table.

use super::{DataType, Encoding, Mode, OnAbsent, OnEmpty, OnNew, OnNewValue};
use crate::status::ImportChoice;

/// A word and what it means.
pub(super) type Words<T> = [(&'static str, T)];

pub(super) const IMPORT: &Words<ImportChoice> =
    &[("active_and_inactive", ImportChoice::ActiveAndInactive), ("active_only", ImportChoice::ActiveOnly)];
pub(super) const MODE: &Words<Mode> = &[("preview", Mode::Preview), ("active", Mode::Active), ("paused", Mode::Paused)];
pub(super) const ON_NEW: &Words<OnNew> = &[("add", OnNew::Add), ("propose", OnNew::Propose)];
pub(super) const ON_ABSENT: &Words<OnAbsent> =
    &[("remove", OnAbsent::Remove), ("deactivate", OnAbsent::Deactivate), ("ignore", OnAbsent::Ignore)];
pub(super) const ON_NEW_VALUE: &Words<OnNewValue> = &[("create", OnNewValue::Create), ("alert", OnNewValue::Alert)];
pub(super) const ON_EMPTY: &Words<OnEmpty> = &[("clear", OnEmpty::Clear), ("keep", OnEmpty::Keep)];
pub(super) const DELIMITER: &Words<Option<u8>> = &[
    ("auto", None),
    (",", Some(b',')),
    ("|", Some(b'|')),
    ("tab", Some(b'\t')),
    (";", Some(b';')),
    ("\t", Some(b'\t')),
];
pub(super) const ENCODING: &Words<Encoding> = &[("utf-8", Encoding::Utf8), ("windows-1252", Encoding::Windows1252)];
pub(super) const STRAY_QUOTES: &Words<bool> = &[("hold", false), ("text", true)];
pub(super) const TRANSFORMS: [&str; 6] = ["trim", "lower", "upper", "title", "digits", "collapse"];

/// The types of channel fields, then those of address fields.
pub(super) const CHANNEL_TYPES: &Words<DataType> = &[
    ("Primary", DataType::Primary),
    ("Secondary", DataType::Secondary),
    ("Home", DataType::Home),
    ("Work", DataType::Work),
    ("Office", DataType::Office),
    ("Mobile", DataType::Mobile),
    ("Assistant", DataType::Assistant),
    ("Fax", DataType::Fax),
    ("Direct Dial-In", DataType::DirectDialIn),
    ("Personal", DataType::Personal),
    ("Other", DataType::Other),
];
pub(super) const ADDRESS_TYPES: &Words<DataType> = &[
    ("Primary", DataType::Primary),
    ("Secondary", DataType::Secondary),
    ("Home", DataType::Home),
    ("Office", DataType::Office),
    ("Shipping", DataType::Shipping),
    ("Billing", DataType::Billing),
    ("Other", DataType::Other),
];

/// How a value is spelled; every value has a word.
pub(super) fn spelled<T: Copy + PartialEq>(words: &Words<T>, value: T) -> &'static str {
    words.iter().find(|(_, meant)| *meant == value).map_or("", |(word, _)| word)
}

/// `"a", "b" or "c"`.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// ` (did you mean "x"?)`, or nothing when none is near.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"))
}

/// The nearest known word, if it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let small = word.trim().to_lowercase();
    known
        .into_iter()
        .map(|candidate| (likeness(&small, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.62)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// From 0 to 1. The first measure likes equal beginnings, the second sees swapped letters.
fn likeness(a: &str, b: &str) -> f64 {
    f64::midpoint(strsim::jaro_winkler(a, b), strsim::normalized_damerau_levenshtein(a, b))
}
