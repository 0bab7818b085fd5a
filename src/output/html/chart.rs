//! The ledger over time as stacked bars, and the same figures as a table.

use std::fmt::Write as _;

use svg::Document;
use svg::node::Text as Words;
use svg::node::element::{Line, Rectangle, Text, Title};

use super::blocks::table;
use super::text::{escaped, state_name};
use crate::calendar::{OverTime, Piece, STATES};
use crate::model::window::rfc3339;
use crate::output::document::{Grid, GridColumn, GridRow, Tone};
use crate::output::format::{decimal, money, money_digits};
use crate::report::contract::Report;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

/// Most bars of a chart.
const BARS: usize = 60;
/// Lengths of a bar, milliseconds.
const STEPS: [Millis; 8] = [
    MS_PER_HOUR,
    3 * MS_PER_HOUR,
    6 * MS_PER_HOUR,
    12 * MS_PER_HOUR,
    MS_PER_DAY,
    2 * MS_PER_DAY,
    7 * MS_PER_DAY,
    28 * MS_PER_DAY,
];
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
/// Lines across, at most.
const TICKS: f64 = 4.0;

/// What bars stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Money,
    Hours,
}

/// The section: chart, legend, table.
pub(super) fn section(out: &mut String, report: &Report, over_time: &OverTime) {
    if over_time.is_empty() {
        return;
    }
    let (step_ms, bars) = bars(over_time);
    // Money that leaves something out would show too low a bar.
    let is_priced = bars.iter().all(|(_, piece)| piece.unpriced_gpu_hours <= 0.0);
    let measure = if is_priced { Measure::Money } else { Measure::Hours };
    let what = match measure {
        Measure::Money => format!("Cost in {}", report.currency),
        Measure::Hours => "GPU-hours".to_owned(),
    };
    let of_each = length(step_ms);
    let caption = format!("{what} of the whole fleet by state, in bars of {of_each} (UTC)");
    let used = used(&bars);
    let _ = writeln!(
        out,
        "<h2 id=\"over-time\">The ledger over time</h2>\n<figure aria-labelledby=\"over-time\">\n\
         <figcaption>{}</figcaption>",
        escaped(&caption)
    );
    let _ = writeln!(out, "{}", drawn(&bars, step_ms, measure, &report.currency));
    legend(out, &used);
    out.push_str("<details><summary>The same as a table</summary>\n");
    table(out, &caption, &grid(&bars, &used, measure, &report.currency));
    out.push_str("</details>\n</figure>\n");
}

fn bars(over_time: &OverTime) -> (Millis, Vec<(Millis, Piece)>) {
    let last = STEPS[STEPS.len() - 1];
    let fits =
        |step: &&Millis| **step >= over_time.step_ms && over_time.coarser(**step).len() <= BARS;
    let step = STEPS.iter().find(fits).copied().unwrap_or(last);
    (step, over_time.coarser(step))
}

fn length(step_ms: Millis) -> String {
    match step_ms {
        ms if ms == MS_PER_HOUR => "an hour".to_owned(),
        ms if ms == MS_PER_DAY => "a day".to_owned(),
        ms if ms < MS_PER_DAY => format!("{} hours", ms / MS_PER_HOUR),
        ms => format!("{} days", ms / MS_PER_DAY),
    }
}

/// States that there was any time of.
fn used(bars: &[(Millis, Piece)]) -> Vec<usize> {
    let any = |i: &usize| bars.iter().any(|(_, piece)| piece.gpu_hours[*i] > 0.0);
    (0..STATES.len()).filter(any).collect()
}

const fn value(piece: &Piece, state: usize, measure: Measure) -> f64 {
    match measure {
        Measure::Money => piece.cost[state],
        Measure::Hours => piece.gpu_hours[state],
    }
}

fn total(piece: &Piece, measure: Measure) -> f64 {
    (0..STATES.len()).map(|state| value(piece, state, measure)).sum()
}

fn amount(value: f64, measure: Measure, currency: &str) -> String {
    match measure {
        Measure::Money => money(Some(value), currency, money_digits(value, currency)),
        Measure::Hours => decimal(value, 1),
    }
}

