//! Workloads of kinds that a report does not list: before something is cleaned up it has to be known what they name, also
//! those that are suspended and have no pod.

use std::collections::BTreeSet;

use crate::access::LISTED;
use crate::cleanup::objects::meta;
use crate::kinds::KINDS;
use crate::source::kubernetes::{self, Cluster};
use crate::source::objects::RawObjects;
use crate::ui::Ui;

/// Adds them to what was listed. What could not be listed is a line of its sources.
pub(super) async fn add(cluster: &Cluster, raw: &mut RawObjects, ui: &Ui) {
    let others = KINDS.iter().filter(|kind| !LISTED.contains(&kind.group) && kind.kind != "Pod");
    let kinds: Vec<(&str, &str)> = others.map(|kind| (kind.group, kind.plural)).collect();
    let (items, status) =
        kubernetes::further_workloads(cluster, &kinds, ui.progress().as_ref()).await;
    let known: BTreeSet<String> =
        raw.items.iter().map(|item| meta(&item.value, "uid").to_owned()).collect();
    // Owners of pods were read one by one already.
    raw.items.extend(items.into_iter().filter(|item| !known.contains(meta(&item.value, "uid"))));
    raw.sources.push(status);
}
