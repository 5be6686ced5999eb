//! Chance that is the same every time: a number that follows from the seed and from what it is about.
//!
//! Nothing is drawn in turn, so that any instant can be computed without those before it.

/// A source of numbers, one for each thing that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance(u64);

/// The letters that Kubernetes adds to the names of pods.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const HEX: &[u8] = b"0123456789abcdef";

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The chance of `name` within this one.
    pub fn of(self, name: &str) -> Self {
        let hashed = name.bytes().fold(self.0 ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mix(hashed))
    }

    /// The chance of a place in time, or of the nth of several.
    pub const fn nth(self, number: i64) -> Self {
        Self(mix(self.0 ^ mix(number.cast_unsigned())))
    }

    /// From 0 up to `below`.
    pub const fn below(self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.0 % below }
    }

    /// From 0 to 1.
    pub fn share(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From -1 to 1.
    pub fn sway(self) -> f64 {
        self.share().mul_add(2.0, -1.0)
    }

    /// What a pod's name ends in.
    pub fn suffix(self) -> String {
        self.letters(LETTERS, 5)
    }

    /// So many digits of a hash.
    pub fn hex(self, count: i64) -> String {
        self.letters(HEX, count)
    }

    fn letters(self, from: &[u8], count: i64) -> String {
        (0..count).map(|at| char::from(from[self.nth(at).below(from.len() as u64) as usize])).collect()
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_number_and_another_seed_another() {
        let of = |seed: u64| Chance::new(seed).of("cart").nth(3).below(1 << 40);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        assert_ne!(Chance::new(7).of("cart"), Chance::new(7).of("card"));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        for at in 0..200 {
            let chance = Chance::new(7).nth(at);
            assert!((0.0..1.0).contains(&chance.share()) && (-1.0..1.0).contains(&chance.sway()) && chance.below(3) < 3);
            assert_eq!(chance.suffix().len(), 5);
        }
    }
}
