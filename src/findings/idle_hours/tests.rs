use super::super::testing::World;
use super::*;

const L40S: (&str, f64) = ("NVIDIA L40S", 46_068.0);

/// Busy from 22:00 to 06:00, loaded all the time.
fn at_night(minute: i64) -> (f64, f64) {
    let hour = minute / 60 % 24;
    (if (6..22).contains(&hour) { 0.0 } else { 0.7 }, 30_100.0)
}

fn world(days: i64) -> World {
    World::new(days).node("n1", 2, L40S, &[])
}

#[test]
fn a_server_of_the_night_is_switched_off_by_day() {
    let world = world(7).pod("n1", "Deployment", "translate", &[at_night]);
    let found = &world.by(NAME)[0];
    let off = OffHours { days: "weekdays".into(), from_hour: 6, to_hour: 22 };
    assert_eq!(found.change, Change::Schedule { timezone: "UTC".into(), off: vec![off] });
    assert_eq!(
        found.finding.action,
        "Scale it to zero on weekdays from 06:00 to 22:00 (UTC): nothing ran on its GPUs then."
    );
    // 5 days × 16 hours of 7 × 16 idle hours; 730 / 168 windows in a month.
    assert!((found.monthly_gpu_hours - 80.0 * 730.0 / 168.0).abs() < 0.1);
    let proof = found.proof.as_ref().expect("replayed");
    assert_eq!((proof.over_capacity_ratio, found.refusal.as_deref()), (0.0, None));
    assert!(found.finding.monthly_savings.is_some_and(|money| (money - 347.6 * 1.861).abs() < 1.0));
}

#[test]
fn jobs_and_what_was_never_used_have_no_schedule() {
    let jobs = world(7).pod("n1", "Job", "train", &[at_night]);
    assert_eq!(jobs.by(NAME), []);
    let never = world(7).pod("n1", "Deployment", "forgotten", &[|_| (0.0, 500.0)]);
    assert_eq!(never.by(NAME), []);
    let busy = world(7).pod("n1", "Deployment", "chat", &[|_| (0.5, 500.0)]);
    assert_eq!((busy.by(NAME), busy.refused(NAME)), (vec![], vec![]));
}

#[test]
fn a_quiet_hour_of_the_one_is_none_of_both() {
    // One replica works at night and the other by day: the workload is never idle.
    let by_day = |minute| (0.7 - at_night(minute).0, 30_100.0);
    let both = world(7).pod("n1", "Deployment", "translate", &[at_night]).pod(
        "n1",
        "Deployment",
        "translate",
        &[by_day],
    );
    assert_eq!(both.by(NAME), []);
}

#[test]
fn work_that_comes_back_by_day_refuses() {
    // Idle by day for four days, and at work around the clock from then on.
    let load: fn(i64) -> (f64, f64) =
        |minute| if minute < 4 * 1_440 { at_night(minute) } else { (0.7, 30_100.0) };
    let world = world(7).pod("n1", "Deployment", "translate", &[load]);
    let refused = &world.refused(NAME)[0];
    let why = refused.refusal.as_deref().expect("a reason");
    assert!(why.starts_with("replayed, it would have been off for "), "{why}");
    assert!(refused.proof.as_ref().is_some_and(|proof| proof.over_capacity_ratio > 0.1));
    assert_eq!(world.by(NAME), []);
}

#[test]
fn three_days_are_not_enough_to_judge() {
    let world = world(3).pod("n1", "StatefulSet", "translate", &[at_night]);
    let rows = world.unjudged(NAME);
    assert!(rows[0].reason.contains("needs more days"), "{rows:?}");
    assert_eq!((world.by(NAME), world.refused(NAME)), (vec![], vec![]));
}

#[test]
fn hours_are_put_in_words() {
    // Busy from 08:00 to 18:00 on weekdays.
    let load: fn(i64) -> (f64, f64) = |minute| {
        let (day, hour) = (minute / 1_440 % 7, minute / 60 % 24);
        (if day < 5 && (8..18).contains(&hour) { 0.5 } else { 0.0 }, 9_000.0)
    };
    let world = world(14).pod("n1", "Notebook", "office", &[load]);
    let found = &world.by(NAME)[0];
    assert_eq!(
        found.finding.action,
        "Scale it to zero on weekdays from 18:00 to 08:00 and on weekends all day (UTC): \
         nothing ran on its GPUs then."
    );
    assert_eq!(found.finding.evidence["off_hours_per_week"], 5 * 14 + 48);
}
