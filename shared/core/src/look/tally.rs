//! The different values that a mapped field takes, and what each is mapped to.

use std::collections::HashMap;

use crate::mapping::{Becomes, Said};

/// One value of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// As the source writes it, after the field's transforms.
    pub text: String,
    /// How many rows say it.
    pub rows: u64,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// Counts values, up to a number of different ones.
#[derive(Debug, Default)]
pub struct ValueTally {
    seen: HashMap<String, (u64, Becomes)>,
    most: usize,
    blocked: u64,
    truncated: bool,
}

impl ValueTally {
    /// A tally of at most so many different values.
    pub fn of(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Counts what a row says.
    pub fn take(&mut self, said: Said) {
        let (text, becomes) = match said {
            Said::Blocked => {
                self.blocked += 1;
                return;
            }
            Said::Value { text, becomes } => (text, becomes),
        };
        if let Some((rows, _)) = self.seen.get_mut(&text) {
            *rows += 1;
        } else if self.seen.len() < self.most {
            self.seen.insert(text, (1, becomes));
        } else {
            self.truncated = true;
        }
    }

    /// Values that are never shown, as often as they were said.
    pub fn blocked(&self) -> u64 {
        self.blocked
    }

    /// Whether there were more different values than are counted.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Different values so far.
    pub fn distinct(&self) -> usize {
        self.seen.len()
    }

    /// Different values that are mapped to nothing.
    pub fn unmapped(&self) -> usize {
        self.seen.values().filter(|(_, becomes)| becomes.is_unmapped()).count()
    }

    /// The values: those that are mapped to nothing first, the most frequent first, then by their text.
    pub fn finish(self) -> Vec<Counted> {
        let mut values: Vec<Counted> =
            self.seen.into_iter().map(|(text, (rows, becomes))| Counted { text, rows, becomes }).collect();
        values.sort_by(|a, b| {
            let order = |value: &Counted| (!value.becomes.is_unmapped(), std::cmp::Reverse(value.rows));
            order(a).cmp(&order(b)).then_with(|| a.text.cmp(&b.text))
        });
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, becomes: Becomes) -> Said {
        Said::Value { text: text.to_owned(), becomes }
    }

    #[test]
    fn unmapped_values_come_first_then_the_most_frequent() {
        let mut tally = ValueTally::of(10);
        let stored = || Becomes::Stored("x".to_owned());
        for (text, becomes) in
            [("a", stored()), ("b", stored()), ("b", stored()), ("c", Becomes::Unmapped), ("d", Becomes::Nothing)]
        {
            tally.take(said(text, becomes));
        }
        tally.take(Said::Blocked);
        assert_eq!((tally.distinct(), tally.unmapped(), tally.blocked()), (4, 1, 1));
        let order: Vec<_> = tally.finish().into_iter().map(|value| (value.text, value.rows)).collect();
        assert_eq!(order, [("c".into(), 1), ("b".into(), 2), ("a".into(), 1), ("d".into(), 1)]);
    }

    #[test]
    fn more_values_than_are_counted_are_told() {
        let mut tally = ValueTally::of(1);
        tally.take(said("a", Becomes::Unmapped));
        tally.take(said("a", Becomes::Unmapped));
        assert!(!tally.is_truncated());
        tally.take(said("b", Becomes::Unmapped));
        assert!(tally.is_truncated());
        assert_eq!(tally.finish().len(), 1);
    }
}
