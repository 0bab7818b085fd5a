use super::*;
use crate::model::window::utc_day;
use crate::units::MS_PER_HOUR;

fn at(text: &str) -> Millis {
    DateTime::parse_from_rfc3339(text).expect("test writes RFC 3339").timestamp_millis()
}

/// The window that `text` means at `now`, as text.
fn window(text: &str, now: &str, zone: &str) -> Result<String, String> {
    let zone: Tz = zone.parse().expect("test names a zone");
    let resolved = parse(text)?.resolve(at(now), zone)?;
    Ok(format!("{} {}", rfc3339(resolved.window.start()), rfc3339(resolved.window.end())))
}

fn hours(text: &str, now: &str, zone: &str) -> i64 {
    let zone: Tz = zone.parse().expect("test names a zone");
    let request = parse(text).expect("valid");
    let resolved = request.resolve(at(now), zone).expect("resolves");
    resolved.window.length_ms() / MS_PER_HOUR
}

#[test]
fn trailing_windows_end_at_the_second() {
    let now = "2026-11-20T12:00:00.731Z";
    for (text, start) in [
        ("30m", "2026-11-20T11:30:00Z"),
        ("12h", "2026-11-20T00:00:00Z"),
        ("7d", "2026-11-13T12:00:00Z"),
        ("2w", "2026-11-06T12:00:00Z"),
        ("1h30m", "2026-11-20T10:30:00Z"),
    ] {
        assert_eq!(window(text, now, "UTC"), Ok(format!("{start} 2026-11-20T12:00:00Z")));
    }
}

