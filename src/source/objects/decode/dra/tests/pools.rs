use super::*;
use crate::model::dra::DraDevice;

fn only(slices: Vec<Value>) -> PoolFact {
    let (mut pools, said) = pools(slices);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(pools.len(), 1);
    pools.remove(0)
}

fn devices(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

#[test]
fn trap_28_only_the_newest_generation_counts() {
    let pool = only(vec![
        slice("a", 4, 1, &json!({"devices": devices(&["gpu-0", "gone"])})),
        slice("b", 10, 2, &json!({"devices": devices(&["gpu-0"])})),
    ]);
    assert_eq!((pool.generation, pool.slices), (10, (2, 1)));
    assert!(!pool.is_complete());
    assert_eq!(device_names(&pool), ["gpu-0"]);
}

#[test]
fn slices_of_one_generation_are_one_pool_and_drivers_have_their_own() {
    let mut other = slice("o", 1, 1, &json!({"devices": devices(&["gpu-0"])}));
    other["spec"]["driver"] = json!("other.example.com");
    let (pools, said) = pools(vec![
        slice("b", 3, 3, &json!({"devices": devices(&["gpu-1"]), "nodeName": "n"})),
        slice(
            "c",
            3,
            3,
            &json!({"sharedCounters": [
            {"name": "set", "counters": {"memory": {"value": "40Gi"}, "slices": {"value": 7}}},
        ], "nodeName": "n"}),
        ),
        slice("a", 3, 3, &json!({"devices": devices(&["gpu-2", "gpu-0"]), "nodeName": "n"})),
        other,
    ]);
    assert_eq!(said, Vec::<String>::new());
    let pool = &pools[0];
    assert!(pool.is_complete());
    assert_eq!(pool.slices, (3, 3));
    assert_eq!(device_names(pool), ["gpu-0", "gpu-1", "gpu-2"]);
    assert_eq!(pool.node.as_deref(), Some("n"));
    assert_eq!(pool.counter_sets["set"]["memory"], 42_949_672_960.0);
    assert_eq!(pool.counter_sets["set"]["slices"], 7.0);
    assert_eq!((pools[1].driver.as_str(), pools[1].node.as_deref()), ("other.example.com", None));
}

#[test]
fn doubles_are_a_problem_and_the_first_is_used_whatever_the_order() {
    let first = slice("a", 1, 2, &json!({"nodeName": "n1", "devices": devices(&["gpu-0"])}));
    let second = slice("b", 1, 3, &json!({"nodeName": "n2", "devices": devices(&["gpu-0"])}));
    for slices in [vec![first.clone(), second.clone()], vec![second, first]] {
        let (pools, said) = pools(slices);
        assert_eq!(pools[0].devices.len(), 1);
        assert_eq!(pools[0].devices[0].node.as_deref(), Some("n1"));
        // The larger number is the careful one.
        assert_eq!(pools[0].slices, (3, 2));
        assert_eq!(
            said,
            [
                "pool p of gpu.nvidia.com: device gpu-0 is there again in ResourceSlice b; the first is used",
                "pool p of gpu.nvidia.com: its slices of generation 1 differ in resourceSliceCount; 3 is used",
            ]
        );
    }
}

#[test]
fn trap_36_devices_of_v1beta1_are_below_basic() {
    let body = json!({
        "attributes": {
            "type": {"string": "mig"}, "gpu.nvidia.com/uuid": {"string": "GPU-1"},
            "resource.kubernetes.io/pciBusID": {"string": "0000:00:04.0"},
            "cudaComputeCapability": {"version": "9.0.0"}, "minor": {"int": -3}, "ecc": {"bool": true},
            "roots": {"strings": ["a", "b"]}, "numas": {"ints": [0, 1]},
        },
        "capacity": {
            "memory": {"value": "40Gi", "requestPolicy": {"default": "0"}}, "gpu.nvidia.com/shares": {"value": 10},
            "example.com/x": {"value": "500m"},
        },
        "consumesCounters": [{"counterSet": "gpu-0", "counters": {"memory-slice-0": {"value": "1"}}}],
        "taints": [
            {"key": "bad", "value": "yes", "effect": "NoSchedule", "timeAdded": "2026-11-20T10:30:00Z"},
            {"key": "k", "effect": "NoExecute"},
        ],
        "allowMultipleAllocations": true,
    });
    let mut flat = body.clone();
    flat["name"] = json!("gpu-0");
    let of = |device: Value| only(vec![slice("s", 1, 1, &json!({"devices": [device]}))]);
    let pool = of(flat);
    assert_eq!(pool, of(json!({"name": "gpu-0", "basic": body})));

    let device = &pool.devices[0];
    let text = |name: &str| device.attributes[name].as_str();
    assert_eq!(
        device.attributes.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "cudaComputeCapability",
            "ecc",
            "minor",
            "numas",
            "resource.kubernetes.io/pciBusID",
            "roots",
            "type",
            "uuid",
        ]
    );
    assert_eq!(
        (text("type"), text("uuid"), text("minor"), text("ecc")),
        ("mig", "GPU-1", "-3", "true")
    );
    assert_eq!((text("roots"), text("numas")), ("a,b", "0,1"));
    assert_eq!(text("cudaComputeCapability"), "9.0.0");
    let capacity: Vec<(&str, f64)> =
        device.capacity.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    assert_eq!(capacity, [("example.com/x", 0.5), ("memory", 42_949_672_960.0), ("shares", 10.0)]);
    assert_eq!(device.consumes["gpu-0"]["memory-slice-0"], 1.0);
    let taints: Vec<_> = device.taints.iter().map(|t| (t.text.as_str(), t.since_ms)).collect();
    assert_eq!(taints, [("bad=yes:NoSchedule", Some(1_795_170_600_000)), ("k:NoExecute", None)]);
    assert!(device.multi_allocation);
}

