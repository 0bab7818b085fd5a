use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::hour::of_segments;
use super::layout::{self, hour_of};
use super::segment::End;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::model::{Labels, QueryId, Series, SourceState, Window};
use crate::mutation::fixed;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// 2026-11-20T00:00:00Z.
const T0: Millis = 1_795_132_800_000;
const STEP: i64 = 30_000;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn target(instance: &str) -> TargetName {
    TargetName { job: "dcgm".to_owned(), instance: instance.to_owned() }
}

fn util(instance: &str, uuid: &str) -> Labels {
    labels(&[
        ("__name__", "DCGM_FI_DEV_GPU_UTIL"),
        ("UUID", uuid),
        ("instance", instance),
        ("job", "dcgm"),
    ])
}

fn scrape(at_ms: Millis, samples: &[(Labels, f64)]) -> Scraped<Labels> {
    let samples = samples.iter().map(|(labels, value)| (labels.clone(), at_ms, *value)).collect();
    Scraped { target: target("n1:9400"), at_ms, took_ms: 7, bytes: 100, error: None, samples }
}

fn failed(at_ms: Millis, reason: &str) -> Scraped<Labels> {
    Scraped { error: Some(reason.to_owned()), ..scrape(at_ms, &[]) }
}

fn open(dir: &Path) -> StoreWriter {
    StoreWriter::open(dir).expect("a store").0
}

/// Scrapes of one GPU, a value for each instant from `from` on.
fn fill(writer: &mut StoreWriter, from: Millis, count: i64) {
    for i in 0..count {
        let value = f64::from(u8::try_from(i % 100).expect("small"));
        let one = scrape(from + i * STEP, &[(util("n1:9400", "GPU-1"), value)]);
        writer.append(one).expect("appended");
    }
    writer.sync().expect("synced");
}

fn ask(dir: &Path, start: Millis, end: Millis) -> Result<Stored, StoreError> {
    let window = Window::new(start, end).expect("a window");
    let gpu_resources = ["nvidia.com/gpu".to_owned()];
    let max_gap_ms = 5 * MS_PER_MINUTE;
    read(dir, &StoreQuery { window, now_ms: end, max_gap_ms, gpu_resources: &gpu_resources })
}

fn samples(stored: &Stored, query: QueryId) -> Vec<(Millis, u64)> {
    let answer = stored.metrics.iter().find(|m| m.query == query).expect("asked");
    answer.series.iter().flat_map(Series::samples).map(|(at, v)| (at, v.to_bits())).collect()
}

fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    layout::segments(dir).expect("listed").into_iter().map(|(_, _, path)| path).collect()
}

#[test]
fn what_is_appended_is_read_from_the_log_and_the_same_when_it_is_compacted() {
    let folder = TempDir::new().expect("a folder");
    let mut writer = open(folder.path());
    fill(&mut writer, T0, 250);
    let (start, end) = (T0 + 20 * MS_PER_MINUTE, T0 + 2 * MS_PER_HOUR);
    let logged = ask(folder.path(), start, end).expect("read");
    // From ten minutes before the window, and to the last.
    let found = samples(&logged, QueryId::GpuUtil);
    assert_eq!(found.first(), Some(&(T0 + 10 * MS_PER_MINUTE, 20.0_f64.to_bits())));
    assert_eq!(found.len(), 230);
    let upkeep = writer.keep_up(T0 + 3 * MS_PER_HOUR, 0).expect("compacted");
    // The last hour's segment is still open.
    assert_eq!((upkeep.compacted, segments(folder.path()).len()), (2, 1));
    assert_eq!(ask(folder.path(), start, end).expect("read"), logged);
    drop(writer);
    let mut writer = open(folder.path());
    assert_eq!(writer.keep_up(T0 + 3 * MS_PER_HOUR, 0).expect("compacted").compacted, 1);
    assert_eq!(segments(folder.path()).len(), 0);
    assert_eq!(ask(folder.path(), start, end).expect("read"), logged);
    // Nothing more is logged for an hour that is compacted: it goes to the next.
    writer.append(scrape(T0 + 2 * MS_PER_HOUR + 50 * MS_PER_MINUTE, &[])).expect("appended");
    assert!(segments(folder.path())[0].ends_with("log/2026-11-20T03-000000.log"));
}