#[test]
fn calendar_windows_in_utc() {
    // A Friday.
    let now = "2026-11-20T12:00:00Z";
    for (text, expected) in [
        ("today", "2026-11-20T00:00:00Z 2026-11-20T12:00:00Z"),
        ("yesterday", "2026-11-19T00:00:00Z 2026-11-20T00:00:00Z"),
        ("week", "2026-11-16T00:00:00Z 2026-11-20T12:00:00Z"),
        ("lastweek", "2026-11-09T00:00:00Z 2026-11-16T00:00:00Z"),
        ("month", "2026-11-01T00:00:00Z 2026-11-20T12:00:00Z"),
        ("lastmonth", "2026-10-01T00:00:00Z 2026-11-01T00:00:00Z"),
    ] {
        assert_eq!(window(text, now, "UTC"), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn a_day_begins_where_the_zone_says() {
    // 23:30 UTC is already the next day in Berlin.
    assert_eq!(
        window("today", "2026-11-20T23:30:00Z", "Europe/Berlin"),
        Ok("2026-11-20T23:00:00Z 2026-11-20T23:30:00Z".to_owned())
    );
    assert_eq!(
        window("2026-11-20,2026-11-21", "2026-12-01T00:00:00Z", "Asia/Kolkata"),
        Ok("2026-11-19T18:30:00Z 2026-11-20T18:30:00Z".to_owned())
    );
}

#[test]
fn days_of_a_clock_change_have_23_and_25_hours() {
    // In 2026 Berlin goes to summer time on 29 March, and back on 25 October.
    assert_eq!(hours("yesterday", "2026-03-30T10:00:00Z", "Europe/Berlin"), 23);
    assert_eq!(hours("yesterday", "2026-10-26T10:00:00Z", "Europe/Berlin"), 25);
    assert_eq!(hours("yesterday", "2026-03-30T10:00:00Z", "UTC"), 24);
    // March 2026: 31 × 24 − 1; the week of the change: 7 × 24 − 1.
    assert_eq!(hours("lastmonth", "2026-04-15T00:00:00Z", "Europe/Berlin"), 743);
    assert_eq!(hours("lastweek", "2026-04-01T00:00:00Z", "Europe/Berlin"), 167);
    assert_eq!(
        window("2026-10-25,2026-10-26", "2026-12-01T00:00:00Z", "Europe/Berlin"),
        Ok("2026-10-24T22:00:00Z 2026-10-25T23:00:00Z".to_owned())
    );
}

#[test]
fn a_midnight_that_does_not_exist_is_the_end_of_the_gap() {
    // Cairo's clocks go from 00:00 to 01:00 on 24 April 2026: that day starts at 01:00 (UTC+3).
    assert_eq!(
        window("2026-04-24,2026-04-25", "2026-12-01T00:00:00Z", "Africa/Cairo"),
        Ok("2026-04-23T22:00:00Z 2026-04-24T21:00:00Z".to_owned())
    );
}

#[test]
fn month_edges_and_leap_years() {
    assert_eq!(
        window("lastmonth", "2028-03-31T23:59:59Z", "UTC"),
        Ok("2028-02-01T00:00:00Z 2028-03-01T00:00:00Z".to_owned())
    );
    assert_eq!(hours("lastmonth", "2028-03-01T00:00:00Z", "UTC"), 29 * 24);
    assert_eq!(hours("lastmonth", "2026-03-01T00:00:00Z", "UTC"), 28 * 24);
    assert_eq!(
        window("lastmonth", "2027-01-05T00:00:00Z", "UTC"),
        Ok("2026-12-01T00:00:00Z 2027-01-01T00:00:00Z".to_owned())
    );
}

#[test]
fn instants_in_every_spelling() {
    let expected = Ok("2026-11-20T00:00:00Z 2026-11-20T22:48:57Z".to_owned());
    for text in [
        "2026-11-20T00:00:00Z,2026-11-20T22:48:57Z",
        "2026-11-20T01:00:00+01:00, 2026-11-20T22:48:57Z",
        "1795132800,1795214937",
        "2026-11-20,1795214937.0",
    ] {
        assert_eq!(window(text, "2026-12-01T00:00:00Z", "UTC"), expected, "{text}");
    }
}

#[test]
fn an_end_beyond_now_is_clipped_and_said() {
    let request = parse("2026-11-20,2026-11-25").expect("valid");
    let resolved = request.resolve(at("2026-11-22T00:00:00Z"), Tz::UTC).expect("resolves");
    assert_eq!(rfc3339(resolved.window.end()), "2026-11-22T00:00:00Z");
    assert_eq!(
        resolved.note.as_deref(),
        Some(
            "the window's end 2026-11-25T00:00:00Z is in the future; it ends now, 2026-11-22T00:00:00Z"
        )
    );
}

#[test]
fn windows_that_cannot_be() {
    let now = "2026-11-20T00:00:00Z";
    for (text, part) in [
        ("2026-11-10,2026-11-09", "from 2026-11-10T00:00:00Z to 2026-11-09T00:00:00Z is reversed"),
        ("2026-11-10,2026-11-10", "is empty"),
        ("2026-11-20,2026-11-21", "is in the future: now is 2026-11-20T00:00:00Z"),
        (
            "2027-01-01,2027-01-02",
            "from 2027-01-01T00:00:00Z to 2027-01-02T00:00:00Z is in the future",
        ),
        ("401d", "at most 400 can be reported"),
        ("2020-01-01,2026-01-01", "at most 400 can be reported"),
        // Midnight sharp: today has not begun to have a length.
        ("today", "is empty"),
        ("7", "is not a window"),
        ("", "is not a window"),
        ("-7d", "is not a window"),
        ("0d", "is not a window"),
        ("7 d", "is not a window"),
        ("9999999999999999999d", "is not a window"),
        ("7d\u{1b}[2J", "\\u{1b}"),
        ("2026-02-30,2026-03-01", "`2026-02-30` is not a time"),
        ("2026-11-01T00:00:00,2026-11-02", "is not a time"),
        ("NaN,inf", "`NaN` is not a time"),
        (",", "`` is not a time"),
    ] {
        let error = window(text, now, "UTC").expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(window("400d", now, "UTC").is_ok());
}

#[test]
fn roll_ups_are_of_whole_days() {
    let days = |text: &str| {
        let window =
            parse(text).expect("valid").whole_days(at("2026-11-20T12:00:00.7Z"), Tz::UTC)?;
        Ok(format!("{} {}", utc_day(window.start()), utc_day(window.end())))
    };
    for (text, expected) in [
        ("7d", "2026-11-13 2026-11-20"),
        ("24h", "2026-11-19 2026-11-20"),
        ("yesterday", "2026-11-19 2026-11-20"),
        ("month", "2026-11-01 2026-11-20"),
        ("2026-11-01,2026-11-03", "2026-11-01 2026-11-03"),
        ("2026-11-18,2026-12-01", "2026-11-18 2026-11-20"),
    ] {
        assert_eq!(days(text), Ok::<_, String>(expected.to_owned()), "{text}");
    }
    for (text, problem) in [
        ("12h", "starts at 2026-11-19T12:00:00Z, within a day"),
        ("2026-11-01T06:00:00Z,2026-11-03", "starts at 2026-11-01T06:00:00Z"),
        ("2026-11-01,2026-11-03T06:00:00Z", "ends at 2026-11-03T06:00:00Z"),
        ("today", "no UTC day that is over"),
    ] {
        let error = days(text).expect_err(text);
        assert!(error.contains(problem), "{text}: {error}");
    }
}