#[test]
fn trap_27_the_node_is_where_the_slice_says_and_not_the_pools_name() {
    let by = |list: &str, key: &str, values: Value| json!({"nodeSelectorTerms": [{list: [{"key": key, "operator": "In", "values": values}]}]});
    let term = |node: &str| json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
    for (where_, want) in [
        (json!({"nodeName": "n1"}), Some("n1")),
        (json!({"allNodes": true}), None),
        (json!({}), None),
        (json!({"nodeSelector": by("matchFields", "metadata.name", json!(["n1"]))}), Some("n1")),
        (
            json!({"nodeSelector": by("matchExpressions", "kubernetes.io/hostname", json!(["n1"]))}),
            Some("n1"),
        ),
        (
            json!({"nodeSelector": by("matchExpressions", "kubernetes.io/hostname", json!(["n1", "n2"]))}),
            None,
        ),
        (json!({"nodeSelector": by("matchExpressions", "zone", json!(["n1"]))}), None),
        (json!({"nodeSelector": {"nodeSelectorTerms": [term("n1"), term("n1")]}}), Some("n1")),
        (json!({"nodeSelector": {"nodeSelectorTerms": [term("n1"), term("n2")]}}), None),
        (json!({"nodeSelector": {"nodeSelectorTerms": []}}), None),
    ] {
        let mut spec = where_.clone();
        spec["devices"] = devices(&["gpu-0"]);
        let pool = only(vec![slice("s", 1, 1, &spec)]);
        assert_eq!(pool.node.as_deref(), want, "{where_}");
        assert_eq!(pool.devices[0].node.as_deref(), want, "{where_}");
    }
    let pool = only(vec![slice(
        "s",
        1,
        1,
        &json!({"perDeviceNodeSelection": true, "devices": [
            {"name": "a", "nodeName": "n1"}, {"name": "b", "basic": {"nodeName": "n2"}}, {"name": "c", "allNodes": true},
        ]}),
    )]);
    let nodes: Vec<_> = pool.devices.iter().map(|d| d.node.as_deref()).collect();
    assert_eq!((pool.node, nodes), (None, vec![Some("n1"), Some("n2"), None]));
}

