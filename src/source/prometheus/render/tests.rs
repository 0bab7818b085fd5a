use proptest::prelude::*;

use super::*;

fn bindings() -> Bindings {
    let mut bindings =
        Bindings::new(&[], &["nvidia.com/gpu".into(), "amd.com/gpu".into()]).unwrap();
    bindings.nodes = scope("node", &["gpu-1", "gpu-2.eu"]);
    bindings.namespaces = scope("namespace", &["ads", "search"]);
    bindings
}

fn scope(label: &str, values: &[&str]) -> LabelScope {
    LabelScope {
        labels: vec![label.into()],
        values: values.iter().map(ToString::to_string).collect(),
    }
}

/// Every query with default settings, as it goes over the wire.
const RENDERED: &[(&str, &str)] = &[
    ("gpu_util", r#"{__name__=~"DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_GPU_UTIL_RATIO"}"#),
    (
        "gr_engine_active",
        r#"{__name__=~"DCGM_FI_PROF_GR_ENGINE_ACTIVE|DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"}"#,
    ),
    ("sm_active", r#"{__name__=~"DCGM_FI_PROF_SM_ACTIVE|DCGM_FI_PROF_SM_UTIL_RATIO"}"#),
    ("fb_used", r#"{__name__="DCGM_FI_DEV_FB_USED"}"#),
    ("fb_free", r#"{__name__="DCGM_FI_DEV_FB_FREE"}"#),
    (
        "amd_gfx_activity",
        r#"{__name__=~"gpu_gfx_activity|amd_gpu_gfx_activity|gpu_usage"}"#,
    ),
    ("amd_vram_used", r#"{__name__=~"gpu_used_vram|amd_gpu_used_vram"}"#),
    (
        "amd_vram_total",
        r#"{__name__=~"gpu_total_vram|amd_gpu_total_vram|gpu_total_memory"}"#,
    ),
    ("xid_errors", r#"{__name__=~"DCGM_FI_DEV_XID_ERRORS|DCGM_FI_DEV_XID_ERROR"} > 0"#),
    ("node_capacity", r#"kube_node_status_capacity{resource=~"nvidia_com_gpu|amd_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+"}"#),
    (
        "pod_gpu_requests",
        r#"kube_pod_container_resource_requests{resource=~"nvidia_com_gpu|amd_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+"}"#,
    ),
    (
        "pod_init_gpu_requests",
        r#"kube_pod_init_container_resource_requests{resource=~"nvidia_com_gpu|amd_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+"}"#,
    ),
    ("pod_resource_claims", r#"{__name__="kube_pod_resourceclaim_info"}"#),
    (
        "node_allocatable",
        r#"kube_node_status_allocatable{resource=~"cpu|memory|nvidia_com_gpu|amd_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+",node=~"gpu-1|gpu-2\\.eu"}"#,
    ),
    (
        "node_not_ready",
        r#"kube_node_status_condition{condition="Ready",status="true",node=~"gpu-1|gpu-2\\.eu"} == 0"#,
    ),
    ("node_unschedulable", r#"kube_node_spec_unschedulable{node=~"gpu-1|gpu-2\\.eu"} == 1"#),
    ("node_labels", r#"kube_node_labels{node=~"gpu-1|gpu-2\\.eu"}"#),
    (
        "pod_cpu_memory_requests",
        "sum by (namespace, exported_namespace, pod, exported_pod, uid, node, exported_node, resource) (
  max by (namespace, exported_namespace, pod, exported_pod, uid, node, exported_node, resource, container, exported_container) (
    kube_pod_container_resource_requests{resource=~\"cpu|memory\",node=~\"gpu-1|gpu-2\\\\.eu\"}
  )
)",
    ),
    (
        "pod_terminal",
        r#"kube_pod_status_phase{phase=~"Succeeded|Failed",namespace=~"ads|search"} == 1"#,
    ),
    ("pod_info", r#"kube_pod_info{node=~"gpu-1|gpu-2\\.eu"}"#),
    ("pod_scheduled_time", r#"kube_pod_status_scheduled_time{namespace=~"ads|search"}"#),
    ("pod_start_time", r#"kube_pod_start_time{namespace=~"ads|search"}"#),
    ("pod_completion_time", r#"kube_pod_completion_time{namespace=~"ads|search"}"#),
    ("init_container_info", r#"kube_pod_init_container_info{namespace=~"ads|search"}"#),
    ("pod_owner", r#"kube_pod_owner{namespace=~"ads|search"}"#),
    ("replicaset_owner", r#"kube_replicaset_owner{namespace=~"ads|search"}"#),
    ("job_owner", r#"kube_job_owner{namespace=~"ads|search"}"#),
    ("pod_labels", r#"kube_pod_labels{namespace=~"ads|search"}"#),
    ("namespace_labels", r#"kube_namespace_labels{namespace=~"ads|search"}"#),
    (
        "pod_cpu_usage",
        "sum by (namespace, exported_namespace, pod, exported_pod) (
  max by (namespace, exported_namespace, pod, exported_pod, container, exported_container) (
    rate(container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\",namespace=~\"ads|search\"}[5m])
  )
)",
    ),
    (
        "pod_memory_usage",
        "sum by (namespace, exported_namespace, pod, exported_pod) (
  max by (namespace, exported_namespace, pod, exported_pod, container, exported_container) (
    container_memory_working_set_bytes{container!=\"\",container!=\"POD\",namespace=~\"ads|search\"}
  )
)",
    ),
    (
        "kv_cache_usage",
        "max by (namespace, exported_namespace, pod, exported_pod) (
  max_over_time(vllm:kv_cache_usage_perc{namespace=~\"ads|search\"}[5m])
  or max_over_time(vllm:gpu_cache_usage_perc{namespace=~\"ads|search\"}[5m])
  or max_over_time(sglang:token_usage{namespace=~\"ads|search\"}[5m])
  or max_over_time(trtllm_kv_cache_utilization{namespace=~\"ads|search\"}[5m])
  or max_over_time(nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"fraction\",namespace=~\"ads|search\"}[5m])
)",
    ),
];

#[test]
fn every_query_renders_to_this_text() {
    let rendered: Vec<(&str, Vec<String>)> = QueryId::ALL
        .iter()
        .chain(QueryId::OPTIONAL)
        .map(|query| (query.name(), render(*query, &bindings()).unwrap()))
        .collect();
    for (name, expected) in RENDERED {
        let found = rendered.iter().find(|(n, _)| n == name).map(|(_, texts)| texts);
        assert_eq!(found, Some(&vec![(*expected).to_owned()]), "queries/{name}.promql");
    }
    assert_eq!(rendered.len(), RENDERED.len(), "a query is missing from the table above");
}

#[test]
fn every_file_is_used_and_says_what_it_means() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            continue;
        }
        let name = file.strip_suffix(".promql");
        let query = name.and_then(QueryId::from_name);
        let query = query.unwrap_or_else(|| panic!("queries/{file} belongs to no query"));
        for heading in ["# Meaning: ", "# Unit: ", "# Labels: ", "# Source: ", "# Empty: "] {
            assert!(query.text().contains(heading), "queries/{file} has no `{heading}`");
        }
    }
}

#[test]
fn extra_matchers_go_into_every_selector() {
    let matchers = vec![r#" cluster="prod" "#.into(), r"region=~'eu-.*'".into()];
    let mut with = Bindings::new(&matchers, &["nvidia.com/gpu".into()]).unwrap();
    with.nodes = scope("exported_node", &["a"]);
    with.namespaces = scope("exported_namespace", &["b"]);
    for query in QueryId::ALL.iter().chain(QueryId::OPTIONAL) {
        for text in render(*query, &with).unwrap() {
            assert!(text.contains(r#",cluster="prod",region=~'eu-.*'}"#), "{text}");
        }
    }
    let texts = render(QueryId::PodInfo, &with).unwrap();
    assert_eq!(texts, [r#"kube_pod_info{exported_node=~"a",cluster="prod",region=~'eu-.*'}"#]);
}

#[test]
fn a_matcher_that_is_not_one_is_refused() {
    for bad in ["", "cluster", "cluster=prod", r#"a="b"} or vector(1"#, r#"a="b",c="d""#, "a=\"b"] {
        let error = Bindings::new(&[bad.into()], &[]).unwrap_err();
        assert_eq!(error, RenderError::BadMatcher(bad.into()));
    }
}

#[test]
fn an_empty_list_is_an_error_not_a_query_for_everything() {
    let none = Bindings::new(&[], &[]).unwrap();
    assert_eq!(
        render(QueryId::NodeCapacity, &none),
        Err(RenderError::NoValues { query: "node_capacity", name: "gpu_resources" })
    );
    assert_eq!(
        render(QueryId::PodInfo, &none),
        Err(RenderError::NoValues { query: "pod_info", name: "node_label" })
    );
}

#[test]
fn an_unknown_placeholder_is_named() {
    let error = substitute(QueryId::GpuUtil, "up{{{nope}}}", |_| None).unwrap_err();
    assert_eq!(error.to_string(), "queries/gpu_util.promql: unknown placeholder {{nope}}");
}

#[test]
fn values_are_escaped_for_the_regex_and_then_for_the_string() {
    let cases = [
        ("gpu-a100-01", "gpu-a100-01"),
        ("ip-10.eu", r"ip-10\\.eu"),
        (r#"a"b"#, r#"a\"b"#),
        (r"a\b", r"a\\\\b"),
        ("a\nb", r"a\nb"),
        ("a\u{1}b", r"a\x01b"),
        ("a|b(c)[d]{e}^$*+?", r"a\\|b\\(c\\)\\[d\\]\\{e\\}\\^\\$\\*\\+\\?"),
    ];
    for (value, expected) in cases {
        assert_eq!(alternation(std::iter::once(value)), expected, "{value:?}");
        assert_eq!(alternation_bytes(value), expected.len() + 1);
    }
}

#[test]
fn two_label_names_make_two_selectors() {
    let mut both = bindings();
    both.nodes.labels = vec!["exported_node".into(), "node".into()];
    both.nodes.values = BTreeSet::from(["n".into()]);
    assert_eq!(
        render(QueryId::PodInfo, &both).unwrap(),
        [r#"kube_pod_info{exported_node=~"n"}"#, r#"kube_pod_info{node=~"n"}"#]
    );
}

#[test]
fn long_alternations_are_split_and_lose_nothing() {
    let mut many = bindings();
    many.namespaces.values = (0..2_000).map(|i| format!("namespace-{i:05}")).collect();
    let texts = render(QueryId::PodOwner, &many).unwrap();
    // 2,000 × 16 bytes with the separator = 32,000 bytes, of which 6,144 fit: six selectors.
    assert_eq!(texts.len(), 6);
    let mut seen = BTreeSet::new();
    for text in &texts {
        assert!(text.len() < MAX_ALTERNATION_BYTES + 64);
        let list = text.split('"').nth(1).unwrap();
        seen.extend(list.split('|').map(ToOwned::to_owned));
    }
    assert_eq!(seen, many.namespaces.values);
}

#[test]
fn matchers_are_added_inside_the_braces() {
    assert_eq!(with_matcher(r#"up{a="b"}"#, r#"c="d""#).unwrap(), r#"up{a="b",c="d"}"#);
    assert_eq!(with_matcher("up{}", r#"c="d""#).unwrap(), r#"up{c="d"}"#);
    assert_eq!(with_matcher("up > 0", r#"c="d""#), None);
}

#[test]
fn every_query_has_one_selector() {
    let matchers = [r#"pod=~"a{2}\"}""#.to_owned(), r#"x!='"}'"#.to_owned()];
    let mut bindings = Bindings::new(&matchers, &["nvidia.com/gpu".to_owned()]).unwrap();
    let scope = |label: &str, value: &str| LabelScope {
        labels: vec![label.to_owned()],
        values: [value.to_owned()].into(),
    };
    bindings.nodes = scope("node", "n{\"}");
    bindings.namespaces = scope("namespace", "default");
    for query in QueryId::ALL {
        for text in render(*query, &bindings).unwrap() {
            let selector = selector_in(&text).unwrap();
            assert!(selector.ends_with(r#",pod=~"a{2}\"}",x!='"}'}"#), "{selector}");
            let name = selector.split('{').next().unwrap();
            assert!(name.is_empty() || name.starts_with("kube_"), "{selector}");
            let braces = selector.trim_end_matches('}').len() + 1;
            assert_eq!(with_matcher(selector, "a=\"b\"").unwrap().len(), braces + 6, "{selector}");
        }
    }
    assert_eq!(selector_in("up"), None);
    assert_eq!(selector_in(r#"up{a="}"#), None);
}

proptest! {
    #![proptest_config(crate::mutation::fixed(256))]
    /// Undoing PromQL's string escapes and matching the result as a regex finds exactly the value.
    #[test]
    fn an_alternation_matches_its_values_and_no_other(value in "\\PC{0,12}|[\"\\\\\n.|]{0,8}", other in "\\PC{0,12}") {
        let text = alternation(std::iter::once(value.as_str()));
        prop_assert!(!text.contains('\n'));
        let pattern = unquoted(&text);
        let regex = Regex::new(&format!("(?s)^(?:{pattern})$")).unwrap();
        prop_assert!(regex.is_match(&value));
        prop_assert_eq!(regex.is_match(&other), other == value);
    }
}

/// What a PromQL parser makes of the inside of a double-quoted string.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        assert_ne!(c, '"', "an unescaped quote would end the string");
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next().unwrap() {
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'x' => {
                let code: String = chars.by_ref().take(2).collect();
                plain.push(char::from(u8::from_str_radix(&code, 16).unwrap()));
            }
            c => plain.push(c),
        }
    }
    plain
}
