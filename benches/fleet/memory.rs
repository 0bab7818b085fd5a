//! How much memory a report takes, and whether more samples of the same series take more.

use std::io::Result;

use tempfile::TempDir;

use crate::Plan;
use crate::figures;
use crate::fleet::Size;
use crate::process;
use crate::record::Recorder;
use crate::servers::{Kind, Server};
use crate::table::{self, Bound, Target};

/// Of the memory that is free, what a run may be expected to take.
const SHARE: f64 = 0.5;
/// Times as many samples of each series.
const MORE: i64 = 10;

/// Prints the peaks with 1 and with 10 times the samples.
pub(crate) fn rows(plan: &Plan) -> Result<()> {
    let home = TempDir::new()?;
    let bare = process::run(&mut plan.program.demo(home.path()))?.peak_bytes;
    let (size, once, series) = fitting(plan, bare, &home)?;
    let (more, _) = peak(plan, Size { step_ms: size.step_ms / MORE, ..size }, &home)?;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!("\nMemory, {} GPUs for {} days from the generator:\n", size.gpus, size.days);
    println!("| | samples | client peak MB |\n|---|--:|--:|");
    println!("| `demo`: the program itself | – | {:.1} |", mb(bare));
    let million = size.device_samples() / 1_000_000;
    println!("| `report`, every {} s | {million} M | {:.1} |", size.step_ms / 1_000, mb(once));
    let (step, million) = (size.step_ms / MORE / 1_000, million * MORE as u64);
    println!("| `report`, every {step} s | {million} M | {:.1} |", mb(more));
    let bound = (64.0 + 600.0 * series as f64 / 1e6).round();
    let over = |peak: u64| mb(peak.saturating_sub(bare));
    let name = format!("memory over the program's own: 64 MB + 600 B × {series} series");
    let rows = [
        Target { name: &name, figure: over(once), bound: Bound::AtMost(bound), unit: " MB" },
        Target {
            name: "added by 10 times the samples",
            figure: mb(more.saturating_sub(once)),
            bound: Bound::AtMost(50.0),
            unit: " MB",
        },
    ];
    table::targets("Targets of memory:", &rows);
    Ok(())
}

/// The fleet, or a tenth of it as often as 10 times its samples might not fit, with what it takes once.
fn fitting(plan: &Plan, bare: u64, home: &TempDir) -> Result<(Size, u64, u64)> {
    let mut size = plan.size;
    loop {
        let (once, series) = peak(plan, size, home)?;
        let expected = once + MORE.unsigned_abs() * once.saturating_sub(bare);
        if (expected as f64) < SHARE * available() as f64 || size.gpus <= 10 {
            return Ok((size, once, series));
        }
        println!(
            "\n{} GPUs with {MORE} times the samples may take {:.1} GB: a tenth of them instead.",
            size.gpus,
            expected as f64 / 1e9
        );
        size.gpus /= 10;
    }
}

/// The peak of a report on the generator's fleet, and its series.
fn peak(plan: &Plan, size: Size, home: &TempDir) -> Result<(u64, u64)> {
    let server = Server::start(Kind::Generator, size)?;
    let recorder = Recorder::in_front_of(&server.url)?;
    let series = {
        let watched = plan.program.watched(&recorder, size, home.path(), "remote-read")?;
        figures::series(&watched.report)
    };
    let taken = process::run(&mut plan.program.report(&server.url, size, home.path(), &[]))?;
    Ok((taken.peak_bytes, series))
}

/// Whether a report on the whole fleet may be expected to fit: by what one day and two days take.
pub(crate) fn fits(plan: &Plan) -> Result<Option<u64>> {
    let home = TempDir::new()?;
    let size = plan.size;
    let days = |days| peak(plan, Size { days, ..size }, &home).map(|(bytes, _)| bytes);
    let (one, two) = (days(1)?, days(2)?);
    let expected = one + two.saturating_sub(one) * (size.days.unsigned_abs() - 1);
    Ok((expected as f64 > 0.75 * available() as f64).then_some(expected))
}

/// Memory that is free, bytes.
fn available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1_024
}
