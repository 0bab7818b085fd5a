use super::*;

fn some(from: i64, count: i64) -> Samples {
    (from..from + count).map(|i| (i * 1_000, if i % 3 == 0 { f64::NAN } else { 0.5 })).collect()
}

fn in_memory(samples: &Samples) -> usize {
    samples.parts.iter().filter(|part| matches!(part.place, Place::Memory(_))).count()
}

#[test]
fn what_is_above_the_bound_goes_to_a_file_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    // One of them takes about 60 bytes.
    let spill = Spill::new(500, folder.path());
    let expected: Vec<Samples> = (0..100).map(|i| some(i * 100, 30)).collect();
    let mut kept = expected.clone();
    let (first, second) = kept.split_at_mut(40);
    spill.keep(first.iter_mut());
    spill.keep(second.iter_mut());
    let stayed = kept.iter().map(in_memory).sum::<usize>();
    assert!((1..20).contains(&stayed), "{stayed}");
    assert_eq!(kept, expected);
    // Nothing has a name, and parts in the file join with others and are cut.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let joined = Samples::joined(&kept).unwrap();
    assert_eq!(joined.len(), 3_000);
    assert_eq!(joined.within(205_000, 9_910_000).iter().next(), expected[2].iter().nth(5));
    assert_eq!((spill.failure(), joined.failure()), (None, None));
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let spill = Spill::new(0, &gone);
    let (mut kept, expected) = (some(0, 30), some(0, 30));
    spill.keep([&mut kept]);
    assert_eq!(kept, expected);
    let message = spill.failure().unwrap().to_string();
    assert!(
        message.contains(&*gone.to_string_lossy()) && message.contains("cannot write"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_read_back_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for damage in [true, false] {
        let spill = Spill::new(0, folder.path());
        let (mut one, mut other) = (some(0, 30), some(100, 30));
        spill.keep([&mut one, &mut other]);
        assert_eq!((one.iter().count(), other.iter().count()), (30, 30));
        let file = spill.file().unwrap();
        let end = file.end.load(Ordering::Relaxed);
        if damage {
            file.file.write_all_at(b"x", end - 2).unwrap();
        } else {
            file.file.set_len(end - 1).unwrap();
        }
        assert_eq!((one.iter().count(), one.failure()), (30, None));
        assert_eq!((other.iter().count(), other.len()), (0, 30));
        // Whoever shares the file knows.
        let message = one.failure().unwrap().to_string();
        assert!(message.contains("cannot read samples back"), "{message}");
        // So does the run, also where nothing of the file is left in what was made of it.
        assert_eq!(spill.failure(), other.failure());
    }
}

#[test]
fn what_is_kept_again_is_not_counted_again() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Spill::new(1_000, folder.path());
    let mut kept = some(0, 30);
    spill.keep([&mut kept]);
    let held = spill.held.load(Ordering::Relaxed);
    let mut again = kept.clone();
    spill.keep([&mut kept, &mut again]);
    assert_eq!((spill.held.load(Ordering::Relaxed), in_memory(&kept)), (held, 1));
    assert!(held > 0);
}
