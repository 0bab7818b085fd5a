//! What a source tells about its progress; who shows it, and whether, is `ui`.

/// Receives progress. All methods may be called from several tasks at once.
pub trait Progress: Send + Sync {
    /// `count` more requests are to be expected.
    fn expect(&self, count: u64);
    /// A request ended, with what it brought.
    fn done(&self, samples: u64, bytes: u64);
    /// A source starts or ends a phase worth a line (`reading pods`).
    fn phase(&self, name: &str);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn expect(&self, _count: u64) {}
    fn done(&self, _samples: u64, _bytes: u64) {}
    fn phase(&self, _name: &str) {}
}
