//! Numbers that are a pure function of seed, subject and purpose.

/// A stream of numbers (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of one subject (a row, a block of rows) for one purpose (a day, a style).
    pub(crate) fn of(seed: u64, subject: u32, purpose: u64) -> Self {
        let subject = u64::from(subject).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(mix(seed ^ mix(subject ^ mix(purpose.wrapping_add(0x9e37_79b9_7f4a_7c15)))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..limit`; 0 for a limit of 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }

    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }

    pub(crate) fn index(&mut self, length: usize) -> u8 {
        self.below(length as u32) as u8
    }

    /// Another entry of a list than this one, where there is another.
    pub(crate) fn other(&mut self, than: u8, length: usize) -> u8 {
        let length = length as u32;
        ((u32::from(than) + 1 + self.below(length.saturating_sub(1))) % length.max(1)) as u8
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
