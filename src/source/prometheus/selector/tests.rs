use super::*;
use crate::source::prometheus::render::Bindings;

const GPUS: &str = "nvidia_com_gpu|amd_com_gpu|nvidia_com_mig_.+";

/// A selector in PromQL again, as far as it was understood.
fn promql(selector: &Selector) -> String {
    let matchers: Vec<_> = selector
        .matchers
        .iter()
        .map(|(label, values)| {
            let prefixes = values.prefixes.iter().map(|prefix| format!("{prefix}.+"));
            let all: Vec<_> = values.plain.iter().cloned().chain(prefixes).collect();
            format!("{label}={}", all.join("|"))
        })
        .collect();
    let condition = match selector.evaluation.condition {
        None => String::new(),
        Some(Condition::Equal(value)) => format!(" == {value}"),
        Some(Condition::Above(value)) => format!(" > {value}"),
    };
    format!("{{{}}}{condition}", matchers.join(","))
}

/// Names, values, numbers and operators of a text, in no order. `=` and `=~` are left out, which say
/// the same of alternatives without pattern; a negative matcher or another comparison is not.
fn words(text: &str) -> Vec<String> {
    let word = Regex::new(r"\w+|==|[!<>+*/.^$?-]").unwrap();
    let mut words: Vec<_> = word.find_iter(text).map(|m| m.as_str().to_owned()).collect();
    words.sort();
    words
}

/// A query that is read in part would feed too much without a word, so every word of every file must
/// be accounted for.
#[test]
fn every_query_is_understood_in_full() {
    let scope = Regex::new(r#"\{\{\w+_label\}\}=~"\{\{\w+\}\}"|\{\{matchers\}\}"#).unwrap();
    for query in QueryId::ALL {
        let selector = Selector::of(*query, "gpu_resources");
        let mut understood = promql(&selector);
        if let Some(Grouping { outer, inner }) = &selector.evaluation.grouping {
            let [outer, inner] = [outer.join(","), inner.join(",")];
            understood = format!("sum by ({outer}) (max by ({inner}) ({understood}))");
        }
        let wanted = body(query.text());
        let wanted = scope.replace_all(&wanted, "").into_owned();
        // Before a placeholder is filled there is no other pattern than alternatives.
        assert!(!wanted.contains(".+"), "{}", query.name());
        // A name before the braces is the same matcher.
        let named = wanted.contains("__name__");
        let understood = understood.replace("__name__", if named { "__name__" } else { "" });
        assert_eq!(words(&understood), words(&wanted), "{}: {understood}", query.name());
        assert!(selector.names().count() > 0, "{}", query.name());
    }
}

#[test]
fn selectors_by_hand() {
    let of = |query| promql(&Selector::of(query, GPUS));
    for (query, want) in [
        (QueryId::FbUsed, "{__name__=DCGM_FI_DEV_FB_USED}"),
        (QueryId::GpuUtil, "{__name__=DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_GPU_UTIL_RATIO}"),
        (QueryId::XidErrors, "{__name__=DCGM_FI_DEV_XID_ERROR|DCGM_FI_DEV_XID_ERRORS} > 0"),
        (
            QueryId::NodeAllocatable,
            "{__name__=kube_node_status_allocatable,resource=amd_com_gpu|cpu|memory|nvidia_com_gpu|nvidia_com_mig_.+}",
        ),
        (
            QueryId::NodeNotReady,
            "{__name__=kube_node_status_condition,condition=Ready,status=true} == 0",
        ),
        (QueryId::PodTerminal, "{__name__=kube_pod_status_phase,phase=Failed|Succeeded} == 1"),
        (
            QueryId::PodCpuMemoryRequests,
            "{__name__=kube_pod_container_resource_requests,resource=cpu|memory}",
        ),
        (QueryId::PodInfo, "{__name__=kube_pod_info}"),
    ] {
        assert_eq!(of(query), want);
    }
    let grouping = Selector::of(QueryId::PodCpuMemoryRequests, GPUS).evaluation.grouping.unwrap();
    assert_eq!(grouping.inner[..grouping.outer.len()], grouping.outer);
    assert_eq!(grouping.inner[grouping.outer.len()..], ["container", "exported_container"]);
}

#[test]
fn conditions_are_those_of_promql() {
    let labels = |name: &str| Labels::from([("__name__".to_owned(), name.to_owned())]);
    let xid = Selector::of(QueryId::XidErrors, GPUS);
    assert!(xid.takes(&labels("DCGM_FI_DEV_XID_ERRORS"), 79.0));
    assert!(!xid.takes(&labels("DCGM_FI_DEV_XID_ERRORS"), 0.0));
    assert!(!xid.takes(&labels("DCGM_FI_DEV_XID_ERRORS"), f64::NAN));
    assert!(!xid.takes(&labels("DCGM_FI_DEV_GPU_UTIL"), 79.0));
    let cordoned = Selector::of(QueryId::NodeUnschedulable, GPUS);
    assert!(cordoned.takes(&labels("kube_node_spec_unschedulable"), 1.0));
    assert!(!cordoned.takes(&labels("kube_node_spec_unschedulable"), 0.0));
}

#[test]
fn patterns_are_those_of_the_placeholder() {
    let requests = Selector::of(QueryId::PodGpuRequests, GPUS);
    let takes = |resource: &str| {
        let name = "kube_pod_container_resource_requests";
        let labels = [("__name__", name), ("resource", resource)];
        requests.takes(&labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(), 1.0)
    };
    assert!(takes("nvidia_com_gpu") && takes("nvidia_com_mig_1g_5gb"));
    assert!(!takes("nvidia_com_mig_") && !takes("nvidia_com_gpu_2") && !takes("cpu"));
    // What the placeholder is filled with holds no other pattern than those that are understood.
    let bindings = Bindings::new(&[], &["nvidia.com/gpu".to_owned()]).unwrap();
    for alternative in bindings.gpu_resources().split('|') {
        let plain = alternative.strip_suffix(".+").unwrap_or(alternative);
        assert!(plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{alternative}");
    }
}