#[test]
fn one_writer_at_a_time_and_nowhere_else() {
    let folder = TempDir::new().expect("a folder");
    let writer = open(folder.path());
    let second = StoreWriter::open(folder.path()).expect_err("locked");
    let process = format!("(process {})", std::process::id());
    assert!(second.to_string().contains(&process), "{second}");
    drop(writer);
    open(folder.path());
    let other = TempDir::new().expect("a folder");
    fs::write(other.path().join("thesis.tex"), "x").expect("written");
    let refused = StoreWriter::open(other.path()).expect_err("foreign");
    assert!(refused.to_string().contains("holds `thesis.tex`"), "{refused}");
    assert!(matches!(ask(other.path(), T0, T0 + 1), Err(StoreError::NotAStore(_))));
    let text = fs::read_to_string(folder.path().join("store.json")).expect("read");
    let later = text.replace("\"format_version\": 1", "\"format_version\": 2");
    fs::write(folder.path().join("store.json"), later).expect("written");
    let refused = StoreWriter::open(folder.path()).expect_err("of the future");
    assert!(refused.to_string().contains("format version 2"), "{refused}");
}

#[test]
fn what_is_too_old_goes() {
    let folder = TempDir::new().expect("a folder");
    let mut writer = open(folder.path());
    for day in 0..3 {
        fill(&mut writer, T0 + day * MS_PER_DAY, 3);
    }
    let now = T0 + 3 * MS_PER_DAY;
    let upkeep = writer.keep_up(now, T0 + MS_PER_DAY).expect("kept up");
    assert_eq!((upkeep.compacted, upkeep.removed), (2, 1));
    drop(writer);
    let mut writer = open(folder.path());
    // An hour stays until its last instant is too old.
    let upkeep = writer.keep_up(now, T0 + MS_PER_DAY + MS_PER_HOUR - 1).expect("kept up");
    assert_eq!((upkeep.compacted, upkeep.removed), (1, 0));
    let upkeep = writer.keep_up(now, T0 + MS_PER_DAY + MS_PER_HOUR).expect("kept up");
    assert_eq!((upkeep.compacted, upkeep.removed), (0, 1));
    let days: Vec<_> = fs::read_dir(folder.path().join("hours")).expect("listed").collect();
    assert_eq!(days.len(), 1, "empty days go, too");
    let error = ask(folder.path(), T0, T0 + MS_PER_HOUR).expect_err("gone").to_string();
    assert!(error.contains("its hours are of 2026-11-22T00:00:00Z to 2026-11-22T01"), "{error}");
}

#[test]
fn a_target_that_does_not_answer_is_a_gap_and_an_outage() {
    let folder = TempDir::new().expect("a folder");
    let mut writer = open(folder.path());
    fill(&mut writer, T0, 20);
    let marker = (util("n1:9400", "GPU-1"), f64::from_bits(STALE_NAN_BITS));
    let first = Scraped {
        samples: scrape(T0 + 20 * STEP, &[marker]).samples,
        ..failed(T0 + 20 * STEP, "refused")
    };
    writer.append(first).expect("appended");
    for i in 21..40 {
        writer.append(failed(T0 + i * STEP, "refused")).expect("appended");
    }
    fill(&mut writer, T0 + 40 * STEP, 20);
    let stored = ask(folder.path(), T0, T0 + 2 * MS_PER_HOUR).expect("read");
    let answer = stored.metrics.iter().find(|m| m.query == QueryId::GpuUtil).expect("asked");
    let gaps: Vec<_> = answer.gaps.iter().map(|g| (g.start_ms - T0, g.end_ms - T0)).collect();
    // And nobody came after the last one.
    assert_eq!(gaps, [(19 * STEP, 40 * STEP), (59 * STEP, 2 * MS_PER_HOUR)]);
    assert_eq!(answer.series[0].samples.values()[20].to_bits(), STALE_NAN_BITS);
    let line = |name: &str| stored.sources.iter().find(|s| s.name == name).expect("a line");
    assert_eq!(line("store/targets").state, SourceState::Partial);
    assert_eq!(
        line("store/targets").detail,
        "n1:9400 (dcgm) was not scraped from 2026-11-20T00:10:00Z to 2026-11-20T00:19:30Z: refused"
    );
    assert!(line("store").detail.ends_with("; targets: 1, scrapes: 60, failed: 20"));
    assert_eq!(line("store/gpu_util").state, SourceState::Partial);
    assert_eq!(line("store/pod_info").state, SourceState::Skipped);
}

