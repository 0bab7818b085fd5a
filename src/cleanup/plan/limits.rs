//! How much one run may change, judged before its first write.

use super::contract::{Fleet, Limits};
use crate::cleanup::contract::Patch;
use crate::output::format::{decimal, percent};

/// Every limit that these changes would pass, in a sentence each; none where they may be made.
#[must_use]
pub fn breaches(patches: &[&Patch], fleet: &Fleet, limits: &Limits) -> Vec<String> {
    let count = u64::try_from(patches.len()).unwrap_or(u64::MAX);
    let mut breaches = Vec::new();
    if count > limits.max_changes {
        breaches
            .push(format!("{count} changes are more than {} (max-changes)", limits.max_changes));
    }
    breaches.extend(share_of_gpus(patches, fleet, limits));
    breaches.extend(share_of_objects(count, fleet, limits));
    if let Some(most) = limits.max_savings {
        breaches.extend(money(patches, most));
    }
    breaches
}

fn share_of_gpus(patches: &[&Patch], fleet: &Fleet, limits: &Limits) -> Option<String> {
    let all = fleet.gpus.filter(|gpus| *gpus > 0.0)?;
    let given_up: f64 = patches.iter().filter_map(|patch| patch.gpus).sum();
    let share = given_up / all;
    (share > limits.max_share).then(|| {
        format!(
            "{} of {} GPUs ({}) are more than {} (max-percent)",
            decimal(given_up, 1),
            decimal(all, 1),
            percent(Some(share)),
            percent(Some(limits.max_share)),
        )
    })
}

/// A cluster of a few claims may lose one of them: the limit is of use where there is a fleet.
fn share_of_objects(count: u64, fleet: &Fleet, limits: &Limits) -> Option<String> {
    const FEW: u64 = 10;
    if count <= 1 || fleet.objects < FEW {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of objects are far below 2^52")]
    let share = count as f64 / fleet.objects as f64;
    (share > limits.max_share).then(|| {
        format!(
            "{count} of {} workloads and claims ({}) are more than {} (max-percent)",
            fleet.objects,
            percent(Some(share)),
            percent(Some(limits.max_share)),
        )
    })
}

/// What has no price might be worth anything.
fn money(patches: &[&Patch], most: f64) -> Option<String> {
    let unknown = patches
        .iter()
        .filter(|p| p.monthly_savings.is_none() && p.gpus.is_none_or(|gpus| gpus > 0.0))
        .count();
    let sum: f64 = patches.iter().filter_map(|patch| patch.monthly_savings).sum();
    if sum > most {
        let (sum, most) = (decimal(sum, 2), decimal(most, 2));
        return Some(format!("they save {sum} a month, more than {most} (max-savings)"));
    }
    (unknown > 0).then(|| {
        let most = decimal(most, 2);
        format!("{unknown} of them have no price, so they may save more than {most} (max-savings)")
    })
}
