//! Sums of ledgers: what total rows show.

use crate::report::contract::Ledger;

/// The sum of ledgers. Costs that are not known are left out, as `unpriced_gpu_hours` says; a
/// cost that no ledger knows stays unknown. The ratios are worked out anew from the sums.
pub(in crate::output) fn sum<'a>(ledgers: impl IntoIterator<Item = &'a Ledger>) -> Ledger {
    let mut total = Ledger::default();
    for ledger in ledgers {
        add_hours(&mut total, ledger);
        add_costs(&mut total, ledger);
    }
    total.utilization = ratio(total.utilization_gpu_hours, total.observed_gpu_hours);
    total.observed_ratio = ratio(total.observed_gpu_hours, total.allocated_gpu_hours);
    total
}

/// `part / whole`, unknown where there is no whole.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then_some(part / whole)
}

fn add_hours(total: &mut Ledger, ledger: &Ledger) {
    add_known(&mut total.capacity_gpu_hours, ledger.capacity_gpu_hours);
    total.allocated_gpu_hours += ledger.allocated_gpu_hours;
    total.busy_gpu_hours += ledger.busy_gpu_hours;
    total.slack_gpu_hours += ledger.slack_gpu_hours;
    total.idle_warm_gpu_hours += ledger.idle_warm_gpu_hours;
    total.idle_empty_gpu_hours += ledger.idle_empty_gpu_hours;
    total.unobserved_gpu_hours += ledger.unobserved_gpu_hours;
    total.stale_claim_gpu_hours += ledger.stale_claim_gpu_hours;
    total.unallocated_gpu_hours += ledger.unallocated_gpu_hours;
    total.stranded_gpu_hours += ledger.stranded_gpu_hours;
    total.unhealthy_gpu_hours += ledger.unhealthy_gpu_hours;
    total.observed_gpu_hours += ledger.observed_gpu_hours;
    total.utilization_gpu_hours += ledger.utilization_gpu_hours;
    total.unpriced_gpu_hours += ledger.unpriced_gpu_hours;
}

fn add_costs(total: &mut Ledger, ledger: &Ledger) {
    add_known(&mut total.capacity_cost, ledger.capacity_cost);
    add_known(&mut total.allocated_cost, ledger.allocated_cost);
    add_known(&mut total.busy_cost, ledger.busy_cost);
    add_known(&mut total.slack_cost, ledger.slack_cost);
    add_known(&mut total.idle_warm_cost, ledger.idle_warm_cost);
    add_known(&mut total.idle_empty_cost, ledger.idle_empty_cost);
    add_known(&mut total.unobserved_cost, ledger.unobserved_cost);
    add_known(&mut total.stale_claim_cost, ledger.stale_claim_cost);
    add_known(&mut total.unallocated_cost, ledger.unallocated_cost);
    add_known(&mut total.stranded_cost, ledger.stranded_cost);
    add_known(&mut total.unhealthy_cost, ledger.unhealthy_cost);
    add_known(&mut total.waste_cost, ledger.waste_cost);
}

fn add_known(total: &mut Option<f64>, value: Option<f64>) {
    if let Some(value) = value {
        *total = Some(total.unwrap_or(0.0) + value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_costs_are_left_out_and_ratios_follow_the_sums() {
        let priced = Ledger {
            allocated_gpu_hours: 10.0,
            observed_gpu_hours: 8.0,
            utilization_gpu_hours: 2.0,
            waste_cost: Some(3.0),
            ..Ledger::default()
        };
        let unpriced = Ledger {
            allocated_gpu_hours: 10.0,
            observed_gpu_hours: 2.0,
            utilization_gpu_hours: 2.0,
            unpriced_gpu_hours: 10.0,
            ..Ledger::default()
        };
        let total = sum([&priced, &unpriced]);
        assert_eq!(total.waste_cost, Some(3.0));
        assert_eq!(total.busy_cost, None);
        assert_eq!(total.unpriced_gpu_hours, 10.0);
        // (2 + 2) / (8 + 2), not the mean of 25 % and 100 %.
        assert_eq!(total.utilization, Some(0.4));
        assert_eq!(total.observed_ratio, Some(0.5));
        assert_eq!(sum([]).utilization, None);
    }
}
