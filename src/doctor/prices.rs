//! Which price stands for which model. Models without one are the report's warning `no-price`.

use std::collections::BTreeMap;

use super::check::{PRICES, count};
use super::contract::{Check, Group, State};
use crate::report::contract::Report;

/// One check for each model and price.
pub(super) fn checks(report: &Report) -> Vec<Check> {
    let mut priced: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for gpu in &report.gpus {
        if let (Some(price), Some(source)) = (gpu.price_per_hour, &gpu.price_source) {
            priced.entry((&gpu.model, source)).or_default().push(price);
        }
    }
    let check = |((model, source), prices): ((&str, &str), Vec<f64>)| {
        let first = prices.first().copied().unwrap_or_default();
        let message = format!(
            "{} {} per GPU-hour for {} GPUs: {source}",
            crate::output::format::decimal(first, 2),
            report.currency,
            prices.len()
        );
        Check::new(Group::Prices, "price", State::Ok, message, PRICES)
            .about(model)
            .figure("price_per_gpu_hour", first)
            .figure("gpus", count(prices.len()))
    };
    priced.into_iter().map(check).collect()
}
