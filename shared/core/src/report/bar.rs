//! Bars as cells of a table and as ASCII, from one computation.

/// What a stretch of a bar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Up to what was counted.
    Filled,
    /// What was counted beyond the limit.
    Over,
    /// The limit itself.
    Mark,
    /// Nothing.
    Empty,
}

/// A stretch of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// What it shows.
    pub(super) ink: Ink,
    /// How long it is; the stretches of a bar add up to its length.
    pub(super) width: u32,
}

/// A bar of `length` filled to `value` of `whole`. Whatever is more than nothing shows.
pub(super) fn plain(value: f64, whole: f64, length: u32) -> Vec<Stretch> {
    let filled = part(value, whole, length);
    stretches([(Ink::Filled, filled), (Ink::Empty, length - filled)])
}

/// A bar of `length` filled to `value`, with a mark at `limit`, on a scale that shows both. A value over
/// its limit always reaches beyond the mark, and any other never does.
pub(super) fn marked(value: f64, limit: f64, scale: f64, length: u32) -> Vec<Stretch> {
    let room = length - 1;
    let before = part(limit, scale, room).min(room - 1);
    let after = room - before;
    let (filled, over) = if value > limit {
        (before, part(value - limit, scale - limit, after))
    } else {
        (part(value, limit, before), 0)
    };
    stretches([
        (Ink::Filled, filled),
        (Ink::Empty, before - filled),
        (Ink::Mark, 1),
        (Ink::Over, over),
        (Ink::Empty, after - over),
    ])
}

/// `#` for what was counted, `|` for the limit, `.` for nothing.
pub(super) fn ascii(bar: &[Stretch]) -> String {
    let sign = |ink| match ink {
        Ink::Filled | Ink::Over => "#",
        Ink::Mark => "|",
        Ink::Empty => ".",
    };
    bar.iter().map(|stretch| sign(stretch.ink).repeat(stretch.width as usize)).collect()
}

fn stretches<const N: usize>(parts: [(Ink, u32); N]) -> Vec<Stretch> {
    parts.into_iter().filter(|(_, width)| *width > 0).map(|(ink, width)| Stretch { ink, width }).collect()
}

/// `value` of `whole` as a part of `length`: 0 only for nothing, `length` at most.
fn part(value: f64, whole: f64, length: u32) -> u32 {
    if value <= 0.0 || value.is_nan() || length == 0 {
        return 0;
    }
    let share = if whole > 0.0 { (value / whole).min(1.0) } else { 1.0 };
    // Between 0 and `length`, so the cast cuts nothing off.
    ((share * f64::from(length)).round() as u32).clamp(1, length)
}
