//! Laws of quantities over random texts.

use proptest::prelude::*;

use super::quantity::{bytes, gpu_count, millicores};
use crate::mutation::{damaged, fixed};

const TEXTS: &[&str] =
    &["1", "500m", "64Gi", "1.5", "1e3", "-2", "+8", "107374182400m", "0.0001", "7Ei", "20E-1"];
const PIECES: &[&str] = &[
    "0",
    "9",
    ".",
    "-",
    "+",
    "e",
    "E",
    "m",
    "n",
    "Ki",
    "Ei",
    "k",
    " ",
    "é",
    "١",
    "\0",
    "e-9999999999",
];

proptest! {
    #![proptest_config(fixed(10_000))]

    #[test]
    fn damaged_quantities_are_read_or_refused(text in damaged(TEXTS, PIECES)) {
        let text = String::from_utf8_lossy(&text);
        for read in [gpu_count(&text).map(i64::from), millicores(&text), bytes(&text)] {
            match read {
                Ok(value) => prop_assert!(value >= 0, "{}", text),
                Err(error) => prop_assert!(error.to_string().len() < 400, "{}", error),
            }
        }
        // A count of devices is a whole number of bytes, too.
        if let Ok(count) = gpu_count(&text) {
            prop_assert_eq!(bytes(&text), Ok(i64::from(count)), "{}", text);
        }
    }

    #[test]
    fn one_value_in_many_spellings(n in 0u32..=2_000_000, zeros in 0usize..30) {
        let nought = "0".repeat(zeros);
        let wanted = i64::from(n);
        for text in [
            format!("{n}"), format!("+{n}.{nought}"), format!("{nought}{n}"), format!("{n}000m"), format!("{n}e0"),
            format!("{n}000000u"), format!("{n}{nought}e-{zeros}"),
        ] {
            prop_assert_eq!(gpu_count(&text), Ok(n), "{}", text);
            prop_assert_eq!(bytes(&text), Ok(wanted), "{}", text);
            prop_assert_eq!(millicores(&text), Ok(wanted * 1_000), "{}", text);
        }
        prop_assert_eq!(bytes(&format!("{n}Ki")), Ok(wanted << 10));
        prop_assert_eq!(bytes(&format!("{n}Gi")), Ok(wanted << 30));
        prop_assert_eq!(bytes(&format!("{n}k")), Ok(wanted * 1_000));
        // Rounded up, never down.
        prop_assert_eq!(bytes(&format!("{n}.000001")), Ok(wanted + 1));
    }
}
