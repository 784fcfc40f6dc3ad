//! One person of a roster, and the hashes they are known by.

use xxhash_rust::const_xxh3::const_custom_default_secret;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed, xxh3_128_with_secret};

use crate::recipient::{Cell, Desired};
use crate::status::Status;

/// What is to be remembered of a person besides the hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

const INVALID: u16 = 1 << 3;
const DATED: u16 = 1 << 4;
const NOT_APPLIED: u16 = 1 << 5;
const ABSENT_SHIFT: u16 = 8;
const ABSENT_MASK: u16 = 0b111 << ABSENT_SHIFT;

impl Flags {
    /// Flags of a person with this status.
    pub fn of(status: Status) -> Self {
        Self(status as u16)
    }

    /// From the stored two bytes.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The stored two bytes.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The status the source gave last.
    pub fn status(self) -> Status {
        Status::ALL.get(usize::from(self.0 & 0b111)).copied().unwrap_or(Status::Active)
    }

    /// The row had issues: they are due again with every file.
    #[must_use]
    pub fn invalid(self, yes: bool) -> Self {
        self.with(INVALID, yes)
    }

    /// What the row means depends on today.
    #[must_use]
    pub fn dated(self, yes: bool) -> Self {
        self.with(DATED, yes)
    }

    /// What the row says is not what the directory holds: a switch was off.
    #[must_use]
    pub fn not_applied(self, yes: bool) -> Self {
        self.with(NOT_APPLIED, yes)
    }

    /// Whether the directory does not hold what the row says.
    pub fn is_not_applied(self) -> bool {
        self.0 & NOT_APPLIED != 0
    }

    /// Whether the row must be read again although it has not changed. Somebody who was absent may have been
    /// deactivated for it.
    pub fn wants_a_look(self) -> bool {
        self.0 & (INVALID | DATED | NOT_APPLIED | ABSENT_MASK) != 0
    }

    /// Whether the directory may hold something else than what the row says.
    pub fn wants_a_decision(self) -> bool {
        self.0 & (NOT_APPLIED | ABSENT_MASK) != 0
    }

    /// In how many complete listings in a row the person was missing, at most 7.
    pub fn runs_absent(self) -> u8 {
        ((self.0 & ABSENT_MASK) >> ABSENT_SHIFT) as u8
    }

    /// The same flags with another count of absences.
    #[must_use]
    pub fn absent_for(self, runs: u8) -> Self {
        Self((self.0 & !ABSENT_MASK) | (u16::from(runs.min(7)) << ABSENT_SHIFT))
    }

    fn with(self, bit: u16, yes: bool) -> Self {
        Self(if yes { self.0 | bit } else { self.0 & !bit })
    }
}

/// One person of a roster. Ordered by the raw-record hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The first 64 bits of the record's hash.
    pub high: u64,
    /// The next 48 bits, then the 16 bits of the flags.
    pub low: u64,
    /// The unique id's hash.
    pub key: u64,
    /// The hash of what the record says.
    pub outcome: u64,
}

impl Entry {
    /// The stored size in bytes, without the key's text.
    pub const BYTES: usize = 32;

    /// An entry of a record.
    pub fn new(raw: u128, flags: Flags, key: u64, outcome: u64) -> Self {
        let (high, low) = split(raw);
        Self { high, low: low | u64::from(flags.bits()), key, outcome }
    }

    /// The flags.
    pub fn flags(&self) -> Flags {
        Flags::from_bits(self.low as u16)
    }

    /// The same entry with other flags.
    #[must_use]
    pub fn with_flags(self, flags: Flags) -> Self {
        Self { low: (self.low & !0xffff) | u64::from(flags.bits()), ..self }
    }

    /// Whether it is the entry of the record with this hash.
    pub(super) fn is_of(&self, raw: u128) -> bool {
        let (high, low) = split(raw);
        self.high == high && self.low & !0xffff == low
    }

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (slot, word) in bytes.chunks_exact_mut(8).zip([self.high, self.low, self.key, self.outcome]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(8).map(|word| word.iter().rev().fold(0, |sum, b| sum << 8 | u64::from(*b)));
        let mut next = || words.next().unwrap_or_default();
        Self { high: next(), low: next(), key: next(), outcome: next() }
    }
}

