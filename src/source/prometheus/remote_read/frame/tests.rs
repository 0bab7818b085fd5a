use proptest::prelude::*;

use super::super::testing::frame;
use super::*;
use crate::mutation::fixed;

fn all(mut frames: &[u8]) -> Result<Vec<&[u8]>, FrameError> {
    let mut bodies = Vec::new();
    while !frames.is_empty() {
        bodies.push(next(&mut frames)?);
    }
    Ok(bodies)
}

#[test]
fn the_checksum_is_the_castagnoli_one_with_its_high_byte_first() {
    // The check value of the CRC catalogue: CRC-32C of "123456789" is 0xe3069283.
    assert_eq!(frame(b"123456789")[..5], [9, 0xe3, 0x06, 0x92, 0x83]);
    let bodies = all(b"\x09\xe3\x06\x92\x83123456789").unwrap();
    assert_eq!(bodies, [b"123456789"]);
}

#[test]
fn too_long_a_frame_is_refused_by_its_head() {
    let head = |length: u64| {
        let mut out = Vec::new();
        prost::encoding::encode_varint(length, &mut out);
        out
    };
    let most = MAX_FRAME_BYTES as u64;
    assert_eq!(complete(&head(most)), (0, None));
    assert_eq!(complete(&head(most + 1)), (0, Some(FrameError::TooLong(most + 1))));
    assert!(matches!(complete(&head(u64::MAX)), (0, Some(FrameError::TooLong(_)))));
    // Not decided yet: the length goes on.
    assert_eq!(complete(&[0xff; 4]), (0, None));
    let text = FrameError::TooLong(most + 1).to_string();
    assert_eq!(text, "a frame claims 33554433 bytes; up to 33554432 are taken");
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let good = [frame(b"first body"), frame(b"second")].concat();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let (end, error) = complete(&bad);
        let is_short = end < bad.len();
        assert!(error.is_some() || is_short || all(&bad).is_err(), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(fixed(500))]

    #[test]
    fn bodies_come_back_wherever_the_stream_is_cut(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        cut: prop::sample::Index,
    ) {
        let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
        prop_assert_eq!(complete(&stream), (stream.len(), None));
        let cut = cut.index(stream.len() + 1);
        let (end, error) = complete(&stream[..cut]);
        prop_assert_eq!(error, None);
        let mut found = all(&stream[..end]).unwrap();
        found.extend(all(&stream[end..]).unwrap());
        prop_assert_eq!(found, bodies);
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (end, _) = complete(&bytes);
        prop_assert!(end <= bytes.len());
        let mut frames = bytes.as_slice();
        while let Ok(body) = next(&mut frames) {
            prop_assert!(body.len() <= MAX_FRAME_BYTES);
        }
    }
}
