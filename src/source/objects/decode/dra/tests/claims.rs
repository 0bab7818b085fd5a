use super::*;
use crate::model::dra::{AllocatedDevice, ClaimAllocation, ClaimRequest, DeviceKey};

fn requested(requests: &Value) -> (Vec<ClaimRequest>, Vec<String>) {
    let (claim, said) = claim("v1", &json!({"devices": {"requests": requests}}), &Value::Null);
    (claim.requests, said)
}

fn request(name: &str, class: &str, count: Option<u32>) -> ClaimRequest {
    ClaimRequest {
        name: name.to_owned(),
        class: class.to_owned(),
        count,
        ..ClaimRequest::default()
    }
}

#[test]
fn trap_36_the_three_shapes_of_a_request_read_the_same() {
    let body = json!({
        "deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 2,
        "selectors": [{"cel": {"expression": "device.driver == 'x'"}}],
        "capacity": {"requests": {"memory": "10Gi", "shares": 1}},
    });
    let mut flat = body.clone();
    flat["name"] = json!("gpus");
    let want = ClaimRequest {
        selectors: vec!["device.driver == 'x'".to_owned()],
        capacity: [("memory".to_owned(), 10_737_418_240.0), ("shares".to_owned(), 1.0)].into(),
        ..request("gpus", "gpu.nvidia.com", Some(2))
    };
    for (version, request) in [
        ("v1beta1", flat),
        ("v1beta2", json!({"name": "gpus", "exactly": body})),
        ("v1", json!({"name": "gpus", "exactly": body})),
    ] {
        let spec = json!({"devices": {"requests": [request]}});
        let (claim, said) = claim(version, &spec, &json!({}));
        assert_eq!((claim.requests, said), (vec![want.clone()], vec![]), "{version}");
        assert_eq!(claim.allocation, None);
    }
}

#[test]
fn all_devices_admin_access_and_defaults() {
    let (requests, said) = requested(&json!([
        {"name": "one", "exactly": {"deviceClassName": "g"}},
        {"name": "all", "exactly": {"deviceClassName": "g", "allocationMode": "All", "adminAccess": true}},
    ]));
    let all = ClaimRequest { admin_access: true, ..request("all", "g", None) };
    assert_eq!((requests, said), (vec![request("one", "g", Some(1)), all], vec![]));
}

#[test]
fn a_prioritized_list_names_its_subrequests() {
    let (requests, said) = requested(&json!([{"name": "slice", "firstAvailable": [
        {"name": "small", "deviceClassName": "mig.nvidia.com", "count": 1},
        {"name": "whole", "deviceClassName": "gpu.nvidia.com", "allocationMode": "All"},
    ]}]));
    let want = [
        request("slice/small", "mig.nvidia.com", Some(1)),
        request("slice/whole", "gpu.nvidia.com", None),
    ];
    assert_eq!((requests.as_slice(), said), (want.as_slice(), vec![]));
}

#[test]
fn a_request_that_cannot_be_used_is_named_and_the_others_stay() {
    for (bad, want) in [
        (
            json!({"allocationMode": "Some", "deviceClassName": "g"}),
            "exactly.allocationMode: \"Some\" is not known",
        ),
        (
            json!({"count": 0, "deviceClassName": "g"}),
            "exactly.count: 0 is not a whole number of at least 1",
        ),
        (
            json!({"count": "2", "deviceClassName": "g"}),
            "exactly.count: \"2\" is not a whole number",
        ),
        (
            json!({"count": 4_294_967_296_i64, "deviceClassName": "g"}),
            "exactly.count: 4294967296 is out of range",
        ),
        (
            json!({"adminAccess": "yes", "deviceClassName": "g"}),
            "exactly.adminAccess: \"yes\" is not true or false",
        ),
        (json!({"count": 1}), "exactly.deviceClassName is missing"),
    ] {
        let (requests, said) = requested(&json!([
            {"name": "bad", "exactly": bad}, {"name": "good", "exactly": {"deviceClassName": "g"}},
        ]));
        assert_eq!(requests, [request("good", "g", Some(1))]);
        let start = format!("ResourceClaim a/c: spec.devices.requests[0].{want}");
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&start), "{} instead of {start}", said[0]);
        assert!(said[0].ends_with("; the request is left out"), "{}", said[0]);
    }
    let (requests, said) = requested(&json!([
        {"exactly": {"deviceClassName": "g"}}, {"name": "x", "firstAvailable": [{"deviceClassName": "g"}]},
        {"name": "y", "exactly": {"deviceClassName": "g", "capacity": {"requests": {"memory": "much"}}}},
    ]));
    assert_eq!(requests, [request("y", "g", Some(1))]);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[2].contains("requests[2].exactly.capacity.requests: memory: \"much\""),
        "{said:?}"
    );
}

