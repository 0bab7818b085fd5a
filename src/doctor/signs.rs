//! What the labels of device series tell: read once, for all checks.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Inputs, QueryId, Series};
use crate::observe::exporter::{Bystanders, ExporterIdentity};
use crate::observe::field::Field;
use crate::observe::labels;

/// What the series of one device tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DeviceSigns {
    /// Fields of the whole card.
    pub(super) card: BTreeSet<Field>,
    /// Fields of its MIG instances.
    pub(super) instances: BTreeSet<Field>,
    /// A use of the card by single pods is told beside the card's own.
    pub(super) has_processes: bool,
    /// Series name a pod that holds it.
    pub(super) names_pods: bool,
    /// Series name a resource claim.
    pub(super) names_claims: bool,
}

/// What all device series tell together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Signs {
    /// By UUID or serial number.
    pub(super) devices: BTreeMap<String, DeviceSigns>,
    /// Series.
    pub(super) series: usize,
    /// Series with labels that the scrape renamed to `exported_*`.
    pub(super) exported: usize,
    /// Series that name a pod in any label.
    pub(super) labelled: usize,
    /// Series that name a pod which holds the device.
    pub(super) held: usize,
    /// Series without UUID and serial number.
    pub(super) anonymous: usize,
    /// Series whose host name stands in a label of the exporter or of the scrape.
    pub(super) located: usize,
    /// Pods of the exporters, where series tell.
    pub(super) exporters: BTreeSet<String>,
}

/// Reads the labels of all device series.
pub(super) fn read(inputs: &Inputs) -> Signs {
    let all = || Field::ALL.iter().filter_map(|f| inputs.metric(f.query()).map(|m| (*f, m)));
    let identity =
        ExporterIdentity::learn(all().flat_map(|(_, m)| &m.series), Bystanders::new(inputs));
    let mut out = Signs::default();
    let mut rows: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for (field, series) in all().flat_map(|(field, m)| m.series.iter().map(move |s| (field, s))) {
        let holder = identity.holder(series);
        out.count(series, holder.is_some());
        let Some(id) = labels::uuid(series).or_else(|| labels::serial(series)) else {
            // The names of AMD's metrics are so plain that others have them, too.
            out.anonymous += usize::from(!field.is_of_amd());
            continue;
        };
        let device = out.devices.entry(id.to_owned()).or_default();
        match series.label("GPU_I_ID") {
            Some(_) => device.instances.insert(field),
            None => device.card.insert(field),
        };
        device.names_pods |= holder.is_some();
        device.names_claims |= labels::claim(series).is_some();
        if field == Field::GpuUtil {
            let (own, of_pods) = rows.entry(id.to_owned()).or_default();
            *own |= holder.is_none();
            *of_pods |= holder.is_some();
        }
    }
    for (id, (own, of_pods)) in rows {
        if let Some(device) = out.devices.get_mut(&id) {
            device.has_processes = own && of_pods;
        }
    }
    out
}

impl Signs {
    fn count(&mut self, series: &Series, is_held: bool) {
        self.series += 1;
        self.held += usize::from(is_held);
        let exported = series.label("exported_pod").is_some()
            || series.label("exported_namespace").is_some()
            || series.label("exported_container").is_some();
        self.exported += usize::from(exported);
        let pod = series.label("exported_pod").or_else(|| series.label("pod_name"));
        self.labelled += usize::from(pod.or_else(|| series.label("pod")).is_some());
        self.located +=
            usize::from(labels::hostname(series).or_else(|| series.label("node")).is_some());
        if let Some(target) = series.label("pod").filter(|_| exported || !is_held) {
            self.exporters.insert(target.to_owned());
        }
    }
}

/// Label keys (`label_*`) that an answer of kube-state-metrics has.
pub(super) fn shown_keys(inputs: &Inputs, query: QueryId) -> BTreeSet<&str> {
    let series = inputs.metric(query).map_or(&[][..], |m| &m.series);
    series
        .iter()
        .flat_map(|s| &s.labels)
        .filter(|(name, value)| name.starts_with("label_") && !value.is_empty())
        .map(|(name, _)| name.as_str())
        .collect()
}
