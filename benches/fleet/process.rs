//! Processes and what they take: read from `/proc`, so Linux only.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a run took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Largest resident set, bytes.
    pub(crate) peak_bytes: u64,
}

impl Taken {
    /// Both, one after the other.
    pub(crate) fn then(self, later: Self) -> Self {
        Self {
            wall: self.wall + later.wall,
            cpu: self.cpu + later.cpu,
            peak_bytes: self.peak_bytes.max(later.peak_bytes),
        }
    }
}

/// Clock ticks a second of `/proc/*/stat` (`USER_HZ`, fixed on Linux).
const TICKS: u64 = 100;
const POLL: Duration = Duration::from_millis(5);
/// Fields of `/proc/*/stat` behind the name: user time, and that of ended children; system time follows.
const OWN: usize = 11;
const OF_CHILDREN: usize = 13;

/// Runs a command to its end. Its output goes where the command says, and nowhere by itself.
pub(crate) fn run(command: &mut Command) -> std::io::Result<Taken> {
    let cpu = || ticks("self", OF_CHILDREN).unwrap_or_default();
    let (begin, before) = (Instant::now(), cpu());
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let mut taken = Taken::default();
    let status = loop {
        taken.peak_bytes = peak_bytes(child.id()).unwrap_or_default().max(taken.peak_bytes);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL);
    };
    taken.wall = begin.elapsed();
    taken.cpu = cpu().saturating_sub(before);
    if status.success() {
        Ok(taken)
    } else {
        Err(std::io::Error::other(format!("{command:?}: {status}")))
    }
}

/// CPU time of a child so far.
pub(crate) fn cpu(child: &Child) -> Duration {
    ticks(&child.id().to_string(), OWN).unwrap_or_default()
}

/// Largest resident set since the last [`forget_peak`].
pub(crate) fn peak_bytes(process: u32) -> Option<u64> {
    status(process, "VmHWM:")
}

/// Resident set now.
pub(crate) fn resident_bytes(process: u32) -> Option<u64> {
    status(process, "VmRSS:")
}

/// From now on the peak is that of what comes.
pub(crate) fn forget_peak(process: u32) -> std::io::Result<()> {
    fs::write(format!("/proc/{process}/clear_refs"), "5")
}

fn ticks(process: &str, field: usize) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses and may have blanks.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let of = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Duration::from_millis((of(field)? + of(field + 1)?) * 1_000 / TICKS))
}

fn status(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?;
    Some(kib * 1_024)
}
