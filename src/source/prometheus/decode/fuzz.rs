//! Damaged answers: never a panic, and what is read keeps the promises of a series.

use proptest::prelude::*;

use super::{DecodeError, api_error, envelope, series};
use crate::mutation::{damaged, fixed, twisted};

const ANSWERS: &[&str] = &[
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"m","a":"x\"y\n"},
       "values":[[1795132800.057,"0.5"],[1795132830,"NaN"],[1795132860.25,"+Inf"],[1795132890,2]]}]},"warnings":["w"]}"#,
    r#"{"status":"success","isPartial":false,"data":{"resultType":"vector","result":[{"metric":{"node":"n"},
       "value":[10,"8"]},{"metric":{},"value":[10.5,"1"],"histogram":[1,{}]}]}}"#,
    r#"{"status":"error","errorType":"bad_data","error":"parse error at char 3"}"#,
    "<html><body>502 Bad Gateway</body></html>",
];

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    ",",
    ":",
    "null",
    "1e999",
    "-1",
    "9999999999999999999",
    "\"a\":",
    "[1,\"1\"],",
    "{\"metric\":{},\"values\":",
    "NaN",
    "true",
    "é",
    "\0",
    "\n",
];

/// What holds of any answer, read or refused.
fn keeps_its_promises(body: &[u8]) -> Result<(), TestCaseError> {
    match series(body) {
        Ok(answer) => {
            for series in &answer.data.series {
                prop_assert_eq!(series.samples.len(), series.samples.len());
                prop_assert!(series.samples.instants().is_sorted_by(|a, b| a < b));
                prop_assert!(!series.samples.is_empty());
            }
            prop_assert!(api_error(body).is_none());
        }
        Err(DecodeError::Truncated { at }) => prop_assert_eq!(at, body.len()),
        Err(DecodeError::Api { .. }) => prop_assert!(api_error(body).is_some()),
        Err(DecodeError::WebPage | DecodeError::Malformed(_)) => {}
    }
    // Another shape of data, as for labels and series.
    let _ = envelope::<Vec<String>>(body);
    Ok(())
}

fn answers() -> Vec<serde_json::Value> {
    ANSWERS.iter().filter_map(|answer| serde_json::from_str(answer).ok()).collect()
}

proptest! {
    #![proptest_config(fixed(4_000))]

    #[test]
    fn damaged_answers_are_read_or_refused(bytes in damaged(ANSWERS, PIECES)) {
        keeps_its_promises(&bytes)?;
    }

    #[test]
    fn twisted_answers_are_read_or_refused(answer in twisted(answers())) {
        keeps_its_promises(answer.to_string().as_bytes())?;
    }
}
