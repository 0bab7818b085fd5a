//! Ways to choose a size for a pod from what it used.

use gpu_finops::model::recommending::Recommending;
use gpu_finops::sizing::fit::settle;
use gpu_finops::sizing::menu::Size;
use gpu_finops::trace::{Span, Trace};
use gpu_finops::units::{BYTES_PER_MIB, MS_PER_MINUTE};

/// Chooses from a menu, cheapest first and the whole card last, on what lies in the span.
type Choose = for<'a> fn(&Trace, Span, &'a [Size], &Recommending) -> &'a Size;

/// A way to choose.
pub(crate) struct Way {
    /// For the table.
    pub(crate) name: &'static str,
    /// The choice.
    pub(crate) choose: Choose,
}

/// All ways, ours last.
pub(crate) const WAYS: [Way; 4] = [
    Way { name: "peak × 1.15", choose: |pod, fit, menu, _| by(pod, fit, menu, 1.0, 1.15) },
    Way { name: "p95", choose: |pod, fit, menu, _| by(pod, fit, menu, 0.95, 1.0) },
    Way {
        name: "p98 of utilization and memory (as Kruize)",
        choose: |pod, fit, menu, _| by(pod, fit, menu, 0.98, 1.0),
    },
    Way { name: "gpu-finops", choose: ours },
];

/// A percentile of load and of memory over observed time, times a factor.
fn by<'a>(pod: &Trace, fit: Span, menu: &'a [Size], percentile: f64, factor: f64) -> &'a Size {
    // The largest sample of a minute, not its mean: a peak is one.
    let loads = pod.within(fit).filter_map(|(_, m)| Some((m.peak()?, m.observed_ms)));
    let memory = pod.within(fit).filter_map(|(_, m)| Some((m.memory_mib()?, 1)));
    let whole = &menu[menu.len() - 1];
    let (Some(load), Some(mib)) = (weighted(loads, percentile), weighted(memory, percentile))
    else {
        return whole;
    };
    let (load, bytes) = ((load * factor).min(1.0), mib * factor * BYTES_PER_MIB);
    let fits = |size: &&Size| size.compute >= load && size.memory_bytes >= bytes;
    menu.iter().find(fits).unwrap_or(whole)
}

/// Smallest value whose cumulative weight reaches the percentile.
fn weighted(values: impl Iterator<Item = (f64, u16)>, percentile: f64) -> Option<f64> {
    let mut values: Vec<(f64, f64)> = values.map(|(v, w)| (v, f64::from(w))).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    let reaches = |(_, weight): &&(f64, f64)| {
        sum += weight;
        sum >= percentile * total * (1.0 - 1e-12)
    };
    values.iter().find(reaches).or_else(|| values.last()).map(|(value, _)| *value)
}

/// What `recommend` would say with only the first part to look at: fitted on the first of it, proven on its rest,
/// and left alone where it is refused or there is too little of it.
fn ours<'a>(pod: &Trace, fit: Span, menu: &'a [Size], rules: &Recommending) -> &'a Size {
    let whole = &menu[menu.len() - 1];
    let observed: i64 = pod.observed(fit).map(|(_, m)| i64::from(m.observed_ms)).sum();
    let minutes = pod.end().min(fit.end) - pod.first.max(fit.start);
    let history_ms = minutes * MS_PER_MINUTE;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a day")]
    let ratio = observed as f64 / history_ms as f64;
    if history_ms < rules.min_history_ms || ratio < rules.min_observed {
        return whole;
    }
    let outcome = settle(&[pod], fit, menu, rules).filter(|outcome| outcome.refusal.is_none());
    outcome.and_then(|o| menu.iter().find(|size| **size == o.size)).unwrap_or(whole)
}
