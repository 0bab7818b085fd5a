//! Journals: what is written reads back, whatever of its end is missing, and nothing in its middle is changed unseen.

use proptest::prelude::*;

use super::record::{Answered, Intent, Purpose, Record, RunHeader};
use super::{End, Journal, JournalError, Progress, read};
use crate::cleanup::contract::{Operation, Step, Target};
use crate::mutation::fixed;

fn header(rollback: bool) -> Record {
    Record::Run(Box::new(RunHeader {
        run: "host_1_a".into(),
        tool_version: "0".into(),
        plan_hash: "sha256:0".into(),
        rollback,
        plan: None,
    }))
}

fn intent(patch: &str, index: usize, purpose: Purpose) -> Record {
    let target = Target {
        api_version: "resource.k8s.io/v1".into(),
        kind: "ResourceClaim".into(),
        namespace: "a".into(),
        name: "c".into(),
        uid: Some("1".into()),
        resource_version: Some("2".into()),
        origin: None,
    };
    let step = Step { target, operation: Operation::Delete { object: serde_json::json!({}) } };
    let (patch, before) = (patch.to_owned(), Some("s".to_owned()));
    Record::Intent(Box::new(Intent { purpose, patch, index, step, before }))
}

fn done(of: u64) -> Record {
    Record::Done(Answered { of, uid: None, resource_version: None, state: None, found_out: false })
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut end = End::default();
    let mut text = String::new();
    for record in records {
        let (line, next) =
            end.line("2026-11-20T12:00:00Z".into(), record.clone()).expect("it is encoded");
        text.push_str(&line);
        end = next;
    }
    text.into_bytes()
}

fn records() -> Vec<Record> {
    vec![
        header(false),
        intent("a", 0, Purpose::Apply),
        done(1),
        intent("a", 1, Purpose::Apply),
        Record::Failed { of: 3, why: "no".into() },
        intent("b", 0, Purpose::Apply),
        done(5),
        intent("c", 0, Purpose::Mark),
    ]
}

#[test]
fn what_is_written_reads_back() {
    let bytes = written(&records());
    let journal = read(&bytes).expect("a journal");
    let back: Vec<Record> = journal.entries.iter().map(|e| e.record.clone()).collect();
    assert_eq!((back, journal.whole_bytes), (records(), bytes.len()));
    assert_eq!(journal.end.next(), 8);
    assert_eq!(read(b""), Err(JournalError::Empty));
    assert_eq!(read(&written(&[done(1)])), Err(JournalError::Empty));
}

proptest! {
    #![proptest_config(fixed(300))]

    /// Cut anywhere, a journal has every line before the cut, and can be gone on with.
    #[test]
    fn a_torn_end_is_no_damage(cut in any::<prop::sample::Index>()) {
        let bytes = written(&records());
        let first = bytes.iter().position(|b| *b == b'\n').expect("a line") + 1;
        let cut = first + cut.index(bytes.len() - first + 1);
        let journal = read(&bytes[..cut]).expect("its first line is whole");
        let lines = bytes[..cut].iter().filter(|b| **b == b'\n').count();
        prop_assert_eq!(journal.entries.len(), lines);
        let (line, _) = journal.end.line("t".into(), Record::Ended).expect("it is encoded");
        let longer = [&bytes[..journal.whole_bytes], line.as_bytes()].concat();
        prop_assert_eq!(read(&longer).expect("a journal").entries.len(), lines + 1);
    }

    /// Damage is found, or was in the last line.
    #[test]
    fn damage_in_the_middle_is_found(at in any::<prop::sample::Index>(), to in 0x20u8..0x7f) {
        let whole = written(&records());
        let at = at.index(whole.len());
        let mut bytes = whole.clone();
        bytes[at] = to;
        let sound = read(&whole).expect("a journal");
        match read(&bytes) {
            Ok(journal) => {
                prop_assert_eq!(&journal.entries[..], &sound.entries[..journal.entries.len()]);
                prop_assert!(journal.entries.len() + 1 >= sound.entries.len());
            }
            Err(error) => prop_assert!(matches!(error, JournalError::Damaged { .. }), "{}", error),
        }
    }
}

fn progress(records: &[Record]) -> Progress {
    let journal: Journal = read(&written(records)).expect("a journal");
    Progress::of(&journal)
}

#[test]
fn how_far_it_got() {
    let at = progress(&records());
    assert_eq!(at.open().iter().map(|a| a.seq).collect::<Vec<_>>(), [7]);
    let steps: Vec<_> = at.done_steps().into_iter().collect();
    assert_eq!(steps, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
    assert_eq!(at.to_undo().iter().map(|a| a.seq).collect::<Vec<_>>(), [5, 1], "newest first");
    assert!(!at.was_rolled_back());
    // One of them is taken back, the other one is open.
    let mut more = records();
    more.extend([
        header(true),
        intent("b", 0, Purpose::Undo(5)),
        done(9),
        intent("a", 0, Purpose::Undo(1)),
    ]);
    let at = progress(&more);
    assert!(at.was_rolled_back());
    assert_eq!(at.to_undo().iter().map(|a| a.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(at.open().iter().map(|a| a.seq).collect::<Vec<_>>(), [7, 11]);
}
