use super::*;

fn minute(load: f32, active_ms: u16) -> Minute {
    Minute { load, peak: load, memory_mib: 100.0, observed_ms: 60_000, active_ms }
}

fn trace() -> Trace {
    let minutes = vec![minute(0.5, 60_000), Minute::UNKNOWN, minute(0.0, 0)];
    Trace { holder: 0, device: 0, share: 1.0, first: 10, minutes }
}

#[test]
fn minutes_are_found_by_their_number() {
    let trace = trace();
    assert_eq!(trace.at(10).load(), Some(0.5));
    assert_eq!(trace.at(11).load(), None);
    assert_eq!(trace.at(9).load(), None);
    assert_eq!(trace.at(13).memory_mib(), None);
    assert_eq!(trace.end(), 13);
}

#[test]
fn a_span_is_clipped_to_what_there_is() {
    let trace = trace();
    let numbers = |start, end| -> Vec<i64> {
        trace.observed(Span { start, end }).map(|(number, _)| number).collect()
    };
    assert_eq!(numbers(0, 100), [10, 12]);
    assert_eq!(numbers(11, 13), [12]);
    assert_eq!(numbers(12, 12), [0; 0]);
    assert_eq!(numbers(50, 60), [0; 0]);
}

#[test]
fn a_span_has_parts() {
    let span = Span { start: 100, end: 200 };
    assert_eq!(span.part(0.0, 0.7), Span { start: 100, end: 170 });
    assert_eq!(span.part(0.7, 1.0), Span { start: 170, end: 200 });
    let window = Window::new(30_000, 90_001).expect("not empty");
    assert_eq!(Span::of(window), Span { start: 0, end: 2 });
}

#[test]
fn what_is_not_known_of_one_adds_nothing() {
    let a = trace();
    let b = Trace { first: 12, minutes: vec![minute(0.25, 1), minute(0.75, 1)], ..trace() };
    let sum = sum(&[&a, &b]).expect("two");
    assert_eq!((sum.first, sum.minutes.len()), (10, 4));
    let loads: Vec<Option<f64>> = (10..14).map(|number| sum.at(number).load()).collect();
    assert_eq!(loads, [Some(0.5), None, Some(0.25), Some(0.75)]);
    assert_eq!(sum.at(12).memory_mib(), Some(200.0));
    assert_eq!(super::sum(&[]), None);
}
