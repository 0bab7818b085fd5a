//! Rows and ratios, printed as Markdown.

use std::time::Duration;

use crate::process::Taken;
use crate::servers::Measured;

/// One row of a table of runs.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) measured: Measured,
    /// Bytes that came, where they were counted.
    pub(crate) bytes: Option<u64>,
}

impl Row {
    pub(crate) fn wall_s(&self) -> f64 {
        self.measured.client.wall.as_secs_f64()
    }

    pub(crate) fn server_s(&self) -> f64 {
        self.measured.server_cpu.as_secs_f64()
    }

    /// As if it had been done `factor` times. Memory is not.
    pub(crate) fn times(mut self, factor: f64) -> Self {
        let of = |time: Duration| time.mul_f64(factor);
        let Measured { client, server_cpu, .. } = &mut self.measured;
        *client = Taken { wall: of(client.wall), cpu: of(client.cpu), ..*client };
        *server_cpu = of(*server_cpu);
        self.bytes = self.bytes.map(|bytes| (bytes as f64 * factor) as u64);
        self
    }

    /// Prints it, with `samples` for the rate.
    pub(crate) fn print(self, samples: u64) -> Self {
        let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {} | {} | {} | {:.1} |",
            self.name,
            self.wall_s(),
            self.measured.client.cpu.as_secs_f64(),
            self.server_s(),
            self.bytes.map_or_else(|| "–".to_owned(), mb),
            mb(self.measured.client.peak_bytes),
            mb(self.measured.server_growth),
            samples as f64 / 1e6 / self.wall_s()
        );
        self
    }
}

/// The head of a table of runs.
pub(crate) fn head(title: &str) {
    println!("\n{title}\n");
    println!(
        "| | wall s | client CPU s | server CPU s | MB | client peak MB | server memory + MB | M samples/s |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
}

/// What was aimed at: a figure with its bound.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) figure: f64,
    pub(crate) bound: Bound,
    pub(crate) unit: &'a str,
}

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// Prints the targets, with yes or no.
pub(crate) fn targets(title: &str, targets: &[Target<'_>]) {
    println!("\n{title}\n");
    println!("| target | wanted | measured | met |");
    println!("|---|--:|--:|---|");
    for Target { name, figure, bound, unit } in targets {
        let (sign, wanted, met) = match bound {
            Bound::AtMost(most) => ('≤', most, figure <= most),
            Bound::AtLeast(least) => ('≥', least, figure >= least),
        };
        let met = if met { "yes" } else { "no" };
        println!("| {name} | {sign} {wanted}{unit} | {figure:.2}{unit} | {met} |");
    }
}