#[test]
fn facts_conditions_and_sums_as_a_server_gives_them() {
    let folder = TempDir::new().expect("a folder");
    let mut writer = open(folder.path());
    let ksm = |name: &str, more: &[(&str, &str)]| {
        let mut all =
            vec![("__name__", name), ("node", "n1"), ("instance", "n1:9400"), ("job", "dcgm")];
        all.extend(more);
        labels(&all)
    };
    let capacity = ksm("kube_node_status_capacity", &[("resource", "nvidia_com_gpu")]);
    let info = ksm("kube_pod_info", &[("namespace", "a"), ("pod", "p")]);
    let elsewhere = labels(&[("__name__", "kube_pod_info"), ("node", "n2"), ("pod", "q")]);
    let cordon = ksm("kube_node_spec_unschedulable", &[]);
    let request = |container: &str| {
        ksm(
            "kube_pod_container_resource_requests",
            &[("namespace", "a"), ("pod", "p"), ("resource", "cpu"), ("container", container)],
        )
    };
    for i in 0..20 {
        // Half past the minute; cordoned from the fifth minute to the sixth.
        let at = T0 + 30_000 + i * MS_PER_MINUTE;
        let cordoned = f64::from(u8::from((5..7).contains(&i)));
        let mut all =
            vec![(capacity.clone(), 8.0), (elsewhere.clone(), 1.0), (cordon.clone(), cordoned)];
        all.extend([(request("x"), 1.5), (request("y"), 2.0)]);
        if i < 10 {
            all.push((info.clone(), 1.0));
        }
        writer.append(scrape(at, &all)).expect("appended");
    }
    let (start, end) = (T0, T0 + 20 * MS_PER_MINUTE);
    let stored = ask(folder.path(), start, end).expect("read");
    let one = 1.0_f64.to_bits();
    // The last of the day, at its end or the window's with its margin; not of nodes without GPUs.
    assert_eq!(samples(&stored, QueryId::PodInfo), [(end + 5 * MS_PER_MINUTE - 1, one)]);
    let minutes = |m: i64| (T0 + m * MS_PER_MINUTE, one);
    assert_eq!(samples(&stored, QueryId::NodeUnschedulable), [minutes(6), minutes(7)]);
    let cpu = samples(&stored, QueryId::PodCpuMemoryRequests);
    let at = |m: i64| (T0 + m * MS_PER_MINUTE, 3.5_f64.to_bits());
    // At 20 minutes the last sample is half a minute old.
    assert_eq!(cpu, [at(5), at(10), at(15), at(20)]);
}

/// Values of the one series in what can be read of a log.
fn readable(dir: &Path) -> Vec<f64> {
    let (hour, _) = of_segments(&segments(dir)).expect("read");
    hour.series.iter().flat_map(|s| s.samples.iter().map(|(_, value)| *value)).collect()
}

