//! The document for a terminal or a pipe: as wide as told, colour only on request.

mod fit;

use comfy_table::{
    Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Row, Table, TableStyle,
};

use self::fit::{fit, natural_widths};
use super::document::{self, Block, Fact, Grid, Item, Tone};
use super::text::{visible, width, wrapped};
use super::{MIN_WIDTH, RenderOptions};
use crate::report::contract::Report;

/// Spaces between columns.
const GAP: u16 = 2;
/// Room for the label of a fact, with what parts it from the text.
const LABEL: usize = 12;

/// No borders: a line under the header, nothing else.
const CALM: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .content_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'));

/// The report as text that ends with a line break.
pub(super) fn render(report: &Report, options: &RenderOptions) -> String {
    layout(&document::build(report, options), options)
}

/// Blocks as text that ends with a line break.
pub(super) fn layout(blocks: &[Block], options: &RenderOptions) -> String {
    let mut page = Page {
        // Wide output is not wrapped either: it is for a pager or a wide screen.
        width: if options.wide { usize::MAX } else { options.width.max(MIN_WIDTH) },
        color: options.color,
        text: String::new(),
    };
    for block in blocks {
        page.block(block);
    }
    page.text
}

/// Lines as they are written.
struct Page {
    width: usize,
    color: bool,
    text: String,
}

impl Page {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(text) => self.paragraph(Tone::Muted, text),
            Block::Verdict(tone, text) => {
                self.blank();
                self.paragraph(*tone, text);
            }
            Block::Heading(text) => {
                self.blank();
                self.paragraph(Tone::Strong, &text.to_uppercase());
            }
            Block::Note(tone, text) => self.paragraph(*tone, text),
            Block::Grid(grid) => self.grid(grid),
            Block::Facts(facts) => facts.iter().for_each(|fact| self.fact(fact)),
            Block::Item(item) => self.item(item),
            // Never wrapped: half a line of YAML is none.
            Block::Code(lines) => {
                lines.iter().for_each(|line| self.line(4, Tone::Strong, &visible(line)));
            }
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn line(&mut self, indent: usize, tone: Tone, text: &str) {
        let text = text.trim_end();
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(&self.painted(tone, text));
        self.text.push('\n');
    }

    fn painted(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Muted => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn paragraph(&mut self, tone: Tone, text: &str) {
        self.indented(0, tone, text);
    }

    fn indented(&mut self, indent: usize, tone: Tone, text: &str) {
        for line in wrapped(&visible(text), self.width.saturating_sub(indent)) {
            self.line(indent, tone, &line);
        }
    }

    fn fact(&mut self, fact: &Fact) {
        let lines = wrapped(&visible(&fact.text), self.width.saturating_sub(LABEL));
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                self.line(LABEL, fact.tone, line);
                continue;
            }
            let label = self.painted(Tone::Strong, fact.label);
            let space = " ".repeat(LABEL.saturating_sub(width(fact.label)));
            let text = self.painted(fact.tone, line);
            self.line(0, Tone::Plain, &format!("{label}{space}{text}"));
        }
    }

    fn item(&mut self, item: &Item) {
        self.paragraph(item.tone, &item.head);
        self.indented(2, Tone::Plain, &item.body);
        self.indented(2, Tone::Muted, &item.foot);
    }

    fn grid(&mut self, grid: &Grid) {
        let grid = fit(grid, self.width);
        let table = laid_out(&grid);
        let lines: Vec<String> = table.lines().collect();
        // Every row is one line; above them stand the header's lines and the rule.
        let (above, rows) = lines.split_at(lines.len().saturating_sub(grid.rows.len()));
        let Some((rule, header)) = above.split_last() else {
            return;
        };
        header.iter().for_each(|line| self.line(0, Tone::Strong, line));
        self.line(0, Tone::Muted, rule);
        for (line, row) in rows.iter().zip(&grid.rows) {
            if row.ruled {
                self.line(0, Tone::Muted, rule);
            }
            self.line(0, row.tone, line);
        }
    }
}

/// The grid as a comfy-table, which aligns it; texts are safe and fit already.
fn laid_out(grid: &Grid) -> Table {
    let mut table = Table::new();
    table.load_style(CALM).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers(grid).into_iter().map(Cell::new_owned).collect::<Vec<_>>());
    for row in &grid.rows {
        table.add_row(Row::from(row.cells.iter().map(Cell::new).collect::<Vec<_>>()));
    }
    let last = grid.columns.len().saturating_sub(1);
    for (i, (column, ours)) in table.column_iter_mut().zip(&grid.columns).enumerate() {
        column.set_padding((0, if i == last { 0 } else { GAP }));
        column.set_cell_alignment(if ours.right {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        });
    }
    table
}

/// Headers broken at spaces where their columns are narrower, all ending on the same line.
fn headers(grid: &Grid) -> Vec<String> {
    let widths = natural_widths(grid);
    let headers: Vec<Vec<String>> = grid
        .columns
        .iter()
        .zip(widths)
        .map(|(column, width)| wrapped(column.header, width))
        .collect();
    let height = headers.iter().map(Vec::len).max().unwrap_or(0);
    headers
        .into_iter()
        .map(|lines| format!("{}{}", "\n".repeat(height - lines.len().max(1)), lines.join("\n")))
        .collect()
}