fn split(raw: u128) -> (u64, u64) {
    ((raw >> 64) as u64, (raw as u64) & !0xffff)
}

/// Hashes under a connection's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hasher {
    seed: u64,
    /// What a record means depends on more than what it says.
    policy: u64,
    /// Made of the seed once: making it for each record costs as much as hashing it.
    secret: [u8; 192],
}

/// The secret is not for logs.
impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// Hashes under this secret.
    pub fn new(seed: u64) -> Self {
        Self { seed, policy: 0, secret: const_custom_default_secret(seed) }
    }

    /// The same under a connection's policy: once that changes, every outcome is another one, and so every
    /// person gets a look.
    #[must_use]
    pub fn under(self, policy: &str) -> Self {
        Self { policy: xxh3_64_with_seed(policy.as_bytes(), self.seed), ..self }
    }

    /// A record in its least-quoted form.
    pub fn record(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &self.secret)
    }

    /// A unique id.
    pub fn key(&self, id: &str) -> u64 {
        xxh3_64_with_seed(id.as_bytes(), self.seed)
    }

    /// What a record says: every cell with its length, so that a value that moves to the neighbour
    /// column is another outcome.
    pub fn outcome(&self, desired: &Desired) -> u64 {
        let mut hash = Xxh3::with_seed(self.seed);
        hash.update(&self.policy.to_le_bytes());
        hash.update(&[desired.status as u8]);
        for (field, cell) in &desired.cells {
            hash.update(&[field.index() as u8]);
            match cell {
                Cell::Keep => hash.update(&[0]),
                Cell::Clear => hash.update(&[1]),
                Cell::Set(value) => {
                    for text in value.iter() {
                        hash.update(&[2]);
                        hash.update(&(text.len() as u32).to_le_bytes());
                        hash.update(text.as_bytes());
                    }
                }
            }
        }
        hash.digest()
    }

    /// What shows that a roster was made under this secret, without telling it.
    pub(super) fn check(&self) -> u64 {
        xxh3_64_with_seed(b"the secret of this connection", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::ids::UniqueId;
    use crate::recipient::Value;

    #[test]
    fn an_entry_reads_back_as_it_was() {
        let flags = Flags::of(Status::Retired).invalid(true).absent_for(5);
        let entry = Entry::new(u128::MAX / 7, flags, 11, 13);
        assert_eq!(Entry::from_bytes(&entry.to_bytes()), entry);
        assert_eq!((entry.flags().status(), entry.flags().runs_absent()), (Status::Retired, 5));
        assert!(entry.is_of(u128::MAX / 7) && entry.flags().wants_a_look());
    }

    #[test]
    fn another_policy_makes_every_outcome_another() {
        let said = Desired { unique_id: UniqueId::parse("1").unwrap(), status: Status::Active, cells: Vec::new() };
        let hasher = Hasher::new(1);
        assert_ne!(hasher.under("active only").outcome(&said), hasher.under("all").outcome(&said));
        assert_eq!(hasher.under("all").key("1"), hasher.key("1"));
    }

    #[test]
    fn a_value_that_moves_to_the_neighbour_column_is_another_outcome() {
        let said = |name: &str| Desired {
            unique_id: UniqueId::parse("1").unwrap(),
            status: Status::Active,
            cells: ["voice_1", "voice_2"]
                .map(|field| {
                    let cell = if field == name { Cell::Set(Value::One("+1".into())) } else { Cell::Clear };
                    (Field::by_name(field).unwrap(), cell)
                })
                .to_vec(),
        };
        let hasher = Hasher::new(1);
        assert_ne!(hasher.outcome(&said("voice_1")), hasher.outcome(&said("voice_2")));
    }
}
