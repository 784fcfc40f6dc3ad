//! Audiences: who gets a message, each address once.
//!
//! The people of an account are fed one by one, those outside of the audience too: an opt-out or an exclusion counts for
//! an address, whoever holds it. What is remembered is a hash and a few bits an address, so that an account of 100,000
//! people fits a small function.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::plan::fold;

/// What the collector is told of one person.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whether the person is in one of the groups and segments that are asked for.
    pub included: bool,
    /// Whether the person is in one of those that are left out.
    pub excluded: bool,
    /// Whether the person opted out of the channel.
    pub opted_out: bool,
    /// Whether the person is active: others get no messages.
    pub active: bool,
    /// The values of the channel; the first one is written to.
    pub addresses: &'a [&'a str],
}

/// What became of the people who were asked for; each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudienceCounts {
    /// Those who get the message.
    pub members: u64,
    /// Those whose address another member has.
    pub duplicates: u64,
    /// Those who opted out, or whose address somebody opted out with.
    pub opted_out: u64,
    /// Those who are left out, or whose address somebody has who is.
    pub excluded: u64,
    /// Active people without a value of the channel.
    pub without_channel: u64,
    /// Inactive people.
    pub inactive: u64,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// Active people who were asked for and would get the message there.
    holders: u32,
    excluded: bool,
    opted_out: bool,
}

/// Takes people in.
#[derive(Debug, Default)]
pub struct Collector {
    /// By the address's hash, as bytes: 24 of them an address, where a number would be padded to 32.
    addresses: HashMap<[u8; 16], Mark>,
    counts: AudienceCounts,
}

/// Who gets the message, by address.
#[derive(Debug)]
pub struct Audience {
    addresses: HashMap<[u8; 16], Mark>,
    counts: AudienceCounts,
}

impl Collector {
    /// Takes a person in. `true`: the first one who may get the message at their address; whether they do,
    /// [`Audience::takes`] says when everybody was fed.
    pub fn feed(&mut self, person: &Candidate<'_>) -> bool {
        if person.excluded || person.opted_out {
            for address in person.addresses {
                let mark = self.addresses.entry(hash(address)).or_default();
                mark.excluded |= person.excluded;
                mark.opted_out |= person.opted_out;
            }
        }
        if !person.included {
            return false;
        }
        if person.excluded {
            self.counts.excluded += 1;
        } else if !person.active {
            self.counts.inactive += 1;
        } else if let Some(address) = person.addresses.first() {
            let mark = self.addresses.entry(hash(address)).or_default();
            mark.holders = mark.holders.saturating_add(1);
            return mark.holders == 1;
        } else {
            self.counts.without_channel += 1;
        }
        false
    }

    /// Everybody was fed.
    pub fn finish(self) -> Audience {
        let mut counts = self.counts;
        for mark in self.addresses.values() {
            let holders = u64::from(mark.holders);
            if mark.excluded {
                counts.excluded += holders;
            } else if mark.opted_out {
                counts.opted_out += holders;
            } else if holders > 0 {
                counts.members += 1;
                counts.duplicates += holders - 1;
            }
        }
        Audience { addresses: self.addresses, counts }
    }
}

impl Audience {
    /// What became of the people who were asked for.
    pub fn counts(&self) -> AudienceCounts {
        self.counts
    }

    /// Whether the message goes to this address.
    pub fn takes(&self, address: &str) -> bool {
        self.addresses.get(&hash(address)).is_some_and(|mark| mark.holders > 0 && !mark.excluded && !mark.opted_out)
    }
}

/// An address as it is compared: without white space around it, composed, in lower case.
fn hash(address: &str) -> [u8; 16] {
    xxh3_128(fold(address).as_bytes()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A person as a line: the address, `i` for included, `x` excluded, `o` opted out, `-` inactive.
    fn collected(people: &[&str]) -> (Vec<String>, AudienceCounts) {
        let mut collector = Collector::default();
        let mut first = Vec::new();
        for person in people {
            let (address, marks) = person.split_once(' ').unwrap();
            let addresses: Vec<&str> = address.split('|').filter(|address| !address.is_empty()).collect();
            let has = |mark: char| marks.contains(mark);
            let (included, excluded, opted_out, active) = (has('i'), has('x'), has('o'), !has('-'));
            if collector.feed(&Candidate { included, excluded, opted_out, active, addresses: &addresses }) {
                first.push(addresses[0].to_owned());
            }
        }
        let audience = collector.finish();
        first.retain(|address| audience.takes(address));
        (first, audience.counts())
    }

    fn check(people: &[&str], expected: &[&str]) {
        assert_eq!(collected(people).0, expected, "{people:?}");
    }

    #[test]
    fn an_address_gets_it_once_whatever_its_case() {
        check(&["ana@acme.io i", "ANA@acme.io i", "bo@acme.io i"], &["ana@acme.io", "bo@acme.io"]);
    }

    #[test]
    fn an_opt_out_of_anybody_counts_for_the_address_whenever_it_comes() {
        check(&["ana@acme.io i", "bo@acme.io i", "Ana@acme.io o"], &["bo@acme.io"]);
        check(&["Ana@acme.io o-", "ana@acme.io i"], &[]);
        check(&["x@acme.io|ana@acme.io o", "ana@acme.io i"], &[]);
    }

    #[test]
    fn who_is_left_out_takes_their_address_with_them() {
        check(&["ana@acme.io i", "ana@acme.io x"], &[]);
        check(&["ana@acme.io ix", "bo@acme.io i"], &["bo@acme.io"]);
    }

    #[test]
    fn inactive_people_and_people_without_the_channel_get_nothing_and_are_counted() {
        let (members, counts) = collected(&["ana@acme.io i-", " i", "bo@acme.io ", "cy@acme.io i", "CY@acme.io i"]);
        assert_eq!(members, ["cy@acme.io"]);
        let expected =
            AudienceCounts { members: 1, duplicates: 1, without_channel: 1, inactive: 1, ..Default::default() };
        assert_eq!(counts, expected);
    }

    proptest! {
        #[test]
        fn everybody_who_is_asked_for_is_counted_once_and_nobody_gets_it_twice(
            people in prop::collection::vec(("[abAB]?", "i?x?o?-?"), 0..40)
        ) {
            let people: Vec<_> = people.iter().map(|(address, marks)| format!("{address} {marks}")).collect();
            let people: Vec<&str> = people.iter().map(String::as_str).collect();
            let (members, counts) = collected(&people);
            let asked = people.iter().filter(|person| person.contains('i')).count();
            let AudienceCounts { members: got, duplicates, opted_out, excluded, without_channel, inactive } = counts;
            prop_assert_eq!(got + duplicates + opted_out + excluded + without_channel + inactive, asked as u64);
            prop_assert_eq!(got, members.len() as u64);
            let mut folded: Vec<_> = members.iter().map(|address| fold(address)).collect();
            folded.sort();
            folded.dedup();
            prop_assert_eq!(folded.len(), members.len());
            for member in &folded {
                let barred = |person: &&&str| {
                    person.to_lowercase().starts_with(member.as_str()) && person.contains(['o', 'x'])
                };
                prop_assert!(people.iter().find(barred).is_none());
            }
        }
    }
}
