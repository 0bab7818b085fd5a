use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use proptest::prelude::*;

use super::super::super::stream::{BATCH_BYTES, read};
use super::super::super::transport::StreamResponse;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::mutation::fixed;

const LIMIT: Duration = Duration::from_secs(20);

fn line(uuid: &str, samples: &[(Millis, &str)]) -> String {
    let (instants, values): (Vec<Millis>, Vec<&str>) = samples.iter().copied().unzip();
    let instants: Vec<String> = instants.iter().map(ToString::to_string).collect();
    format!(
        "{{\"metric\":{{\"UUID\":\"{uuid}\"}},\"values\":[{}],\"timestamps\":[{}]}}\n",
        values.join(","),
        instants.join(",")
    )
}

async fn read_all(pieces: Vec<Vec<u8>>) -> Result<(Lines, u64), ApiError> {
    let response = StreamResponse {
        status: 200,
        content_type: Some("application/stream+json; charset=utf-8".into()),
        retry_after: None,
        has_end: true,
        body: stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed(),
    };
    read(response, LIMIT, Lines::new(1_000, 1_000_000)).await
}

async fn reason(body: &str) -> String {
    read_all(vec![body.into()]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn any_pieces_give_the_same() {
    let whole: String =
        (0..3_000).map(|i| line("a", &[(2_000 + i * 10, "1"), (2_005 + i * 10, "0.25")])).collect();
    for size in [1_usize, 7, 1_000, whole.len()] {
        let pieces = whole.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let (lines, bytes) = read_all(pieces).await.unwrap();
        assert_eq!((lines.series.len(), lines.samples), (3_000, 6_000));
        assert_eq!(bytes, whole.len() as u64);
        assert_eq!(lines.series[2_999].samples.instants(), [31_990, 31_995]);
    }
    assert_eq!(read_all(vec![]).await.unwrap().0.samples, 0);
}

#[tokio::test]
async fn batches_follow_each_other_and_a_line_may_be_longer_than_one() {
    let samples: Vec<_> = (0..40_000).map(|i| (2_000 + i, "0.123456789")).collect();
    let long = line("a", &samples);
    assert!(long.len() > 2 * BATCH_BYTES);
    let whole =
        [line("b", &[(2_000, "1")]), long.clone(), line("c", &[(2_000, "1")]), long].concat();
    let pieces = whole.as_bytes().chunks(16_000).map(<[u8]>::to_vec).collect();
    let (lines, _) = read_all(pieces).await.unwrap();
    assert_eq!((lines.series.len(), lines.samples), (4, 80_002));
}

#[tokio::test]
async fn the_window_is_cut_and_staleness_is_kept() {
    let text = [
        line("a", &[(999, "1"), (1_000, "2"), (1_001, "null")]),
        line("b", &[(1_000_000, "1")]),
        line("b", &[(999_999, "\"Infinity\"")]),
        "\r\n".to_owned(),
    ];
    let (lines, _) = read_all(vec![text.concat().into()]).await.unwrap();
    assert_eq!(lines.samples, 3);
    assert_eq!(lines.series[0].samples.instants(), [1_000, 1_001]);
    assert_eq!(lines.series[0].samples.values()[1].to_bits(), STALE_NAN_BITS);
    assert_eq!(lines.series[1].samples.values(), [f64::INFINITY]);
}

#[tokio::test]
async fn each_break_has_its_words() {
    let good = line("a", &[(2_000, "1")]);
    let broken = "the stream of samples is broken: ";
    let middle = format!("{broken}it ends in the middle of a line");
    assert_eq!(reason(&format!("{good}{{\"metric\":")).await, middle);
    assert_eq!(reason(good.trim_end()).await, middle);
    let text = "cannot export data: deadline exceeded\n";
    assert_eq!(
        reason(&format!("{good}{text}")).await,
        format!("{broken}it says: cannot export data: deadline exceeded")
    );
    assert_eq!(
        reason(&good.replace("2000", "2000,3000")).await,
        format!("{broken}a line is not of the export: 1 values at 2 instants")
    );
    let wrong = reason("{\"status\":\"success\"}\n").await;
    assert!(wrong.starts_with(&format!("{broken}a line is not of the export: ")), "{wrong}");
    let endless = read_all(vec![vec![0; 1 << 20]; 9]).await.unwrap_err();
    assert_eq!(endless.to_string(), format!("{broken}a line is too large, above 8388608 bytes"));
    assert!(endless.asks_for_less());
}

proptest! {
    #![proptest_config(fixed(300))]

    #[test]
    fn any_bytes_end_in_samples_or_an_error(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let good: String = (0..20).map(|i| line("a", &[(2_000 + i, "1"), (3_000 + i, "2")])).collect();
        let mut all = vec![good.as_bytes()[..cut.index(good.len())].to_vec()];
        all.extend(pieces);
        if let Ok((lines, _)) = runtime.block_on(read_all(all)) {
            prop_assert!(lines.samples <= 40);
        }
    }
}
