use proptest::prelude::*;

use super::super::encode;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::mutation::fixed;

/// The samples of a chunk, values as bits.
fn decoded(chunk: &[u8]) -> Result<Vec<(Millis, u64)>, ChunkError> {
    // What follows a chunk is not looked at, and it may be the last of all bytes.
    let followed = [chunk, &[0xff; 16]].concat();
    let mut out = Vec::new();
    let mut take = |run: Run| out.extend(run.samples().map(|(at, value)| (at, value.to_bits())));
    let extent = each_run(&followed, chunk.len(), &mut take)?;
    assert_eq!(each_run(chunk, chunk.len(), |_| ()), Ok(extent));
    assert_eq!(extent.map_or(0, |extent| extent.count as usize), out.len());
    if let Some(extent) = extent {
        assert!(extent.bytes <= chunk.len());
        assert!(!extent.is_line || out.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((extent.first, extent.last), (out[0].0, out[out.len() - 1].0));
    }
    Ok(out)
}

fn bits(samples: &[(Millis, f64)]) -> Vec<(Millis, u64)> {
    samples.iter().map(|(at, value)| (*at, value.to_bits())).collect()
}

fn check(samples: &[(Millis, f64)]) {
    assert_eq!(decoded(&encode::chunk(samples)), Ok(bits(samples)), "{samples:?}");
}

#[test]
fn every_size_of_a_step_and_both_of_its_ends() {
    let mut changes = vec![0, 1, -1];
    for size in [14, 17, 20] {
        let half = 1_i64 << (size - 1);
        changes.extend([half, half + 1, half - 1, 1 - half, -half, -half - 1]);
    }
    changes.extend([i64::MAX, i64::MIN]);
    for change in changes {
        let step = 30_000_i64.wrapping_add(change);
        let third = 30_000_i64.wrapping_add(step);
        check(&[(0, 1.0), (30_000, 1.0), (third, 1.0), (third.wrapping_add(step), 2.0)]);
    }
}

#[test]
fn the_longest_runs_and_the_end_of_the_bytes() {
    for length in [1, 2, 3, 31, 32, 33, 34, 35, 63, 64, 65, 66, 67, 120, 65_535] {
        let still: Vec<_> = (0..length).map(|i| (i * 30_000, 7.0)).collect();
        check(&still);
        let moved: Vec<_> = still.iter().map(|(at, v)| (*at, v + f64::from(at % 7 == 0))).collect();
        check(&moved);
    }
}

#[test]
fn values_come_as_bits() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let values =
        [0.0, -0.0, 1.0, f64::NAN, stale, stale, f64::INFINITY, f64::MIN, f64::MIN_POSITIVE, 1e-9];
    let samples: Vec<_> = values.into_iter().zip(0..).map(|(v, i)| (i * 15_000, v)).collect();
    check(&samples);
}

#[test]
fn a_chunk_of_a_server_is_read() {
    // 30 s apart, written down by hand: 3 samples; 1,000 ms, 5.0; 30,000 ms later the same; a step of
    // 30,001 ms to 6.0, whose XOR with 5.0 is 3 << 50.
    let chunk = [
        0x00,
        0x03, // number
        0xd0,
        0x0f, // zigzag 1,000
        0x40,
        0x14,
        0,
        0,
        0,
        0,
        0,
        0, // 5.0
        0xb0,
        0xea,
        0x01, // 30,000
        // 0 | 10 00000000000001 | 11 01100 000010 11
        0b0100_0000,
        0b0000_0000,
        0b1110_1100,
        0b0000_1011,
    ];
    let expected =
        vec![(1_000, 5.0_f64.to_bits()), (31_000, 5.0_f64.to_bits()), (61_001, 6.0_f64.to_bits())];
    assert_eq!(decoded(&chunk), Ok(expected));
}

