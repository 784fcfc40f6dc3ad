//! Layout of the plain text mail.

use unicode_normalization::UnicodeNormalization;

/// The widest line that is broken on purpose, in characters.
const WIDTH: usize = 76;

/// `text` broken between words at 76 characters, each line behind `indent` spaces. A longer word
/// stays whole, so that commands and addresses can be copied.
pub(super) fn wrap(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines = vec![margin.clone()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > indent && line + 1 + word.chars().count() > WIDTH {
            lines.push(margin.clone());
        }
        if let Some(line) = lines.last_mut() {
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// `text` filled with spaces behind it to `width` characters.
pub(super) fn pad(text: &str, width: usize) -> String {
    let composed: String = text.nfc().collect();
    let missing = width.saturating_sub(composed.chars().count());
    composed + &" ".repeat(missing)
}

/// `text` filled with spaces before it to `width` characters.
pub(super) fn right(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count())) + text
}
