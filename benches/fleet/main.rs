//! A fleet's report end to end, by the side of other ways to its figures.
//!
//! ```sh
//! cargo bench --bench fleet                                # 1,000 GPUs, 7 days, 40 million device samples
//! cargo bench --bench fleet -- --gpus 50 --days 2          # small
//! cargo bench --bench fleet -- --python venv/bin/python    # with row (e); needs `pip install polars`
//! cargo bench --bench fleet -- --into generator --gpus 10000 --days 30   # 1.7 billion
//! ```
//!
//! The fleet is written into a Prometheus and a VictoriaMetrics that are started for it, and a generator serves
//! it, too. `docs/performance.md` says what each row is. Compare rows of one run: machines differ.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark's small numbers, and its table"
)]

mod chunk;
mod curl;
mod figures;
mod fleet;
mod fold;
mod http;
mod krr;
mod memory;
mod process;
mod record;
mod report;
mod runs;
mod server;
mod servers;
mod table;
mod wire;
mod write;

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use fleet::{START_MS, Size};
use gpu_finops::model::Window;
use report::Program;
use runs::{Runs, say_whether_same};
use servers::Kind;

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "--gpus N --days N --into prometheus,victoriametrics,generator --python PATH \
                     --program PATH --runs N --sample WORKLOADS";
/// Device samples up to which a fleet is written into real servers unasked.
const UNASKED: u64 = 200_000_000;

/// What is to be measured.
pub(crate) struct Plan {
    size: Size,
    program: Program,
    into: Option<Vec<Kind>>,
    /// An interpreter with polars.
    python: Option<PathBuf>,
    /// Runs of short rows, of which the median counts.
    runs: usize,
    /// Workloads that row (f) asks about.
    sample: usize,
}

/// Work of a process of its own.
#[derive(Default)]
struct Child {
    work: Option<String>,
    url: String,
}

impl Size {
    /// The flags that give this size.
    pub(crate) fn flags(self) -> Vec<String> {
        let Self { gpus, days, step_ms } = self;
        let flags = [("--gpus", gpus as i64), ("--days", days), ("--step-ms", step_ms)];
        flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.to_string()]).collect()
    }
}

fn main() -> Result<(), Failure> {
    let size = Size { gpus: 1_000, days: 7, step_ms: 30_000 };
    let program = Program(env!("CARGO_BIN_EXE_gpu-finops").into());
    let mut plan = Plan { size, program, into: None, python: None, runs: 3, sample: 100 };
    let mut child = Child::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(USAGE);
        match arg.as_str() {
            "--gpus" => plan.size.gpus = value()?.parse()?,
            "--days" => plan.size.days = value()?.parse()?,
            "--step-ms" => plan.size.step_ms = value()?.parse()?,
            "--into" => plan.into = Some(kinds(&value()?)?),
            "--python" => plan.python = Some(with_polars(value()?.into())?),
            "--program" => plan.program = Program(value()?.into()),
            "--runs" => plan.runs = value()?.parse::<usize>()?.max(1),
            "--sample" => plan.sample = value()?.parse()?,
            "--child" => child.work = Some(value()?),
            "--url" => child.url = value()?,
            // What cargo adds.
            "--bench" => {}
            other => return Err(format!("{other}: {USAGE}").into()),
        }
    }
    match child.work.as_deref() {
        None => compare(&plan),
        Some("serve") => serve(plan.size),
        Some("fold") => {
            let window = Window::new(START_MS, plan.size.end_ms()).ok_or("no days")?;
            println!("{}", fold::fold(&child.url, window)?);
            Ok(())
        }
        Some(_) => {
            println!("{}", krr::ask(&child.url, plan.size, plan.sample)?);
            Ok(())
        }
    }
}

/// Serves the generator's fleet until standard input ends.
fn serve(size: Size) -> Result<(), Failure> {
    println!("http://{}", server::start(size)?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn kinds(text: &str) -> Result<Vec<Kind>, Failure> {
    let one = |name: &str| {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = found.ok_or_else(|| format!("--into {name}: {USAGE}"))?;
        if kind.is_installed() {
            Ok(kind)
        } else {
            Err(format!("{name} is not installed (tests/install-tools)").into())
        }
    };
    text.split(',').map(one).collect()
}

fn with_polars(python: PathBuf) -> Result<PathBuf, Failure> {
    let status = Command::new(&python).args(["-c", "import polars"]).status()?;
    if status.success() {
        Ok(python)
    } else {
        Err(format!("{} cannot import polars: pip install polars", python.display()).into())
    }
}

fn compare(plan: &Plan) -> Result<(), Failure> {
    let Plan { size, .. } = plan;
    let million = size.device_samples() as f64 / 1e6;
    println!(
        "{} GPUs, {} days, every {} s, 2 metrics: {million:.1} million device samples; {} pods.",
        size.gpus,
        size.days,
        size.step_ms / 1_000,
        size.pods().count()
    );
    println!("{} cores.", std::thread::available_parallelism()?);
    let kinds = plan.into.clone().unwrap_or_else(|| chosen(*size));
    let mut reports = Vec::new();
    for kind in kinds {
        if kind == Kind::Generator
            && let Some(bytes) = memory::fits(plan)?
        {
            println!(
                "\nThe generator's fleet is left out: a report may take {:.1} GB.",
                bytes as f64 / 1e9
            );
            continue;
        }
        let runs = Runs::start(plan, kind)?;
        let report = match kind {
            Kind::VictoriaMetrics => runs.by_export()?,
            _ => runs.by_remote_read(kind)?,
        };
        if kind == Kind::Generator {
            memory::rows(plan)?;
        } else {
            reports.push((kind.name(), report));
        }
    }
    if let [(one, a), (other, b)] = reports.as_slice() {
        say_whether_same(&format!("{one} and {other}"), a, b);
    }
    Ok(())
}

/// Every server that is there, unless the fleet is too large to be written.
fn chosen(size: Size) -> Vec<Kind> {
    if size.device_samples() > UNASKED {
        println!("From the generator alone: a fleet of this size is written only with `--into`.");
        return vec![Kind::Generator];
    }
    let is_there = |kind: &Kind| {
        let there = kind.is_installed();
        if !there {
            println!("{} is not installed (tests/install-tools): left out.", kind.name());
        }
        there
    };
    Kind::ALL.into_iter().filter(is_there).collect()
}
