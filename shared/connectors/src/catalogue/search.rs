//! Finding a provider by what somebody types.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{PROVIDERS, Provider};

/// The providers that a text may mean, best first; all of them for an empty text, nobody for a foreign one (then
/// [`super::unlisted`] is the way). Case, accents and punctuation do not matter; beginnings of words and small typing
/// errors are enough.
pub fn search(text: &str) -> Vec<&'static Provider> {
    let wanted = words(text);
    if wanted.is_empty() {
        return PROVIDERS.iter().collect();
    }
    let mut found: Vec<(usize, &Provider)> =
        PROVIDERS.iter().filter_map(|provider| Some((distance(provider, &wanted)?, provider))).collect();
    found.sort_by_key(|(distance, _)| *distance);
    // Typing errors are only forgiven where nothing fits as typed.
    let best = found.first().map_or(0, |(distance, _)| *distance);
    found.retain(|(distance, _)| best >= TYPO || *distance < TYPO);
    found.into_iter().map(|(_, provider)| provider).collect()
}

/// From here on a name fits only with typing errors.
const TYPO: usize = 10;

fn distance(provider: &Provider, wanted: &[String]) -> Option<usize> {
    let names = [provider.name].into_iter().chain(provider.aliases.iter().copied());
    names.filter_map(|name| of_name(&words(name), wanted)).min()
}

/// 0 the name itself, 1 its beginning, 2 beginnings of its words, 3 a part of it, [`TYPO`] and more with errors.
fn of_name(name: &[String], wanted: &[String]) -> Option<usize> {
    let (whole, typed) = (name.concat(), wanted.concat());
    if whole == typed {
        return Some(0);
    }
    if whole.starts_with(&typed) {
        return Some(1);
    }
    if wanted.iter().all(|word| name.iter().any(|known| known.starts_with(word.as_str()))) {
        return Some(2);
    }
    if typed.len() >= 3 && whole.contains(&typed) {
        return Some(3);
    }
    let of_whole = errors(&whole, &typed);
    let of_words =
        wanted.iter().map(|word| name.iter().filter_map(|known| errors(known, word)).min()).sum::<Option<_>>();
    of_whole.into_iter().chain(of_words).min().map(|errors: usize| TYPO + errors)
}

/// Typing errors between two words, where they are few for the length.
fn errors(known: &str, typed: &str) -> Option<usize> {
    let allowed = match typed.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    Some(strsim::damerau_levenshtein(known, typed)).filter(|errors| *errors <= allowed)
}

fn words(text: &str) -> Vec<String> {
    let plain: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).collect::<String>().to_lowercase();
    plain.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
