//! Sharing whole units out, so that the parts add up to the whole: the method of the largest remainder.

/// Shares `total` out in proportion to the weights, none of which is negative. Each part is its exact share
/// rounded down or up; those with the largest remainders are rounded up, the first of equals first. The parts
/// always add up to `total`; without any weight, parts are even.
#[must_use]
pub fn apportion(total: i64, weights: &[f64]) -> Vec<i64> {
    let sum: f64 = weights.iter().sum();
    let exact = |weight: &f64| match sum > 0.0 {
        true => to_f64(total) * (weight / sum),
        false => to_f64(total) / to_f64(i64::try_from(weights.len()).unwrap_or(i64::MAX)),
    };
    let exact: Vec<f64> = weights.iter().map(exact).collect();
    let mut parts: Vec<i64> = exact.iter().map(|e| floor(*e)).collect();
    let mut missing = total - parts.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let remainder = |i: &usize| exact[*i] - exact[*i].floor();
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
    while missing > 0 && !order.is_empty() {
        for i in order.iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
            parts[*i] += 1;
        }
        missing -= missing.min(i64::try_from(order.len()).unwrap_or(i64::MAX));
    }
    // Floats can make the exact shares a hair more than the whole: the smallest remainder gives way.
    for i in order.iter().rev().cycle() {
        if missing >= 0 {
            break;
        }
        if parts[*i] > 0 {
            parts[*i] -= 1;
            missing += 1;
        }
    }
    parts
}

#[expect(clippy::cast_possible_truncation, reason = "parts of an i64")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

#[expect(clippy::cast_precision_loss, reason = "what rounding loses, the remainders make up")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mutation::fixed;

    #[test]
    fn parts_by_hand() {
        assert_eq!(apportion(100, &[1.0, 1.0, 1.0]), [34, 33, 33]);
        assert_eq!(apportion(10, &[0.26, 0.26, 0.48]), [3, 2, 5]);
        assert_eq!(apportion(1, &[0.0, 0.4, 0.6]), [0, 0, 1]);
        assert_eq!(apportion(0, &[1.0, 2.0]), [0, 0]);
        assert_eq!(apportion(3, &[0.0, 0.0]), [2, 1]);
        assert_eq!(apportion(0, &[]), [0_i64; 0]);
    }

    proptest! {
        #![proptest_config(fixed(512))]

        #[test]
        fn parts_add_up_and_none_is_a_unit_off(
            total in 0i64..2_000_000_000_000,
            weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-6f64..1e9], 1..40),
        ) {
            let parts = apportion(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let sum: f64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*part >= 0);
                if sum > 0.0 {
                    let exact = to_f64(total) * weight / sum;
                    prop_assert!((to_f64(*part) - exact).abs() < 1.01, "{} of {}", part, exact);
                }
            }
        }
    }
}
