use super::*;

#[test]
fn turns_and_patience() {
    let health = Health::new(1_000, 120_000);
    let target = TargetName { job: "j\"".to_owned(), instance: "i".to_owned() };
    let scrape = |at_ms, ok| {
        health
            .scraped(&target, Fared { at_ms, ok, took_ms: 3, bytes: 10, samples: 2, bad_lines: 0 })
    };
    assert_eq!(health.check(121_000), Ok(()));
    assert_eq!(health.check(122_000), Err("no scrape succeeded for 121 s".to_owned()));
    assert_eq!(scrape(122_000, true), Turn::First);
    assert_eq!(health.check(122_001), Ok(()));
    let turns: Vec<Turn> = [false, false, true, true].map(|ok| scrape(130_000, ok)).to_vec();
    assert_eq!(turns, [Turn::Failed, Turn::Same, Turn::Recovered, Turn::Same]);
    health.wrote(Err("disk full".to_owned()));
    assert_eq!(health.check(130_000), Err("the store cannot be written: disk full".to_owned()));
    health.wrote(Ok(7));
    assert_eq!(health.check(130_000), Ok(()));
    let metrics = health.metrics();
    for line in [
        "gpu_finops_scrapes_total{job=\"j\\\"\",instance=\"i\"} 5",
        "gpu_finops_scrape_failures_total{job=\"j\\\"\",instance=\"i\"} 2",
        "gpu_finops_scrape_last_success_timestamp_seconds{job=\"j\\\"\",instance=\"i\"} 130.000",
        "gpu_finops_store_log_bytes_total 7",
        "gpu_finops_store_write_failures_total 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in {metrics}");
    }
    health.gone(&target);
    assert!(!health.metrics().contains("instance="));
}
