//! Who is in the file of a day.

use crate::Options;
use crate::dice::Dice;
use crate::person::{Person, is_manager};

/// Of every 1,000 people, those who lead nobody.
const BLOCK: u32 = 950;
/// Multipliers that have no factor with [`BLOCK`] in common.
const STEPS: [u32; 8] = [37, 91, 153, 219, 341, 407, 599, 723];
const BLOCK_PURPOSE: u64 = 1 << 40;
const ORDER_PURPOSE: u64 = 1 << 41;

/// The people of all days up to one.
pub(crate) struct Population {
    seed: u64,
    people: u32,
    new_per_day: u32,
    gone: u32,
    changed: u32,
    pub(crate) day: u32,
}

/// What the last day did with a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Absent,
    New,
    Gone,
    Changed,
    Same,
}

impl Population {
    pub(crate) fn new(options: &Options) -> Self {
        let gone = options.gone_permille.min(BLOCK);
        let new = u64::from(options.people) * u64::from(options.new_permille) / 1000;
        Self {
            seed: options.seed,
            people: options.people,
            new_per_day: new as u32,
            gone,
            changed: options.changed_permille.min(BLOCK - gone),
            day: options.day.max(1),
        }
    }

    /// Everybody who was ever in a file is `0..ever()`.
    pub(crate) fn ever(&self) -> u32 {
        self.people + self.new_per_day * (self.day - 1)
    }

    /// The rows of the file in their order.
    pub(crate) fn order(&self, shuffle: bool) -> Vec<u32> {
        let mut order: Vec<u32> =
            (0..self.ever()).filter(|&k| !matches!(self.step(k), Step::Absent | Step::Gone)).collect();
        if shuffle {
            let mut dice = Dice::of(self.seed, self.day, ORDER_PURPOSE);
            for at in (1..order.len()).rev() {
                order.swap(at, dice.below(at as u32 + 1) as usize);
            }
        }
        order
    }

    /// What the last day did with person `k`.
    pub(crate) fn step(&self, k: u32) -> Step {
        let first = self.first_day(k);
        if (first + 1..self.day).any(|day| self.is_gone(k, day)) {
            return Step::Absent;
        }
        match self.day {
            day if first == day => Step::New,
            day if self.is_gone(k, day) => Step::Gone,
            day if self.is_changed(k, day) => Step::Changed,
            _ => Step::Same,
        }
    }

    /// The person as they are on a day, whether in its file or not.
    pub(crate) fn person(&self, k: u32, day: u32) -> Person {
        let mut person = Person::new(self.seed, k);
        for day in self.first_day(k) + 1..=day {
            if self.is_changed(k, day) {
                person.change(self.seed, day, self.people.div_ceil(20));
            }
        }
        person
    }

    fn first_day(&self, k: u32) -> u32 {
        if k < self.people { 1 } else { 2 + (k - self.people) / self.new_per_day.max(1) }
    }

    fn is_gone(&self, k: u32, day: u32) -> bool {
        self.gone > 0 && self.rank(k, day) < self.gone
    }

    fn is_changed(&self, k: u32, day: u32) -> bool {
        self.changed > 0 && (self.gone..self.gone + self.changed).contains(&self.rank(k, day))
    }

    /// A number in `0..950` that each of 950 neighbours has alone on a day, so that the rates are exact
    /// in every full thousand people; beyond it for those who lead others.
    fn rank(&self, k: u32, day: u32) -> u32 {
        if is_manager(k) {
            return BLOCK;
        }
        let place = k - k / 20 - 1;
        let mut dice = Dice::of(self.seed, place / BLOCK, BLOCK_PURPOSE + u64::from(day));
        let step = STEPS[usize::from(dice.index(STEPS.len()))];
        (place % BLOCK * step + dice.below(BLOCK)) % BLOCK
    }
}