/// Chunks that `rusty-chunkenc` 0.1.2 has encoded. It is no dependency: it would turn on features of what
/// polars is built on.
#[test]
fn chunks_of_an_independent_encoder_are_read() {
    let start = 1_795_132_800_057;
    let still: Vec<_> =
        (0..40).map(|i| (start + i * 30_000, if i < 35 { 0.0 } else { 97.0 })).collect();
    let stale = f64::from_bits(STALE_NAN_BITS);
    let moved = [
        (1_795_132_800_057, 0.25),
        (1_795_132_830_057, 0.25),
        (1_795_132_860_058, 0.5),
        (1_795_132_890_057, 0.123_456),
        (1_795_133_190_057, stale),
        (1_795_219_590_057, -1e300),
        (1_795_219_590_058, f64::INFINITY),
        (1_795_219_690_058, 40_536.0),
        (1_795_219_990_058, 40_537.0),
    ];
    let cases = [
        ("0028f2f085e4be680000000000000000b0ea0100000000000000000c28c0584000", &still[..]),
        (
            "0009f2f085e4be683fd0000000000000b0ea014000ea0bbffed3bdf9acffa7eb6bfe41eb1c3fc04f\
             9acffa7eb6bdf000000000521c820c1fc0e3f21e44003acfffffffffffad9a401a071f90f22001d6\
             770c34fc7e279600000000038c35020000002000000000",
            &moved[..],
        ),
    ];
    for (hex, expected) in cases {
        let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        let chunk: Vec<u8> = digits.chunks(2).map(byte).collect();
        assert_eq!(decoded(&chunk), Ok(bits(expected)));
    }
}

#[test]
fn no_prefix_of_a_chunk_passes_for_it() {
    let samples: Vec<_> =
        (0..40).map(|i| (i * 30_000 + i % 3, f64::from(i32::try_from(i).unwrap() % 5))).collect();
    let chunk = encode::chunk(&samples);
    for length in 0..chunk.len() {
        assert!(decoded(&chunk[..length]).is_err(), "{length}");
    }
}

#[test]
fn impossible_widths_are_refused() {
    // 31 leading and 63 meaningful bits.
    let mut chunk = encode::chunk(&[(0, 1.0), (1, 1.0)]);
    let last = chunk.len() - 1;
    chunk[last] = 0b1111_1111;
    chunk.extend([0xff; 16]);
    assert_eq!(decoded(&chunk), Err(ChunkError::Malformed));
    // A varint of eleven bytes.
    assert_eq!(decoded(&[&[0, 1][..], &[0xff; 20]].concat()), Err(ChunkError::Malformed));
}

fn some_samples() -> impl Strategy<Value = Vec<(Millis, f64)>> {
    let step = prop_oneof![
        8 => Just(30_000_i64),
        3 => 29_990..30_011_i64,
        1 => 1..10_000_000_i64,
        1 => any::<i64>(),
    ];
    let value = prop_oneof![
        6 => Just(None),
        4 => (0..=100_u8).prop_map(|v| Some(f64::from(v).to_bits())),
        1 => any::<u64>().prop_map(Some),
        1 => Just(Some(STALE_NAN_BITS)),
    ];
    (any::<i64>(), prop::collection::vec((step, value), 1..300)).prop_map(|(start, steps)| {
        let (mut at, mut last) = (start, 0_u64);
        let sample = |(step, value): (i64, Option<u64>)| {
            at = at.wrapping_add(step);
            last = value.unwrap_or(last);
            (at, f64::from_bits(last))
        };
        steps.into_iter().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(fixed(2_000))]

    #[test]
    fn what_is_encoded_is_decoded(samples in some_samples()) {
        prop_assert_eq!(decoded(&encode::chunk(&samples)), Ok(bits(&samples)));
    }

    #[test]
    fn any_bytes_are_samples_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(found) = decoded(&bytes) {
            prop_assert_eq!(found.len(), count(&bytes) as usize);
            // Two bits a sample at least, so bytes bound what comes of them.
            prop_assert!(found.len() <= 2 + bytes.len() * 4);
        }
    }

    #[test]
    fn a_flipped_bit_is_no_panic(samples in some_samples(), at: prop::sample::Index, bit in 0..8_u8) {
        let mut chunk = encode::chunk(&samples);
        let at = at.index(chunk.len());
        chunk[at] ^= 1 << bit;
        if let Ok(found) = decoded(&chunk) {
            prop_assert_eq!(found.len(), count(&chunk) as usize);
        }
    }
}
