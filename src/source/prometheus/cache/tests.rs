use proptest::prelude::*;

use super::file::FileError;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::model::{Labels, QueryId};
use crate::mutation::fixed;

/// 2026-11-20T00:00:00Z
const DAY: Millis = 1_795_132_800_000;
const NEXT: Millis = DAY + MS_PER_DAY;

fn cache(dir: &Path, now_ms: Millis) -> Cache {
    let options = CacheOptions { dir: dir.to_owned(), offline: false, tenant: None, now_ms };
    Cache::new(&options, "http://localhost:9090")
}

fn plan() -> ReadPlan {
    let window = Window::new(DAY, NEXT).unwrap();
    ReadPlan { query: QueryId::GpuUtil, promql: "m{}".into(), window }
}

fn series(name: &str, samples: &[(Millis, f64)]) -> Series {
    let labels =
        Labels::from([("__name__".to_owned(), "m".to_owned()), ("UUID".into(), name.into())]);
    Series { labels, samples: samples.iter().copied().collect() }
}

fn some() -> Vec<Series> {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let long: Vec<_> =
        (0..500_i32).map(|i| (DAY + i64::from(i) * 30_000, f64::from(i % 7))).collect();
    vec![series("a", &long), series("b", &[(DAY, 1.0), (DAY + 1, stale)])]
}

#[test]
fn time_is_closed_an_hour_after_its_end() {
    let spans = |kind, span, now| cache(Path::new("c"), now).spans(kind, span);
    let whole = (DAY, NEXT);
    let open = NEXT + MS_PER_HOUR - 1;
    for kind in [QueryId::GpuUtil, QueryId::PodOwner, QueryId::PodTerminal].map(QueryId::kind) {
        assert_eq!(spans(kind, whole, open), []);
        assert_eq!(spans(kind, whole, open + 1), [whole]);
    }
    // The edge of a window: samples and conditions are cut out of the day, once that is over.
    let edge = (NEXT - 600_000, NEXT);
    let later = (NEXT, NEXT + 300_000);
    assert_eq!(spans(QueryKind::Raw, edge, NEXT + MS_PER_DAY), [whole, edge]);
    assert_eq!(spans(QueryKind::Info, edge, NEXT + MS_PER_DAY), [edge]);
    assert_eq!(spans(QueryKind::Raw, later, NEXT + MS_PER_DAY), [later]);
    // An odd instant is of a window that ends now: just the day is worth keeping.
    let odd = (NEXT - 600_001, NEXT);
    assert_eq!(spans(QueryKind::Raw, odd, NEXT + MS_PER_DAY), [whole]);
    assert_eq!(spans(QueryKind::Info, odd, NEXT + MS_PER_DAY), []);
    assert_eq!(spans(QueryKind::Tail, odd, NEXT + MS_PER_DAY), []);
}

#[test]
fn halves_of_parts_are_not_planned() {
    let window = Window::new(DAY + 5, NEXT + 7).unwrap();
    let is_planned = |kind, span| is_planned(kind, span, window);
    for kind in [QueryKind::Raw, QueryKind::Info] {
        assert!(is_planned(kind, (DAY + 5, NEXT)) && is_planned(kind, (NEXT, NEXT + 7)));
        assert!(!is_planned(kind, (DAY + 5, DAY + 50)) && !is_planned(kind, (DAY + 50, NEXT)));
    }
    let quarter = 15 * MS_PER_MINUTE;
    assert!(is_planned(QueryKind::Tail, (NEXT + 7 - quarter, NEXT + 7)));
    assert!(!is_planned(QueryKind::Tail, (NEXT + 7 - quarter, NEXT + 3)));
}

#[test]
fn whatever_is_asked_otherwise_is_another_file() {
    let options = |tenant: Option<&str>| CacheOptions {
        dir: "c".into(),
        offline: false,
        tenant: tenant.map(ToOwned::to_owned),
        now_ms: 0,
    };
    let of = |target: &str, tenant, labels: &str, plan: &ReadPlan, span| {
        name(&Cache::new(&options(tenant), target).key(labels, plan, span))
    };
    let other_query = ReadPlan { query: QueryId::FbUsed, ..plan() };
    let other_selector = ReadPlan { promql: "m{a=\"b\"}".into(), ..plan() };
    let names = [
        of("http://a", None, "l", &plan(), (0, 1)),
        of("http://b", None, "l", &plan(), (0, 1)),
        of("http://a", Some("t"), "l", &plan(), (0, 1)),
        of("http://a", None, "m", &plan(), (0, 1)),
        of("http://a", None, "l", &other_query, (0, 1)),
        of("http://a", None, "l", &other_selector, (0, 1)),
        of("http://a", None, "l", &plan(), (0, 2)),
    ];
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert!(names.iter().all(|name| name.len() == 64 + 4), "{names:?}");
}

#[tokio::test]
async fn what_is_kept_is_found_and_damage_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let cache = cache(&folder, NEXT + MS_PER_DAY);
    let key = cache.key("l", &plan(), (DAY, NEXT));
    assert_eq!(cache.find(vec![key.clone()]).await, None);
    cache.keep(key.clone(), some()).await;
    assert_eq!(cache.find(vec!["another".into(), key.clone()]).await, Some(some()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(name(&key)))), (0o700, 0o600));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing temporary stays");
    let path = folder.join(name(&key));
    let mut content = fs::read(&path).unwrap();
    let place = content.len() / 2;
    content[place] ^= 1;
    fs::write(&path, content).unwrap();
    assert_eq!(cache.find(vec![key.clone()]).await, None);
    let detail = cache.status().detail;
    assert!(
        detail.contains(": 1 of 3 answers about closed time are from the cache, 1 are"),
        "{detail}"
    );
    assert!(detail.contains("damaged and asked for anew: 1 ("), "{detail}");
    assert!(detail.ends_with(".day: its checksum is wrong)"), "{detail}");
    let record = Record { server: "s".into(), labels: "l".into() };
    assert!(cache.recall().is_err());
    cache.remember(&record);
    assert_eq!(cache.recall().unwrap(), record);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = cache(&file.path().join("below"), NEXT + MS_PER_DAY);
    cache.keep("k".into(), some()).await;
    assert!(cache.status().detail.contains("it cannot be written to: "), "{:?}", cache.status());
}

proptest! {
    #![proptest_config(fixed(300))]

    #[test]
    fn no_damage_is_believed(place in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>()) {
        let good = file::encode("k", &some());
        prop_assert_eq!(file::decode("k", &good).unwrap(), some());
        prop_assert_eq!(file::decode("other", &good), Err(FileError::Question));
        let mut bad = good;
        let place = place.index(bad.len());
        if cut {
            bad.truncate(place);
        } else {
            bad[place] ^= 1 << bit;
        }
        let error = file::decode("k", &bad).unwrap_err();
        prop_assert!(matches!(error, FileError::Checksum | FileError::Format), "{}", error);
    }
}
