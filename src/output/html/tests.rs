use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::*;
use crate::attribution::states::State;
use crate::calendar::Slice;
use crate::output::sample;
use crate::report::accounts::Accounts;
use crate::units::MS_PER_HOUR;

/// Colours of the style sheet by name, as it is and as it is in the dark.
fn palettes() -> [BTreeMap<&'static str, [f64; 3]>; 2] {
    let (light, dark) = STYLE.split_once("@media screen").expect("both schemes");
    let dark = dark.split_once("\n}\n").expect("an end").0;
    [light, dark].map(|text| {
        text.lines()
            .filter_map(|line| {
                line.trim().strip_prefix("--")?.trim_end_matches(';').split_once(": #")
            })
            .map(|(name, hex)| {
                let part = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("hexadecimal");
                (name, [0, 2, 4].map(|i| f64::from(part(i)) / 255.0))
            })
            .collect()
    })
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let [r, g, b] = colour.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_and_charts_have_enough_contrast_in_both_schemes() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    for (scheme, colours) in ["light", "dark"].into_iter().zip(palettes()) {
        let between = |a: &str, b: &str| contrast(colours[a], colours[b]);
        for text in ["text", "muted", "link", "good", "warn", "bad"] {
            for ground in ["page", "band"] {
                let found = between(text, ground);
                assert!(found >= 4.5, "{scheme}: {text} on {ground} is {found:.2}");
            }
        }
        for level in 0..5 {
            let (ground, text) = (format!("heat{level}"), format!("heat{level}-text"));
            let found = between(&ground, &text);
            assert!(found >= 4.5, "{scheme}: {text} is {found:.2}");
        }
        // Parts of a chart, which have no text on them.
        for state in crate::calendar::STATES {
            let found = between(state, "page");
            assert!(found >= 3.0, "{scheme}: {state} is {found:.2}");
        }
    }
}

fn page(report: &crate::report::contract::Report, over_time: &OverTime) -> String {
    let page = Page { over_time, timezone: Tz::UTC };
    render_page(report, page, &RenderOptions::default())
}

#[test]
fn text_of_the_cluster_stays_text() {
    let mut report = sample::report();
    let evil = "<script>alert(1)</script>\"'&\u{1b}[31m";
    report.tenants[0].tenant = evil.to_owned();
    report.workloads[0].name = evil.to_owned();
    report.findings[0].subject = evil.to_owned();
    let html = page(&report, &OverTime::default());
    assert!(!html.contains("<script") && !html.contains('\u{1b}'));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;␛[31m"));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let html = page(&sample::report(), &OverTime::default());
    for part in ["http://", "https://", "src=", "@import", "url(", "<script", " style=", " on"] {
        let markup = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        let tags = markup.split('<').skip(1).filter_map(|t| t.split_once('>')).map(|(tag, _)| tag);
        assert!(tags.into_iter().all(|tag| !tag.contains(part)), "{part}");
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    assert!(html.contains("default-src 'none'; style-src 'sha256-"));
}

#[test]
fn the_outline_has_no_gaps_and_tables_name_their_parts() {
    let html = page(&sample::report(), &OverTime::default());
    let levels: Vec<u32> =
        html.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)).collect();
    assert_eq!(levels.first(), Some(&1));
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let count = |part: &str| html.matches(part).count();
    assert_eq!(count("<table"), count("<caption"));
    assert!(!html.contains("<th>") && !html.contains("\"></th>"), "a header without scope or name");
    assert_eq!(count("class=\"scroll\""), count("tabindex=\"0\""));
    assert!(html.contains("<html lang=\"en\">") && html.contains("<main id=\"main\">"));
}

/// Two hours of one device: 30 % of a held hour, and an hour without a sample.
fn two_hours() -> OverTime {
    let start = 1_794_182_400_000;
    let slice = |start, state, utilization_ms| Slice {
        start,
        holder: Some(0),
        state,
        gpu_ms: 3_600_000.0,
        utilization_ms,
    };
    let slices = vec![vec![
        slice(start, State::Active, 1_080_000.0),
        slice(start + MS_PER_HOUR, State::Unobserved, 0.0),
        slice(start + 2 * MS_PER_HOUR, State::IdleEmpty, 0.0),
    ]];
    let inputs = crate::model::Inputs {
        window: crate::model::Window::new(start, start + 3 * MS_PER_HOUR).expect("a window"),
        now_ms: start,
        metrics: Vec::new(),
        facts: crate::model::ClusterFacts::default(),
        sources: Vec::new(),
    };
    let mut accounts = Accounts::new(&inputs, &crate::model::Policy::default());
    accounts.prices = vec![None];
    let mut over_time = OverTime::default();
    over_time.add(&accounts, &slices, MS_PER_HOUR);
    over_time
}

#[test]
fn what_is_not_known_is_not_zero() {
    let html = page(&sample::report(), &two_hours());
    // A Monday, from midnight on: 30 %, not known, 0 %.
    assert!(
        html.contains(
            "<th scope=\"row\">Mon</th><td class=\"heat2\">30</td><td class=\"unknown\">?</td>\
             <td class=\"heat0\">0</td><td class=\"unknown\">?</td>"
        ),
        "{html}"
    );
    // Without a price, bars are of time.
    assert!(html.contains("GPU-hours of the whole fleet by state, in bars of an hour (UTC)"));
    assert!(html.contains("busy: 0.3</title>") && html.contains("slack: 0.7</title>"));
}

#[test]
fn without_hours_the_page_says_so() {
    let mut days = two_hours();
    days.step_ms = 24 * MS_PER_HOUR;
    let html = page(&sample::report(), &days);
    assert!(html.contains("roll-ups have no hours") && !html.contains("class=\"heat"));
    assert!(html.contains("in bars of a day (UTC)"));
}
