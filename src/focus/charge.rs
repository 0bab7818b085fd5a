//! From accounts to charges: what a GPU cost on a day, and who had which part of it in which state.

use crate::attribution::Attributed;
use crate::attribution::holder::HolderKind;
use crate::attribution::inventory::Device;
use crate::attribution::mig::profile;
use crate::attribution::states::State;
use crate::calendar::Slice;
use crate::cost::price::Price;
use crate::model::Window;
use crate::report::accounts::Accounts;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";

/// What is charged for: one GPU on one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Cluster, where it has a name.
    pub cluster: Option<String>,
    /// UUID of the GPU.
    pub gpu: String,
    /// Its node.
    pub node: String,
    /// Its model.
    pub model: String,
    /// How it was shared.
    pub sharing: &'static str,
    /// The cloud's name for the machine.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: Option<String>,
    /// Region, where the node says.
    pub region: Option<String>,
    /// Zone, where the node says.
    pub zone: Option<String>,
    /// The part of the day that lies in the window.
    pub period: (Millis, Millis),
    /// Price of an hour.
    pub price: Option<Price>,
}

/// Who held a part of a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Tenant.
    pub tenant: String,
    /// Namespace; empty where nobody knows.
    pub namespace: String,
    /// Kind of the workload.
    pub kind: String,
    /// Name of the workload.
    pub workload: String,
    /// Pod, or claim where no pod is there.
    pub name: String,
    /// UID, where known.
    pub uid: Option<String>,
    /// It is a claim.
    pub is_claim: bool,
    /// Profile of the MIG instance that it asked for.
    pub mig_profile: Option<String>,
}

/// A part of a charge: time of one holder in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Who had it; `None` for what nobody held.
    pub who: Option<Who>,
    /// State, by its name in the report.
    pub state: &'static str,
    /// GPU time, milliseconds of a whole GPU.
    pub gpu_ms: f64,
    /// Mean utilization, 0..1, where observed.
    pub utilization: Option<f64>,
}

/// A charge and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    /// What for.
    pub origin: Origin,
    /// Parts, none without time.
    pub parts: Vec<Part>,
}

impl Charge {
    /// All of its time, milliseconds of a whole GPU.
    #[must_use]
    pub fn gpu_ms(&self) -> f64 {
        self.parts.iter().map(|part| part.gpu_ms).sum()
    }

    /// What it cost, unrounded; `None` without a price.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        let price = self.origin.price.as_ref()?;
        Some(price.per_gpu_hour * crate::units::gpu_hours_of(self.gpu_ms()))
    }
}

/// The charges of every GPU and UTC day; `slices` has the days of each device.
#[must_use]
pub fn charges(accounts: &Accounts, slices: &[Vec<Slice>]) -> Vec<Charge> {
    let devices = accounts.attribution.devices.iter().zip(&accounts.prices).zip(slices);
    let mut out = Vec::new();
    for ((device, price), slices) in devices {
        for day in slices.chunk_by(|a, b| a.start == b.start) {
            let parts: Vec<Part> = day
                .iter()
                .flat_map(|slice| parts(slice, &accounts.attribution.holders))
                .filter(|part| part.gpu_ms > 0.0)
                .collect();
            if let (Some(first), false) = (day.first(), parts.is_empty()) {
                let origin = origin(accounts, device, price.as_ref(), first.start);
                out.push(Charge { origin, parts });
            }
        }
    }
    out
}

fn origin(accounts: &Accounts, device: &Device, price: Option<&Price>, day: Millis) -> Origin {
    let place = (device.cluster.clone(), device.node.clone());
    let kind = accounts.nodes.get(&place);
    let labels = accounts.attribution.nodes.get(&device.node).map(|node| &node.labels);
    let label = |key| labels.and_then(|labels| labels.get(key)).map(ToOwned::to_owned);
    Origin {
        cluster: device.cluster.clone(),
        gpu: device.id.clone(),
        node: device.node.clone(),
        model: device.model.clone(),
        sharing: device.sharing.name(),
        instance_type: kind.and_then(|kind| kind.instance_type.clone()),
        capacity_type: kind.and_then(|kind| kind.capacity_type.clone()),
        region: label(REGION),
        zone: label(ZONE),
        period: period(accounts.window, day),
        price: price.cloned(),
    }
}

/// The part of a day that lies in the window.
fn period(window: Window, day: Millis) -> (Millis, Millis) {
    window.clip(day, day + MS_PER_DAY).unwrap_or((day, day + MS_PER_DAY))
}

/// A slice as parts: of time that is not idle, what was used and what was not.
fn parts(slice: &Slice, holders: &[Attributed]) -> Vec<Part> {
    let who = slice.holder.and_then(|h| holders.get(h)).map(who);
    let observed = slice.observed_ms();
    let part = |state, gpu_ms| Part {
        who: who.clone(),
        state,
        gpu_ms,
        utilization: (observed > 0.0).then(|| (slice.utilization_ms / observed).clamp(0.0, 1.0)),
    };
    match slice.state {
        State::Active => {
            let busy = slice.utilization_ms.clamp(0.0, slice.gpu_ms);
            vec![part("busy", busy), part("slack", slice.gpu_ms - busy)]
        }
        other => vec![part(other.name(), slice.gpu_ms)],
    }
}

fn who(attributed: &Attributed) -> Who {
    let holder = &attributed.holder;
    let profile = |resource: &String| {
        let named = resource.rsplit_once('/')?.1.strip_prefix("mig-")?;
        Some(profile::read(named).ok()?.profile.to_string())
    };
    Who {
        tenant: attributed.tenant.tenant.clone(),
        namespace: holder.key.namespace.clone(),
        kind: attributed.workload.kind.clone(),
        workload: attributed.workload.name.clone(),
        name: holder.key.name.clone(),
        uid: holder.key.uid.clone(),
        is_claim: holder.kind != HolderKind::Pod,
        mig_profile: holder.wants.keys().find_map(profile),
    }
}

/// GPU-milliseconds as billionths of a GPU-hour, rounded to the nearest.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below 2^53")]
pub(super) fn nano_hours(gpu_ms: f64) -> i64 {
    (gpu_ms * 1e9 / MS_PER_HOUR as f64).round() as i64
}