#[test]
fn an_allocation_in_full() {
    let (claim, said) = claim(
        "v1",
        &json!({}),
        &json!({
            "allocation": {
                "allocationTimestamp": "2026-11-20T00:00:00Z",
                "devices": {"results": [
                    {"request": "main", "driver": "gpu.nvidia.com", "pool": "n1", "device": "gpu-0",
                     "shareID": "s-1", "consumedCapacity": {"gpu.nvidia.com/memory": "0", "shares": "1"}},
                    {"request": "main/sub", "driver": "d", "pool": "p", "device": "x", "adminAccess": true},
                ]},
            },
            "reservedFor": [
                {"resource": "pods", "name": "web", "uid": "u1"},
                {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "u2"},
            ],
        }),
    );
    assert_eq!(said, Vec::<String>::new());
    let key = |driver: &str, pool: &str, device: &str| DeviceKey {
        driver: driver.to_owned(),
        pool: pool.to_owned(),
        device: device.to_owned(),
    };
    let want = ClaimAllocation {
        at_ms: Some(1_795_132_800_000),
        devices: vec![
            AllocatedDevice {
                request: "main".to_owned(),
                key: key("gpu.nvidia.com", "n1", "gpu-0"),
                admin_access: false,
                share_id: Some("s-1".to_owned()),
                consumed: [("memory".to_owned(), 0.0), ("shares".to_owned(), 1.0)].into(),
            },
            AllocatedDevice {
                request: "main/sub".to_owned(),
                key: key("d", "p", "x"),
                // trap 29: it holds nothing.
                admin_access: true,
                share_id: None,
                consumed: [].into(),
            },
        ],
    };
    assert_eq!(claim.allocation, Some(want));
    let consumers: Vec<_> =
        claim.reserved_for.iter().map(|c| (c.name.as_str(), c.is_pod())).collect();
    assert_eq!(consumers, [("web", true), ("g", false)]);
    assert_eq!(claim.reserved_for[1].group, "scheduling.k8s.io");
}

#[test]
fn an_allocation_without_devices_is_one() {
    for allocation in [json!({}), json!({"devices": {}}), json!({"devices": {"results": null}})] {
        let (claim, said) = claim("v1beta1", &json!({}), &json!({"allocation": allocation}));
        assert_eq!((claim.allocation, said), (Some(ClaimAllocation::default()), vec![]));
    }
    let (claim, _) = claim("v1", &json!({}), &json!({"allocation": null, "reservedFor": null}));
    assert_eq!((claim.allocation, claim.reserved_for.len()), (None, 0));
}

#[test]
fn what_is_wrong_with_an_allocation_is_said() {
    let (claim, said) = claim(
        "v1",
        &json!({}),
        &json!({
            "allocation": {"allocationTimestamp": "soon", "devices": {"results": [
                {"request": "r", "driver": "d", "pool": "p"},
                {"request": "r", "driver": "d", "pool": "p", "device": "x", "consumedCapacity": {"memory": "-1"}},
            ]}},
            "reservedFor": [{"resource": "pods"}],
        }),
    );
    let allocation = claim.allocation.expect("allocated");
    assert_eq!((allocation.at_ms, allocation.devices.len()), (None, 1));
    assert!(allocation.devices[0].consumed.is_empty());
    let said: Vec<&str> =
        said.iter().filter_map(|s| s.strip_prefix("ResourceClaim a/c: status.")).collect();
    assert_eq!(
        said,
        [
            "allocation.allocationTimestamp: \"soon\" is not an RFC 3339 time; taken as not known",
            "allocation.devices.results[0].device is missing; the device is left out",
            "allocation.devices.results[1].consumedCapacity: memory: \"-1\" is negative; left out",
            "reservedFor[0].name is missing; left out",
        ]
    );
}

