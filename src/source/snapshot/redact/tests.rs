//! Whatever the names, none survives, and equal names stay equal.

mod devices;

use std::collections::BTreeMap;

use proptest::collection::hash_set;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{MetricData, Series};
use crate::source::objects::{RawObject, RawObjects};

/// Names that no word of the API is part of, nor a part of.
fn names() -> impl Strategy<Value = Vec<String>> {
    hash_set("[a-z][a-z0-9]{3,10}-zq[0-9]{4}", 4).prop_map(|names| names.into_iter().collect())
}

fn series(n: &[String]) -> Series {
    let labels = BTreeMap::from([
        ("__name__".to_owned(), "kube_pod_labels".to_owned()),
        ("namespace".to_owned(), n[0].clone()),
        ("pod".to_owned(), n[1].clone()),
        ("node".to_owned(), n[2].clone()),
        ("instance".to_owned(), format!("{}:9400", n[2])),
        ("label_team".to_owned(), n[3].clone()),
        ("claim".to_owned(), format!("{}/{}", n[0], n[1])),
        ("err_msg".to_owned(), format!("{} fell over on {}", n[1], n[2])),
        ("UUID".to_owned(), format!("GPU-{}", n[3])),
    ]);
    Series { labels: labels.into(), samples: [(0, 1.0)].into_iter().collect() }
}

fn pod(n: &[String]) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {
            "namespace": n[0], "name": n[1], "labels": {"team": n[3]},
            "annotations": {"whose": format!("{}'s, see {}", n[3], n[2])},
            "ownerReferences": [{"kind": "Job", "name": n[3], "uid": n[2]}],
        },
        "spec": {"nodeName": n[2], "containers": [{"name": n[3], "image": format!("{}/{}:{}", n[0], n[1], n[2])}]},
        "status": {"phase": "Running", "reason": n[0], "message": n[1]},
    })
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    #[test]
    fn no_name_survives_and_every_join_does(n in names(), salt in any::<[u8; 32]>()) {
        let pseudonyms = Pseudonyms::new(Salt::fixed(salt));
        let gap = crate::model::ReadGap { start_ms: 0, end_ms: 1, reason: n[0].clone() };
        let data = MetricData { query: QueryId::PodLabels, series: vec![series(&n)], gaps: vec![gap] };
        let raw = RawObjects {
            items: vec![RawObject { origin: format!("{}.yaml: document 3", n[0]), value: pod(&n) }],
            ..RawObjects::default()
        };
        let (data, raw) = (metric(&pseudonyms, &data), objects(&pseudonyms, &raw));

        let text = format!("{data:?} {raw:?}");
        for name in &n {
            prop_assert!(!text.contains(name.as_str()), "{name} survived in {text}");
        }
        let (labels, pod) = (&data.series[0].labels, &raw.items[0].value);
        prop_assert_eq!(&json!(labels["namespace"]), &pod["metadata"]["namespace"]);
        prop_assert_eq!(&json!(labels["pod"]), &pod["metadata"]["name"]);
        prop_assert_eq!(&json!(labels["node"]), &pod["spec"]["nodeName"]);
        prop_assert_eq!(&json!(labels["label_team"]), &pod["metadata"]["labels"]["team"]);
        prop_assert_eq!(&labels["instance"], &format!("{}:9400", labels["node"]));
        prop_assert_eq!(&labels["claim"], &format!("{}/{}", labels["namespace"], labels["pod"]));
        let distinct: std::collections::BTreeSet<&String> =
            ["namespace", "pod", "node", "label_team"].iter().map(|name| &labels[*name]).collect();
        prop_assert_eq!(distinct.len(), 4);
    }
}
