//! Chance that falls the same way on every run: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
//!
//! A story is told by one seed, so proptest draws seeds; what it shrinks is how many nodes there are.

/// Throws of one seed.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of 0, 1, … `n` − 1.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).expect("small");
        usize::try_from(self.next() % n).expect("small")
    }

    /// One of `from`, … `to` − 1.
    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = usize::try_from(to - from).expect("not reversed");
        from + i64::try_from(self.below(width)).expect("small")
    }

    /// Happens in so many of 100 throws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// The same things in another order.
    pub(super) fn shuffled<T>(&mut self, mut things: Vec<T>) -> Vec<T> {
        for i in (1..things.len()).rev() {
            things.swap(i, self.below(i + 1));
        }
        things
    }
}
