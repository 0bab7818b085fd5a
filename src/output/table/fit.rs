//! Which columns of a grid are shown in a given width, and how much of each text.

use super::super::document::{Grid, GridRow};
use super::super::text::{shortened, visible, width};
use super::GAP;

/// What a column of names gets at least.
const NARROWEST_NAME: usize = 12;
/// What further columns of names should have before more columns are added.
const COMFORTABLE_TEXT: usize = 14;

/// From this rank on a column is shown only where nothing limits the width: identifiers and origins.
const WIDE_ONLY: u8 = 10;

/// The grid with safe texts, reduced to what `limit` columns have room for: columns of low rank
/// first, names cut in the middle if need be. The first column always stays.
pub(super) fn fit(grid: &Grid, limit: usize) -> Grid {
    let safe = safe(grid);
    let widths = widths(&safe, &natural_widths(&safe), limit);
    let kept: Vec<(usize, usize)> =
        widths.iter().enumerate().filter_map(|(i, width)| Some((i, (*width)?))).collect();
    Grid {
        columns: kept.iter().map(|(i, _)| safe.columns[*i].clone()).collect(),
        rows: safe
            .rows
            .iter()
            .map(|row| GridRow {
                cells: kept.iter().map(|(i, width)| shortened(&row.cells[*i], *width)).collect(),
                ..*row
            })
            .collect(),
    }
}

fn safe(grid: &Grid) -> Grid {
    let rows = grid
        .rows
        .iter()
        .map(|row| GridRow { cells: row.cells.iter().map(|cell| visible(cell)).collect(), ..*row });
    Grid { columns: grid.columns.clone(), rows: rows.collect() }
}

/// What each column needs to show its cells in full; headers may break at spaces.
pub(super) fn natural_widths(grid: &Grid) -> Vec<usize> {
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(width).max().unwrap_or(0);
    grid.columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let cells = widest(&mut grid.rows.iter().map(|row| row.cells[i].as_str()));
            cells.max(widest(&mut column.header.split(' ')))
        })
        .collect()
}

/// The width of each column; `None` for one that is left out.
fn widths(grid: &Grid, natural: &[usize], limit: usize) -> Vec<Option<usize>> {
    let least = |i: usize| {
        if grid.columns[i].flexible { natural[i].min(NARROWEST_NAME) } else { natural[i] }
    };
    let comfortable = |i: usize| match (grid.columns[i].flexible, i) {
        (false, _) => natural[i],
        (true, 0) => natural[i].min(comfortable_name(limit)),
        (true, _) => natural[i].min(COMFORTABLE_TEXT),
    };
    let mut by_rank: Vec<usize> = (1..grid.columns.len())
        .filter(|&i| limit == usize::MAX || grid.columns[i].rank < WIDE_ONLY)
        .collect();
    by_rank.sort_by_key(|&i| (grid.columns[i].rank, i));

    let mut chosen: Vec<Option<usize>> = vec![None; grid.columns.len()];
    chosen[0] = Some(least(0));
    // What must be there may squeeze the names; what is welcome may not.
    let (needed, welcome): (Vec<usize>, Vec<usize>) =
        by_rank.into_iter().partition(|&i| grid.columns[i].rank == 0);
    for i in needed {
        if total(&chosen) + usize::from(GAP) + least(i) <= limit {
            chosen[i] = Some(least(i));
        }
    }
    for i in welcome {
        let ease: usize = (0..chosen.len())
            .filter(|&j| chosen[j].is_some())
            .map(|j| comfortable(j).saturating_sub(least(j)))
            .sum();
        if total(&chosen) + ease + usize::from(GAP) + comfortable(i) <= limit {
            chosen[i] = Some(least(i));
        }
    }
    // What is left goes to the names: first each to its comfort, then the first ones in full.
    for wanted in [&comfortable as &dyn Fn(usize) -> usize, &|i| natural[i]] {
        for i in 0..chosen.len() {
            let spare = limit.saturating_sub(total(&chosen));
            if let Some(width) = chosen[i] {
                chosen[i] = Some(wanted(i).min(width.saturating_add(spare)).max(width));
            }
        }
    }
    chosen
}

/// What the first column of names should have before columns are added: a fifth of the room.
fn comfortable_name(limit: usize) -> usize {
    (limit / 5).clamp(20, 40)
}

/// Width of the chosen columns with the gaps between them.
fn total(chosen: &[Option<usize>]) -> usize {
    let widths: Vec<usize> = chosen.iter().copied().flatten().collect();
    widths.iter().sum::<usize>() + usize::from(GAP) * widths.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::super::super::document::{GridColumn, Tone};
    use super::*;

    fn grid() -> Grid {
        let column =
            |header, rank, flexible: bool| GridColumn { header, right: !flexible, rank, flexible };
        Grid {
            columns: vec![
                column("name", 0, true),
                column("low", 5, false),
                column("high", 1, false),
                column("must", 0, false),
            ],
            rows: vec![GridRow {
                cells: vec![
                    "a-name-of-thirty-two-characters-".to_owned(),
                    "1,000,000".to_owned(),
                    "2,000,000".to_owned(),
                    "3,000".to_owned(),
                ],
                tone: Tone::Plain,
                ruled: false,
            }],
        }
    }

    fn headers(limit: usize) -> Vec<&'static str> {
        fit(&grid(), limit).columns.iter().map(|column| column.header).collect()
    }

    #[test]
    fn columns_come_by_rank_as_the_width_grows() {
        // 12 + 2 + 5; then 20 + 2 + 9 + 2 + 5; then 20 + 2 + 9 + 2 + 9 + 2 + 5.
        assert_eq!(headers(18), ["name"]);
        assert_eq!(headers(19), ["name", "must"]);
        assert_eq!(headers(37), ["name", "must"]);
        assert_eq!(headers(38), ["name", "high", "must"]);
        assert_eq!(headers(48), ["name", "high", "must"]);
        assert_eq!(headers(49), ["name", "low", "high", "must"]);
    }

    #[test]
    fn names_use_what_is_left() {
        let cell = |limit| fit(&grid(), limit).rows[0].cells[0].clone();
        assert_eq!(cell(19), "a-name…ters-");
        // 29 of 32, then all: the other columns and gaps take 29.
        assert_eq!(cell(58), "a-name-of-thir…wo-characters-");
        assert_eq!(cell(61), "a-name-of-thirty-two-characters-");
    }
}