proptest! {
    #![proptest_config(fixed(64))]

    /// Whatever is cut off or changed, what stands before it is read, and writing goes on.
    #[test]
    fn a_damaged_log_keeps_what_stands_before_the_damage(
        at in 0.0..1.0_f64,
        damage in prop_oneof![Just(None), (0u8..8).prop_map(Some)],
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut writer = open(folder.path());
        let mut ends = vec![];
        let path = layout::segment(folder.path(), hour_of(T0), 0);
        for i in 0..20 {
            fill(&mut writer, T0 + i * STEP, 1);
            ends.push(fs::metadata(&path).expect("there").len());
        }
        drop(writer);
        let mut bytes = fs::read(&path).expect("read");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in a small file")]
        let place = (at * bytes.len() as f64) as usize;
        match damage {
            None => bytes.truncate(place),
            Some(bit) => bytes[place] ^= 1 << bit,
        }
        fs::write(&path, &bytes).expect("written");
        let whole = ends.iter().filter(|end| **end <= place as u64).count();
        let expected = vec![0.0; whole];
        prop_assert_eq!(&readable(folder.path()), &expected);
        let mut writer = open(folder.path());
        prop_assert_eq!(&readable(folder.path()), &expected);
        fill(&mut writer, T0 + 20 * STEP, 2);
        prop_assert_eq!(readable(folder.path()).len(), whole + 2);
        drop(writer);
        open(folder.path()).keep_up(T0 + MS_PER_HOUR, 0).expect("compacted");
        let stored = ask(folder.path(), T0, T0 + MS_PER_HOUR).expect("read");
        prop_assert_eq!(samples(&stored, QueryId::GpuUtil).len(), whole + 2);
    }

    /// Any series and values, own instants among them, come back as they were.
    #[test]
    fn any_scrapes_come_back(
        rounds in prop::collection::vec(
            prop::collection::btree_map("[a-c]", (any::<u64>(), prop_oneof![3 => Just(0i64), 1 => -500..500i64]), 0..4),
            1..12,
        ),
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut writer = open(folder.path());
        let mut expected = std::collections::BTreeMap::<Labels, Vec<(Millis, u64)>>::new();
        for (i, round) in rounds.iter().enumerate() {
            let at_ms = T0 + i64::try_from(i).expect("few") * 1_000;
            let samples: Vec<_> = round
                .iter()
                .map(|(name, (bits, off))| (labels(&[("__name__", name)]), at_ms + off, f64::from_bits(*bits)))
                .collect();
            for (labels, at, value) in &samples {
                expected.entry(labels.clone()).or_default().push((*at, value.to_bits()));
            }
            writer.append(Scraped { samples, ..scrape(at_ms, &[]) }).expect("appended");
        }
        let (data, unfinished) = of_segments(&segments(folder.path())).expect("read");
        prop_assert_eq!(unfinished, Vec::<(std::path::PathBuf, End)>::new());
        let found = |data: &super::hour::HourData| data.series.iter().map(|s| {
            (s.labels.clone(), s.samples.iter().map(|(at, v)| (*at, v.to_bits())).collect::<Vec<_>>())
        }).collect::<std::collections::BTreeMap<_, _>>();
        prop_assert_eq!(&found(&data), &expected);
        prop_assert_eq!(data.scrapes.len(), rounds.len());
        // And through Parquet.
        super::partition::write(folder.path(), hour_of(T0), &data).expect("written");
        let part = layout::partition(folder.path(), hour_of(T0));
        let names = super::partition::read_labels(&part).expect("read");
        let mut again = vec![vec![]; names.len()];
        super::partition::read_samples(&part, hour_of(T0), names.len(), &mut |i, at, v| {
            again[i].push((at, v.to_bits()));
        }).expect("read");
        prop_assert_eq!(names.into_iter().zip(again).collect::<std::collections::BTreeMap<_, _>>(), expected);
        prop_assert_eq!(super::partition::read_scrapes(&part).expect("read"), data.scrapes);
    }
}
