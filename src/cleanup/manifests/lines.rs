//! The difference of two texts as `diff -u` prints it.

use std::fmt::Write;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Product of lines above which what differs is shown as a whole.
const MAX_CELLS: usize = 4_000_000;

/// A line of either text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Both(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The difference, for a file of this name; empty where there is none.
#[must_use]
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let lines = compared(old, new);
    let changed: Vec<usize> =
        (0..lines.len()).filter(|&i| !matches!(lines[i], Line::Both(_))).collect();
    let Some(&first) = changed.first() else { return String::new() };
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");
    let (mut start, mut end) = (first.saturating_sub(CONTEXT), first + 1 + CONTEXT);
    for &at in changed.iter().skip(1) {
        if at > end + CONTEXT {
            hunk(&lines, start, end, &mut out);
            start = at.saturating_sub(CONTEXT);
        }
        end = at + 1 + CONTEXT;
    }
    hunk(&lines, start, end, &mut out);
    out
}

fn hunk(lines: &[Line<'_>], start: usize, end: usize, out: &mut String) {
    let end = end.min(lines.len());
    let old = |part: &[Line<'_>]| part.iter().filter(|l| !matches!(l, Line::New(_))).count();
    let new = |part: &[Line<'_>]| part.iter().filter(|l| !matches!(l, Line::Old(_))).count();
    let (before, here) = (&lines[..start], &lines[start..end]);
    // An empty part stands after the line that it names.
    let from = |before: usize, count: usize| if count == 0 { before } else { before + 1 };
    let (a, b) = (old(here), new(here));
    let head = (from(old(before), a), from(new(before), b));
    let written = writeln!(out, "@@ -{},{a} +{},{b} @@", head.0, head.1);
    debug_assert!(written.is_ok(), "a string takes all");
    for line in here {
        let (mark, text) = match line {
            Line::Both(text) => (' ', text),
            Line::Old(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        out.push(mark);
        out.push_str(text.trim_end_matches('\n'));
        out.push('\n');
        if !text.ends_with('\n') {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}

/// The lines of both texts, by their longest common subsequence.
fn compared<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (a, b): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let tail =
        a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut out: Vec<Line<'a>> = a[..head].iter().map(|line| Line::Both(line)).collect();
    out.extend(middle(&a[head..a.len() - tail], &b[head..b.len() - tail]));
    out.extend(a[a.len() - tail..].iter().map(|line| Line::Both(line)));
    out
}

fn middle<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<Line<'a>> {
    if a.len().saturating_mul(b.len()) > MAX_CELLS {
        return a.iter().map(|l| Line::Old(l)).chain(b.iter().map(|l| Line::New(l))).collect();
    }
    let width = b.len() + 1;
    let mut common = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = match a[i] == b[j] {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push(Line::Both(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            out.push(Line::Old(a[i]));
            i += 1;
        } else {
            out.push(Line::New(b[j]));
            j += 1;
        }
    }
    out.extend(a[i..].iter().map(|line| Line::Old(line)));
    out.extend(b[j..].iter().map(|line| Line::New(line)));
    out
}
