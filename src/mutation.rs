//! Damage to valid inputs, for tests that a decoder survives it: the same cases on every run.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

/// Longest input that damage may make.
const MAX_BYTES: usize = 200_000;

/// So many cases, the same ones on every run.
pub(crate) fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    }
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Truncate(Index),
    /// A stretch of the text again, elsewhere.
    Splice(Index, usize, Index),
    Remove(Index, usize),
    /// A piece of the language, once or very often: long names, deep nesting.
    Insert(Index, &'static str, usize),
}

/// `inputs` with damage of every kind, now and then none. `pieces` are what the language is made of.
pub(crate) fn damaged(
    inputs: &'static [&'static str],
    pieces: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let times = prop_oneof![6 => 1usize..4, 1 => Just(100), 1 => Just(5_000)];
    let damage = prop_oneof![
        3 => (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => any::<Index>().prop_map(Damage::Truncate),
        2 => (any::<Index>(), 1usize..60, any::<Index>())
            .prop_map(|(from, length, to)| Damage::Splice(from, length, to)),
        2 => (any::<Index>(), 1usize..20).prop_map(|(at, length)| Damage::Remove(at, length)),
        4 => (any::<Index>(), select(pieces), times)
            .prop_map(|(at, piece, times)| Damage::Insert(at, piece, times)),
    ];
    (select(inputs), prop::collection::vec(damage, 0..5)).prop_map(|(input, damages)| {
        damages.iter().fold(input.as_bytes().to_vec(), |bytes, damage| damage.done_to(bytes))
    })
}

/// One of `documents`, still JSON, with some of its parts replaced by what nobody expects there.
pub(crate) fn twisted(documents: Vec<Value>) -> impl Strategy<Value = Value> {
    let odd = prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!("None"),
            json!("-1"),
            json!("9999999999999999999Gi"),
            json!("0001-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:60+99:99"),
            json!("NaN"),
            json!("a\u{1b}\u{0}é/b=c,d"),
            json!("x".repeat(10_000)),
            json!([]),
            json!({}),
            json!([[[[]]]]),
            json!([null, 1, "a", {}]),
            json!({"": {"": null}}),
        ]),
        // A deep nest.
        (1usize..100).prop_map(|depth| (0..depth).fold(json!(1), |inner, _| json!([inner]))),
    ];
    let change = (any::<Index>(), prop::option::weighted(0.8, odd));
    (select(documents), prop::collection::vec(change, 1..5)).prop_map(|(mut document, changes)| {
        for (at, odd) in changes {
            let mut left = at.index(parts(&document).max(1));
            change_part(&mut document, &mut left, odd.as_ref());
        }
        document
    })
}

/// Values in a document, itself included.
fn parts(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(parts).sum(),
        Value::Object(fields) => fields.values().map(parts).sum(),
        _ => 0,
    }
}

/// Replaces the part that `left` counts down to, or has it twice in its list.
fn change_part(value: &mut Value, left: &mut usize, odd: Option<&Value>) -> bool {
    if *left == 0 {
        match (odd, value) {
            (Some(odd), value) => *value = odd.clone(),
            (None, Value::Array(items)) => items.extend(items.clone()),
            (None, _) => {}
        }
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| change_part(item, left, odd)),
        Value::Object(fields) => fields.values_mut().any(|field| change_part(field, left, odd)),
        _ => false,
    }
}

impl Damage {
    fn done_to(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
        let end = |from: usize, length: usize, bytes: &[u8]| (from + length).min(bytes.len());
        match self {
            Self::Flip(at, bit) => {
                let at = place(at, &bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Truncate(at) => bytes.truncate(place(at, &bytes)),
            Self::Splice(from, length, to) => {
                let from = place(from, &bytes);
                let copy = bytes[from..end(from, *length, &bytes)].to_vec();
                let to = place(to, &bytes);
                bytes.splice(to..to, copy);
            }
            Self::Remove(at, length) => {
                let at = place(at, &bytes);
                bytes.drain(at..end(at, *length, &bytes));
            }
            Self::Insert(at, piece, times) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, piece.repeat(*times).into_bytes());
            }
        }
        bytes.truncate(MAX_BYTES);
        bytes
    }
}