#[test]
fn what_cannot_be_used_of_a_slice_is_named_and_the_rest_stays() {
    let (pools, said) = pools(vec![slice(
        "s",
        1,
        1,
        &json!({"devices": [
            {"attributes": {}},
            {"name": "gpu-1", "attributes": {"odd": {"float": 1.5}}, "capacity": {"memory": {"value": "lots"}, "b": {}},
             "taints": [{"key": "k"}, {"key": "k", "effect": "NoExecute", "timeAdded": "noon"}], "consumesCounters": [{"counters": {}}]},
            {"name": "gpu-2", "attributes": {"type": {"string": "gpu"}}},
        ]}),
    )]);
    assert_eq!(device_names(&pools[0]), ["gpu-1", "gpu-2"]);
    assert_eq!(pools[0].devices[1].attributes["type"], "gpu");
    let said: Vec<&str> =
        said.iter().filter_map(|s| s.strip_prefix("ResourceSlice s: spec.devices[")).collect();
    assert_eq!(
        said,
        [
            "0].name is missing; the device is left out",
            "1] (gpu-1).attributes: odd: {\"float\":1.5} is of no known type; left out",
            "1] (gpu-1).capacity: b: has no value; left out",
            "1] (gpu-1).capacity: memory: \"lots\" is not a quantity (expected a number such as 2, 500m or 64Gi); left out",
            "1] (gpu-1).consumesCounters[0].counterSet is missing; left out",
            "1] (gpu-1).taints[0].effect is missing; left out",
            "1] (gpu-1).taints[1].timeAdded: \"noon\" is not an RFC 3339 time; left out",
        ]
    );
}

#[test]
fn a_slice_without_a_pool_is_left_out_and_problems_are_bounded() {
    for (field, value, want) in [
        ("pool", json!({"name": "p"}), "spec.pool.resourceSliceCount is missing"),
        ("pool", json!({"resourceSliceCount": 1}), "spec.pool.name is missing"),
        (
            "pool",
            json!({"name": "p", "resourceSliceCount": 0}),
            "spec.pool.resourceSliceCount: 0 is not",
        ),
        (
            "pool",
            json!({"name": "p", "generation": "x", "resourceSliceCount": 1}),
            "spec.pool.generation: \"x\"",
        ),
        ("driver", json!(null), "spec.driver is missing"),
        ("devices", json!({"a": 1}), "spec.devices: {\"a\":1} is not a list"),
    ] {
        let mut bad = slice("s", 1, 1, &json!({}));
        bad["spec"][field] = value;
        let (pools, said) = pools(vec![bad]);
        assert!(pools.is_empty());
        assert!(said[0].starts_with(&format!("ResourceSlice s: {want}")), "{said:?}");
        assert!(said[0].ends_with("; the slice is left out"), "{said:?}");
    }
    let nameless: Value = (0..1_000).map(|_| json!({})).collect();
    let (_, said) = pools(vec![slice("s", 1, 1, &json!({"devices": nameless}))]);
    assert_eq!(said.len(), 11);
    assert!(said.iter().any(|s| s.ends_with("has 990 more problems like these")), "{said:?}");
}

#[test]
fn taint_rules_taint_the_devices_that_they_select() {
    let rule = |name: &str, version: &str, selector: Value| {
        json!({
            "apiVersion": format!("resource.k8s.io/{version}"), "kind": "DeviceTaintRule",
            "metadata": {"name": name},
            "spec": {"deviceSelector": selector, "taint": {"key": name, "effect": "NoExecute"}},
        })
    };
    let (facts, said) = facts(vec![
        slice(
            "s",
            1,
            1,
            &json!({"devices": [
                {"name": "gpu-0", "taints": [{"key": "own", "value": "1", "effect": "NoSchedule"}]}, {"name": "gpu-1"},
            ]}),
        ),
        rule("all", "v1", json!({})),
        rule("one", "v1beta2", json!({"driver": "gpu.nvidia.com", "pool": "p", "device": "gpu-0"})),
        rule("other", "v1alpha3", json!({"driver": "gpu.nvidia.com", "pool": "q"})),
        rule("nobody", "v1", Value::Null),
        rule("by-class", "v1alpha3", json!({"deviceClassName": "gpu.nvidia.com"})),
    ]);
    let of = |device: &DraDevice| device.taints.iter().map(|t| t.text.clone()).collect();
    let taints: Vec<Vec<String>> = facts.dra.pools[0].devices.iter().map(of).collect();
    assert_eq!(
        taints,
        [vec!["all:NoExecute", "one:NoExecute", "own=1:NoSchedule"], vec!["all:NoExecute"]]
    );
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("DeviceTaintRule by-class: spec.deviceSelector: "), "{said:?}");
    assert!(facts.owners.is_empty());
}