#[test]
fn a_claim_whose_state_cannot_be_read_is_left_out() {
    let object = |status: Value| {
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": {"name": "c", "namespace": "a"}, "status": status})
    };
    for (status, want) in [
        (json!("none"), "status: \"none\" is not an object"),
        (json!({"allocation": 1}), "status.allocation: 1 is not an object"),
        (
            json!({"allocation": {"devices": {"results": {}}}}),
            "status.allocation.devices.results: {} is not a list",
        ),
        (json!({"reservedFor": true}), "status.reservedFor: true is not a list"),
    ] {
        let (facts, said) = facts(vec![object(status)]);
        assert!(facts.dra.claims.is_empty());
        assert_eq!(said, [format!("ResourceClaim a/c: {want}; the claim is left out")]);
    }
}

#[test]
fn metadata_of_a_claim() {
    let owner = |kind: &str, controller: bool| json!({"apiVersion": "v1", "kind": kind, "name": "o", "uid": format!("uid-{kind}"), "controller": controller});
    let object = |owners: Value| {
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": {
                "name": "c", "namespace": "a", "uid": "u", "resourceVersion": "77", "labels": {"team": "x"},
                "creationTimestamp": "2026-11-20T00:00:00Z", "deletionTimestamp": "2026-11-20T00:00:01Z",
                "annotations": {"resource.kubernetes.io/extended-resource-claim": "true"},
                "ownerReferences": owners,
            },
        })
    };
    let claim = |owners: Value| facts(vec![object(owners)]).0.dra.claims.remove(0);
    let both = claim(json!([owner("Thing", false), owner("Pod", true)]));
    let named = |claim: &ClaimFact| claim.owner.clone().map(|o| (o.this.kind, o.uid));
    assert_eq!(named(&both), Some(("Pod".to_owned(), "uid-Pod".to_owned())));
    let any = claim(json!([owner("Thing", false)]));
    assert_eq!(named(&any), Some(("Thing".to_owned(), "uid-Thing".to_owned())));
    assert_eq!(named(&claim(json!([]))), None);
    assert_eq!(both.resource_version.as_deref(), Some("77"));
    assert_eq!(both.created_ms, Some(1_795_132_800_000));
    assert_eq!(both.deletion_ms, Some(1_795_132_801_000));
    assert!(both.for_extended_resource);
    assert_eq!((both.uid.as_deref(), both.labels["team"].as_str()), (Some("u"), "x"));
}

#[test]
fn templates_classes_and_versions_that_are_too_old() {
    let (facts, said) = facts(vec![
        json!({
            "apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceClaimTemplate",
            "metadata": {"name": "t", "namespace": "a"},
            "spec": {"spec": {"devices": {"requests": [
                {"name": "gpu", "deviceClassName": "g"}, {"name": "odd", "allocationMode": "Half"},
            ]}}},
        }),
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
            "metadata": {"name": "g", "creationTimestamp": "2026-11-20T00:00:00Z"},
            "spec": {"extendedResourceName": "nvidia.com/gpu"},
        }),
        json!({
            "apiVersion": "resource.k8s.io/v1alpha2", "kind": "ResourceClaim",
            "metadata": {"name": "old", "namespace": "a"}, "spec": {"resourceClassName": "g"},
        }),
    ]);
    assert_eq!(facts.dra.templates[0].requests, [request("gpu", "g", Some(1))]);
    let class = &facts.dra.classes[0];
    assert_eq!(
        (class.name.as_str(), class.extended_resource.as_deref()),
        ("g", Some("nvidia.com/gpu"))
    );
    assert_eq!(class.created_ms, Some(1_795_132_800_000));
    assert!(facts.dra.claims.is_empty());
    assert_eq!(
        said,
        [
            "ResourceClaim a/old: resource.k8s.io/v1alpha2 is not understood (v1, v1beta2 and v1beta1 are); left out",
            "ResourceClaimTemplate a/t: spec.spec.devices.requests[1].deviceClassName is missing; the request is left out",
        ]
    );
}
