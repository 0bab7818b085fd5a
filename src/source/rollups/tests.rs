//! Folders of roll-ups, with files that mean nothing.

use tempfile::TempDir;

use super::*;

const PART: (&str, &str) = ("prod", "2026-11-20");

fn files(content: &str) -> Vec<(String, Vec<u8>)> {
    ["partition.json", "ledger/0.parquet"]
        .map(|name| (name.to_owned(), content.as_bytes().to_vec()))
        .to_vec()
}

fn found(dir: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let names = ["partition.json", "ledger/0.parquet", "other"].map(ToOwned::to_owned);
    read(dir, PART, &names).expect("readable")
}

#[test]
fn a_partition_is_replaced_whole_and_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("store");
    prepare(&dir).expect("a new folder");
    prepare(&dir).expect("the same again");
    assert_eq!(found(&dir), None);
    for content in ["one", "two", "two"] {
        place(&dir, PART, &files(content)).expect("placed");
        assert_eq!(found(&dir), Some(files(content).into_iter().collect()));
    }
    assert_eq!(clusters(&dir).expect("listed"), ["prod"]);
    assert_eq!(days(&dir, "prod").expect("listed"), ["2026-11-20"]);
    assert_eq!(names(&dir.join("cluster=prod")).expect("listed"), ["date=2026-11-20"]);
    assert_eq!(names(&dir).expect("listed"), ["cluster=prod", "store.json"]);
}

#[test]
fn what_was_there_stays_when_the_new_cannot_be_written() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    prepare(dir).expect("an empty folder");
    place(dir, PART, &files("one")).expect("placed");
    let mut bad = files("two");
    // A file where a folder is needed.
    bad.push(("partition.json/more".to_owned(), Vec::new()));
    place(dir, PART, &bad).expect_err("cannot be written");
    assert_eq!(found(dir), Some(files("one").into_iter().collect()));
    assert_eq!(names(&dir.join("cluster=prod")).expect("listed"), ["date=2026-11-20"]);
}

#[test]
fn many_may_write_at_once() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("store");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let dir = &dir;
            scope.spawn(move || {
                prepare(dir).expect("prepared");
                place(dir, ("c", &format!("2026-11-0{n}")), &files("x")).expect("placed");
            });
        }
    });
    assert_eq!(days(&dir, "c").expect("listed").len(), 8);
    assert_eq!(names(&dir).expect("listed"), ["cluster=c", "store.json"]);
}

#[test]
fn folders_of_others_are_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path();
    assert!(matches!(check(dir), Err(Error::NoRollups(_))));
    fs::write(dir.join("thesis.tex"), "").expect("written");
    assert!(matches!(prepare(dir), Err(Error::Foreign { .. })));
    fs::write(dir.join(MANIFEST), r#"{"format": "gpu-finops-store", "format_version": 1}"#)
        .expect("written");
    assert!(matches!(prepare(dir), Err(Error::OtherFormat { .. })));
    fs::write(dir.join(MANIFEST), r#"{"format": "gpu-finops-rollups", "format_version": 9}"#)
        .expect("written");
    assert!(matches!(check(dir), Err(Error::FutureVersion { found: 9, .. })));
}