/// Smallest round number that is not below `value`.
fn rounded_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let factor = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0]
        .into_iter()
        .find(|f| f * power >= value * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// From amounts to heights.
struct Axis {
    tick: f64,
    ticks: f64,
    measure: Measure,
}

impl Axis {
    fn new(bars: &[(Millis, Piece)], measure: Measure) -> Self {
        let most = bars.iter().map(|(_, piece)| total(piece, measure)).fold(0.0, f64::max);
        let tick = rounded_up(most / TICKS);
        Self { tick, ticks: (most / tick - 1e-9).ceil().max(1.0), measure }
    }

    fn scale(&self) -> f64 {
        (HEIGHT - TOP - BOTTOM) / (self.tick * self.ticks)
    }

    /// Lines across with what they stand for.
    fn drawn(&self, mut document: Document, currency: &str) -> Document {
        let digits = money_digits(self.tick * self.ticks, currency);
        let label = |value: f64| match self.measure {
            Measure::Money => money(Some(value), currency, digits),
            Measure::Hours => decimal(value, usize::from(self.tick < 1.0)),
        };
        let numbers = (0..=5_u32).map(f64::from).take_while(|i| *i <= self.ticks);
        for value in numbers.map(|i| self.tick * i) {
            let y = near(HEIGHT - BOTTOM - value * self.scale());
            let line = Line::new().set("class", "axis").set("x1", LEFT).set("x2", WIDTH);
            let text = Text::new(label(value)).set("x", LEFT - 8.0).set("y", y + 4.0);
            document =
                document.add(line.set("y1", y).set("y2", y)).add(text.set("text-anchor", "end"));
        }
        document
    }
}

fn drawn(bars: &[(Millis, Piece)], step_ms: Millis, measure: Measure, currency: &str) -> Document {
    let axis = Axis::new(bars, measure);
    let scale = axis.scale();
    let document = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, HEIGHT))
        .set("role", "img")
        .set("aria-label", "Stacked bars of the ledger over time; the table below has the figures");
    let mut document = axis.drawn(document, currency);
    #[expect(clippy::cast_precision_loss, reason = "few bars")]
    let position = |start: Millis| {
        let first = bars.first().map_or(0, |(start, _)| *start);
        let last = bars.last().map_or(0, |(start, _)| *start);
        let count = ((last - first) / step_ms + 1) as f64;
        let width = (WIDTH - LEFT) / count;
        (LEFT + ((start - first) / step_ms) as f64 * width, width)
    };
    let every = bars.len().div_ceil(8);
    for (n, (start, piece)) in bars.iter().enumerate() {
        let (x, width) = position(*start);
        let mut y = HEIGHT - BOTTOM;
        for (state, name) in STATES.iter().enumerate() {
            let value = value(piece, state, measure);
            if value <= 0.0 {
                continue;
            }
            y -= value * scale;
            let words = format!(
                "{}, {}: {}",
                rfc3339(*start),
                state_name(name),
                amount(value, measure, currency)
            );
            let rect = Rectangle::new()
                .set("class", format!("part {name}"))
                .set("x", near(x + width * 0.06))
                .set("y", near(y))
                .set("width", near(width * 0.88))
                .set("height", near(value * scale));
            document = document.add(rect.add(Title::new("").add(Words::new(words))));
        }
        if n % every == 0 {
            let label =
                Text::new(instant(*start, step_ms)).set("x", near(x)).set("y", HEIGHT - 8.0);
            document = document.add(label);
        }
    }
    document
}

/// Coordinates need no more than a hundredth of a pixel.
fn near(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Day, and the hour where bars are shorter than days.
fn instant(at: Millis, step_ms: Millis) -> String {
    let text = rfc3339(at);
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let day = day.get(5..).unwrap_or(day);
    match step_ms < MS_PER_DAY {
        true => format!("{day} {}", time.get(..5).unwrap_or(time)),
        false => day.to_owned(),
    }
}

/// A square of each state's colour with its name.
pub(super) fn legend(out: &mut String, states: &[usize]) {
    out.push_str("<ul class=\"legend\">\n");
    for state in states {
        let name = STATES[*state];
        let square = Document::new()
            .set("viewBox", (0, 0, 10, 10))
            .set("aria-hidden", "true")
            .add(Rectangle::new().set("class", name).set("width", 10).set("height", 10));
        let _ = writeln!(out, "<li>{square}{}</li>", state_name(name));
    }
    out.push_str("</ul>\n");
}

fn grid(bars: &[(Millis, Piece)], used: &[usize], measure: Measure, currency: &str) -> Grid {
    let column = |header, right| GridColumn { header, right, rank: 0, flexible: false };
    let mut columns = vec![column("from", false)];
    columns.extend(used.iter().map(|state| column(STATES[*state], true)));
    columns.push(column("all", true));
    let row = |(start, piece): &(Millis, Piece)| {
        let mut cells = vec![rfc3339(*start)];
        cells.extend(used.iter().map(|s| amount(value(piece, *s, measure), measure, currency)));
        cells.push(amount(total(piece, measure), measure, currency));
        GridRow { cells, tone: Tone::Plain, ruled: false }
    };
    Grid { columns, rows: bars.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_not_too_low() {
        for (value, tick) in [
            (0.0, 1.0),
            (0.3, 0.3),
            (1.0, 1.0),
            (1.1, 1.5),
            (2.2, 2.5),
            (102.5, 150.0),
            (26.0, 30.0),
            (51.0, 100.0),
            (99.0, 100.0),
        ] {
            assert!((rounded_up(value) - tick).abs() < 1e-9, "{value}: {}", rounded_up(value));
        }
    }
}
