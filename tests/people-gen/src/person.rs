//! One made-up person, and what a day can change about them.

use crate::data::{DEPARTMENTS, FIRST, LAST, PREFERRED, SHIFTS, SITES, TITLES, TYPES};
use crate::dice::Dice;

/// A purpose of [`Dice`] that no day has.
const PERSON: u64 = u64::MAX;

/// How the file says active, inactive and terminated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Leave,
    Terminated,
}

/// A phone number: which pattern, which digits, which punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phone {
    pub(crate) mobile: bool,
    pub(crate) digits: u32,
    pub(crate) style: u8,
}

impl Phone {
    fn roll(dice: &mut Dice, mobile: bool) -> Self {
        Self { mobile, digits: dice.next() as u32, style: dice.index(6) }
    }
}

/// The choices that a row is written from. Numbers are indices into the lists of [`crate::data`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) k: u32,
    pub(crate) first: u8,
    pub(crate) last: u8,
    pub(crate) suffix: bool,
    pub(crate) preferred: Option<u8>,
    pub(crate) personal_email: Option<u8>,
    /// Mobile, Mobile 2, Work, Home, Other.
    pub(crate) phones: [Option<Phone>; 5],
    pub(crate) house: u16,
    pub(crate) street: u8,
    pub(crate) second_line: Option<u8>,
    pub(crate) building: bool,
    pub(crate) city: u8,
    pub(crate) postal: u32,
    pub(crate) language: u8,
    pub(crate) status: Status,
    pub(crate) kind: u8,
    pub(crate) title: u8,
    pub(crate) department: u8,
    pub(crate) site: u8,
    pub(crate) manager: Option<u32>,
    pub(crate) hired: u32,
    pub(crate) ends: Option<u32>,
    pub(crate) badge: u32,
    pub(crate) shift: Option<u8>,
}

/// Every twentieth person leads others; they never change or leave, so that nobody's manager is unknown.
pub(crate) fn is_manager(k: u32) -> bool {
    k.is_multiple_of(20)
}

fn manager(k: u32) -> Option<u32> {
    [20, 400, 8_000, 160_000, 3_200_000, 64_000_000]
        .into_iter()
        .map(|level| k / level * level)
        .chain([0])
        .find(|m| *m != k)
}

/// A name; about one in sixteen with letters beyond ASCII.
fn name(dice: &mut Dice, names: &[(&str, &str)]) -> u8 {
    let plain = names.partition_point(|(name, _)| name.is_ascii());
    let length = if dice.chance(200) { names.len() } else { plain };
    dice.index(length)
}

impl Person {
    /// The person as first exported.
    pub(crate) fn new(seed: u64, k: u32) -> Self {
        let dice = &mut Dice::of(seed, k, PERSON);
        let status = match dice.below(1000) {
            _ if is_manager(k) => Status::Active,
            0..20 => Status::Terminated,
            20..90 => Status::Leave,
            _ => Status::Active,
        };
        let kind = [0, 0, 0, 0, 0, 1, 1, 2, 2, 3][dice.below(10) as usize];
        let filled = [920, 150, 550, 250, 60];
        let phones = std::array::from_fn(|at| {
            let phone = Phone::roll(dice, at < 2);
            dice.chance(filled[at]).then_some(phone)
        });
        let some = |dice: &mut Dice, permille, length| {
            let index = dice.index(length);
            dice.chance(permille).then_some(index)
        };
        Self {
            k,
            first: name(dice, &FIRST),
            last: name(dice, &LAST),
            suffix: dice.chance(20),
            preferred: some(dice, 200, PREFERRED.len()),
            personal_email: some(dice, 550, 100),
            phones,
            house: dice.below(9_900) as u16 + 1,
            street: dice.index(120),
            second_line: some(dice, 300, 200),
            building: dice.chance(5),
            city: dice.index(120),
            postal: dice.next() as u32,
            language: dice.index(120),
            status,
            kind,
            title: dice.index(TITLES.len()),
            department: dice.index(DEPARTMENTS.len()),
            site: dice.index(SITES.len()),
            manager: manager(k),
            hired: dice.below(35 * 12 * 28),
            ends: (status == Status::Terminated || kind >= 2).then(|| dice.below(12 * 28)),
            badge: dice.below(900_000) + 100_000,
            shift: some(dice, 850, SHIFTS.len()),
        }
    }

    /// What one day changes; always something that is stored. `managers`: how many people of the first
    /// day lead others.
    pub(crate) fn change(&mut self, seed: u64, day: u32, managers: u32) {
        let dice = &mut Dice::of(seed, self.k, u64::from(day));
        // Few are on leave, so that without a push hardly anybody would come back.
        let what = if self.status == Status::Leave && dice.chance(500) { 4 } else { dice.below(16) };
        let before = self.clone();
        match what {
            0 => self.department = dice.other(self.department, DEPARTMENTS.len()),
            1 | 2 => self.phones[0] = Some(Phone::roll(dice, true)),
            3 => self.move_house(dice),
            4 | 5 => self.leave_or_return(dice),
            6 => self.end(dice),
            7 => self.shift = Some(self.shift.map_or(0, |now| dice.other(now, SHIFTS.len()))),
            8 => self.personal_email = if self.personal_email.is_some() { None } else { Some(dice.index(100)) },
            // The number moves to the empty neighbour: row hashes without boundaries miss it.
            9 => self.phones.swap(2, 3),
            10 => {
                self.last = dice.other(self.last, LAST.len());
                self.suffix = false;
            }
            11 => self.kind = dice.other(self.kind, TYPES.len()),
            12 => self.preferred = if self.preferred.is_some() { None } else { Some(dice.index(PREFERRED.len())) },
            13 => self.manager = Some(dice.below(managers) * 20),
            _ => {}
        }
        if *self == before {
            self.title = dice.other(self.title, TITLES.len());
        }
    }

    fn move_house(&mut self, dice: &mut Dice) {
        self.house = self.house % 9_900 + 1;
        self.street = dice.index(120);
        self.city = dice.index(120);
        self.postal = dice.next() as u32;
    }

    fn leave_or_return(&mut self, dice: &mut Dice) {
        self.status = match self.status {
            Status::Active => Status::Leave,
            Status::Leave => Status::Active,
            Status::Terminated => return self.end(dice),
        };
    }

    /// Ends the employment, or takes somebody on again.
    fn end(&mut self, dice: &mut Dice) {
        if self.status == Status::Terminated {
            self.status = Status::Active;
            self.ends = None;
        } else {
            self.status = Status::Terminated;
            self.ends = Some(dice.below(12 * 28));
        }
    }
}
