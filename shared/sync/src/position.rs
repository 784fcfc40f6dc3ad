//! The order of a connection's sources.

use serde::{Deserialize, Serialize};

/// Where a source stands among the sources of its connection. A source below the newest one that
/// was planned is superseded.
///
/// S3 orders events of one key only (its sequencer), so between keys time decides: the object's last change,
/// which has whole seconds, made finer by its event's time. The tie rule: the same time, then the key's text,
/// then the sequencer, then the version id. It is the same whatever order the events come in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Milliseconds since 1970 of the object's last change.
    pub modified_ms: i64,
    /// The object's key.
    pub key: String,
    /// The event's sequencer, padded: strings of different length compare as numbers.
    pub sequencer: String,
    /// The object's version id.
    pub version: String,
}

impl Position {
    /// The position of an object version whose event says `event_ms`, in milliseconds since 1970.
    pub fn of(modified_ms: i64, event_ms: i64, key: &str, sequencer: &str, version: &str) -> Self {
        // An event of another time than the object's change tells nothing about it.
        let finer = (0..2_000).contains(&(event_ms - modified_ms));
        Self::new(if finer { event_ms } else { modified_ms }, key, sequencer, version)
    }

    /// The position of an object version.
    pub fn new(modified_ms: i64, key: &str, sequencer: &str, version: &str) -> Self {
        Self { modified_ms, key: key.to_owned(), sequencer: padded(sequencer), version: version.to_owned() }
    }
}

/// S3 says that the shorter sequencer is to be padded with zeros on the right before comparing.
fn padded(sequencer: &str) -> String {
    format!("{:0<32}", sequencer.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(older: (i64, &str, &str), newer: (i64, &str, &str)) {
        let at = |(ms, key, sequencer): (i64, &str, &str)| Position::new(ms, key, sequencer, "v");
        assert!(at(older) < at(newer));
    }

    #[test]
    fn sequencers_of_different_length_compare_padded_f03() {
        check((1000, "a.csv", "0055AED6DCD9028"), (1000, "a.csv", "0055AED6DCD90281E5"));
    }

    #[test]
    fn another_key_is_ordered_by_time_f04() {
        check((1000, "z.csv", "FF"), (2000, "a.csv", "00"));
    }

    #[test]
    fn within_a_second_the_event_s_time_decides() {
        let at = |event_ms, key| Position::of(5_000, event_ms, key, "00", "v");
        assert!(at(5_100, "z.csv") < at(5_200, "a.csv"));
        assert_eq!(at(90_000, "a.csv").modified_ms, 5_000);
    }

    #[test]
    fn the_same_second_is_ordered_by_key_f05() {
        check((1000, "a.csv", "FF"), (1000, "b.csv", "00"));
    }
}
