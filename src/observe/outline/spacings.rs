//! Distances of neighbours, counted.

/// Distances that are looked for; there are seldom more, and what is not found among them is only written down.
const FEW: usize = 16;

/// How often each distance was there.
#[derive(Debug, Default)]
pub(super) struct Spacings {
    /// The first [`FEW`] are of different distances.
    counts: Vec<(i64, u64)>,
    /// Where the last one was found.
    last: usize,
}

impl Spacings {
    /// Adds a distance that was there `count` times.
    #[inline]
    pub(super) fn add(&mut self, spacing: i64, count: u64) {
        match self.counts.get_mut(self.last) {
            Some((known, counted)) if *known == spacing => *counted += count,
            _ => self.add_other(spacing, count),
        }
    }

    fn add_other(&mut self, spacing: i64, count: u64) {
        let mut few = self.counts.iter_mut().take(FEW);
        match few.position(|(known, _)| *known == spacing) {
            Some(place) => self.last = place,
            None => {
                self.last = self.counts.len();
                self.counts.push((spacing, 0));
            }
        }
        self.counts[self.last].1 += count;
    }

    /// The median, the lower one of two; `None` of none.
    pub(super) fn median(mut self) -> Option<i64> {
        let all: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let middle = all.checked_sub(1)? / 2;
        self.counts.sort_unstable();
        let mut passed = 0;
        let found = self.counts.into_iter().find(|(_, count)| {
            passed += count;
            passed > middle
        });
        found.map(|(spacing, _)| spacing)
    }
}
