//! Idle stretches over several partitions: a stretch that ends with one day goes on with the next.

use crate::attribution::Tenure;
use crate::model::Window;
use crate::units::Millis;

/// What is known of one holder on one device, partition by partition in order of time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    memory_peak: Option<f64>,
    longest_ms: i64,
    leading_ms: i64,
    /// Nothing but idle time so far.
    is_unbroken: bool,
    trailing_ms: i64,
    /// Where the partition that was added first begins.
    begin: Option<Millis>,
    /// Where the partition that was added last ends.
    end: Option<Millis>,
}

impl Run {
    /// Adds what is known of a partition.
    pub(super) fn add(&mut self, tenure: &Tenure, window: Window) {
        let adjoins = self.end == Some(window.start());
        let is_all_idle = tenure.leading_idle_ms == window.length_ms();
        let before = if adjoins && tenure.leading_idle_ms > 0 { self.trailing_ms } else { 0 };
        let joined = before + tenure.leading_idle_ms;
        self.memory_peak = self.memory_peak.into_iter().chain(tenure.memory_peak).reduce(f64::max);
        self.longest_ms = self.longest_ms.max(tenure.longest_idle_ms).max(joined);
        if self.end.is_none() || self.is_unbroken && adjoins {
            self.leading_ms = joined;
            self.is_unbroken = is_all_idle;
        } else {
            self.is_unbroken = false;
        }
        self.trailing_ms = if is_all_idle { joined } else { tenure.trailing_idle_ms };
        self.begin = self.begin.or(Some(window.start()));
        self.end = Some(window.end());
    }

    /// What is known over all of `window`.
    pub(super) fn tenure(&self, holder: usize, device: usize, window: Window) -> Tenure {
        Tenure {
            holder,
            device,
            memory_peak: self.memory_peak,
            longest_idle_ms: self.longest_ms,
            leading_idle_ms: match self.begin == Some(window.start()) {
                true => self.leading_ms,
                false => 0,
            },
            trailing_idle_ms: match self.end == Some(window.end()) {
                true => self.trailing_ms,
                false => 0,
            },
        }
    }
}

/// Two lives of a holder in one partition as one.
pub(super) fn beside(a: Tenure, b: Tenure) -> Tenure {
    Tenure {
        memory_peak: a.memory_peak.into_iter().chain(b.memory_peak).reduce(f64::max),
        longest_idle_ms: a.longest_idle_ms.max(b.longest_idle_ms),
        leading_idle_ms: a.leading_idle_ms.max(b.leading_idle_ms),
        trailing_idle_ms: a.trailing_idle_ms.max(b.trailing_idle_ms),
        ..a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Window {
        Window::new(n * 100, (n + 1) * 100).expect("a day")
    }

    fn told(longest: i64, leading: i64, trailing: i64) -> Tenure {
        Tenure {
            holder: 0,
            device: 0,
            memory_peak: None,
            longest_idle_ms: longest,
            leading_idle_ms: leading,
            trailing_idle_ms: trailing,
        }
    }

    fn joined(days: &[(i64, Tenure)]) -> (i64, i64, i64) {
        let mut run = Run::default();
        days.iter().for_each(|(n, tenure)| run.add(tenure, day(*n)));
        let t = run.tenure(0, 0, Window::new(0, 300).expect("three days"));
        (t.longest_idle_ms, t.leading_idle_ms, t.trailing_idle_ms)
    }

    #[test]
    fn a_stretch_goes_on_over_midnight() {
        let (evening, all, morning) = (told(40, 0, 40), told(100, 100, 100), told(30, 30, 0));
        assert_eq!(joined(&[(0, evening), (1, morning)]), (70, 0, 0));
        assert_eq!(joined(&[(0, evening), (1, all), (2, morning)]), (170, 0, 0));
        assert_eq!(joined(&[(0, all), (1, all), (2, all)]), (300, 300, 300));
        assert_eq!(joined(&[(0, all), (1, morning), (2, evening)]), (130, 130, 40));
        // A day between that is not there, or that was not idle at its beginning, ends it.
        assert_eq!(joined(&[(0, evening), (2, morning)]), (40, 0, 0));
        assert_eq!(joined(&[(0, evening), (1, told(50, 0, 20)), (2, morning)]), (50, 0, 0));
        // It does not begin with a window that its first day is not the first of.
        assert_eq!(joined(&[(1, all), (2, all)]), (200, 0, 200));
    }
}
