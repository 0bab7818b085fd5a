//! A process run to its end, with what it took: read from `/proc` while it runs, so Linux only.

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

/// Clock ticks a second of `/proc/*/stat` (`USER_HZ`, fixed on Linux).
const TICKS: u64 = 100;
const POLL: Duration = Duration::from_millis(5);

/// Runs a command with its output thrown away.
pub(crate) fn run(command: &mut Command) -> std::io::Result<Taken> {
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut taken = Taken::default();
    let status = loop {
        if let Some((cpu, peak_bytes)) = of(&child) {
            (taken.cpu, taken.peak_bytes) = (cpu, peak_bytes.max(taken.peak_bytes));
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL);
    };
    taken.wall = begin.elapsed();
    if status.success() {
        Ok(taken)
    } else {
        Err(std::io::Error::other(format!("{command:?}: {status}")))
    }
}

/// CPU time and peak memory so far; `None` once it has ended.
pub(crate) fn of(child: &Child) -> Option<(Duration, u64)> {
    let folder = format!("/proc/{}", child.id());
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    // Behind the name, which may have blanks: state is field 3, user and system time are 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = peak.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?;
    Some((Duration::from_millis(ticks * 1_000 / TICKS), kib * 1_024))
}
