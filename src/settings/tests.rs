use std::path::Path;

use super::*;
use crate::error::exit_code;
use crate::model::policy::{PriceOrigin, TenantRule};
use layers::Origin;
use source::{LiveSource, ObjectsFrom};

fn try_layers(
    flags: &[(&'static str, &str)],
    environment: Environment,
    config: &str,
) -> Result<Layers> {
    let typed: Typed = flags.iter().map(|(id, value)| (*id, (*value).to_owned())).collect();
    let config = if config.is_empty() {
        Config::default()
    } else {
        Config::parse(Path::new("c.yaml"), config)?
    };
    Ok(Layers::new(typed, environment, config))
}

fn resolve<const N: usize>(
    flags: &[(&'static str, &str)],
    environment: [(&str, &str); N],
    config: &str,
) -> Result<Settings> {
    Settings::resolve(&try_layers(flags, Environment::from_pairs(environment), config)?)
}

fn refused(flags: &[(&'static str, &str)], config: &str) -> String {
    let error = resolve(flags, [], config).expect_err("refused");
    assert_eq!(error.exit_code(), exit_code::USAGE);
    error.to_string()
}

fn live(settings: &Settings) -> &LiveSource {
    match &settings.source {
        SourceChoice::Live(live) => live,
        other => panic!("not live: {other:?}"),
    }
}

#[test]
fn every_default_is_a_value_that_can_be() {
    let settings = resolve(&[], [], "").expect("defaults are valid");
    assert_eq!(settings.window, WindowRequest::Trailing(7 * crate::units::MS_PER_DAY));
    assert_eq!(settings.view.by, GroupBy::Tenant);
    assert_eq!(settings.view.top, Some(20));
    let (ours, defaults) = (&settings.policy, Policy::default());
    assert_eq!(ours.idle_below, defaults.idle_below);
    assert_eq!(ours.max_gap_ms, defaults.max_gap_ms);
    assert_eq!(ours.empty_memory_bytes, defaults.empty_memory_bytes);
    assert_eq!(ours.empty_memory_ratio, defaults.empty_memory_ratio);
    assert_eq!(ours.gpu_resources, defaults.gpu_resources);
    assert_eq!(ours.prices.currency, "USD");
    assert!(!ours.prices.rules.is_empty());
    assert!(!settings.strict);
    assert_eq!(live(&settings).objects, ObjectsFrom::Cluster);
}

#[test]
fn names_in_the_catalogue_and_in_the_readers_are_the_same() {
    fn names<T>(known: &[(&'static str, T)]) -> Vec<&'static str> {
        known.iter().map(|(name, _)| *name).collect()
    }
    assert_eq!(GroupBy::ALL.iter().map(|g| g.name()).collect::<Vec<_>>(), catalogue::BY);
    assert_eq!(Format::ALL.iter().map(|f| f.name()).collect::<Vec<_>>(), catalogue::FORMATS);
    assert_eq!(names(COLORS), catalogue::COLOR);
    assert_eq!(names(source::TRANSPORTS), catalogue::TRANSPORTS);
}

#[test]
fn flag_over_environment_over_file_over_default_per_value() {
    let config = "policy: {idle_below: 0.1, max_gap: 10m, empty_memory_ratio: 10%}";
    let environment = [("GPU_FINOPS_IDLE_BELOW", "0.2"), ("GPU_FINOPS_MAX_GAP", "20m")];
    let settings = resolve(&[("idle-below", "30%")], environment, config).expect("valid");
    assert_eq!(settings.policy.idle_below, 0.3);
    assert_eq!(settings.policy.max_gap_ms, 20 * crate::units::MS_PER_MINUTE);
    assert_eq!(settings.policy.empty_memory_ratio, 0.1);
    let origin = |key: &str| {
        let found = settings.assumptions.iter().find(|a| a.key == key);
        found.map(|a| a.origin.to_string()).unwrap_or_default()
    };
    assert_eq!(origin("policy.idle_below"), "flag");
    assert_eq!(origin("policy.max_gap"), "environment GPU_FINOPS_MAX_GAP");
    assert_eq!(
        origin("policy.empty_memory_ratio"),
        "config file c.yaml: policy.empty_memory_ratio"
    );
    assert_eq!(origin("policy.empty_memory_bytes"), "default");
}

#[test]
fn a_switch_can_be_taken_back_and_an_empty_variable_is_none() {
    let strict = |flags: &[(&'static str, &str)], env: &str| {
        resolve(flags, [("GPU_FINOPS_STRICT", env)], "policy: {strict: true}").map(|s| s.strict)
    };
    assert!(strict(&[], "").expect("valid"));
    assert!(!strict(&[], "0").expect("valid"));
    assert!(strict(&[("strict", "true")], "no").expect("valid"));
    assert!(!strict(&[("strict", "false")], "yes").expect("valid"));
    let error = strict(&[], "perhaps").expect_err("refused").to_string();
    assert!(error.starts_with("environment variable `GPU_FINOPS_STRICT`: `perhaps`"), "{error}");
}

#[test]
fn repeated_values_stand_one_per_line_in_the_environment() {
    let environment = [("GPU_FINOPS_NAMESPACE", "ml-.*\n  web \n")];
    let settings = resolve(&[], environment, "").expect("valid");
    let patterns = &settings.policy.scope.namespaces;
    assert_eq!(patterns.len(), 2);
    assert!(patterns[0].is_match("ml-train") && !patterns[0].is_match("xml-train"));
    assert!(patterns[1].is_match("web") && !patterns[1].is_match("web2"));
    // The whole list is one value: a flag replaces it.
    let settings = resolve(&[("namespace", "a|b")], environment, "").expect("valid");
    assert_eq!(settings.policy.scope.namespaces.len(), 1);
    assert!(!settings.policy.scope.namespaces[0].is_match("ab"));
}

#[test]
fn an_error_names_the_place_the_value_and_the_way_out() {
    for (flags, config, parts) in [
        (&[("idle-below", "5x")][..], "", &["`--idle-below`: `5x`", "such as 5%"][..]),
        (&[("idle-below", "1.5")], "", &["`1.5`", "0 to 1"]),
        (&[("idle-below", "NaN")], "", &["`NaN`"]),
        (&[("idle-below", "-1%")], "", &["`-1%`"]),
        (&[("max-gap", "5")], "", &["`--max-gap`: `5`", "5m"]),
        (&[("max-gap", "2d")], "", &["longer than a day"]),
        (&[("window", "soon")], "", &["`--window`: `soon`", "yesterday"]),
        (&[("timezone", "Mars/Base")], "", &["`Mars/Base`", "Europe/Berlin"]),
        (&[("namespace", "a(")], "", &["`--namespace`: `a(`", "unclosed group"]),
        (&[("selector", "a in b")], "", &["`--selector`"]),
        (&[("prometheus", "localhost:9090")], "", &["`--prometheus`", "http://HOST"]),
        (&[("prometheus-concurrency", "0")], "", &["`0`", "1 to 64"]),
        (&[("prometheus-step", "500ms")], "", &["`--prometheus-step`"]),
        (&[("prometheus-step", "6m")], "", &["`6m` is longer than 5 minutes"]),
        (&[("transport", "carrier-pigeon")], "", &["auto, remote-read, victoriametrics, query"]),
        (&[("prometheus-matcher", "{a='b'}")], "", &["not a label matcher", "name=\"value\""]),
        (&[("currency", "euros")], "", &["`euros`", "three letters"]),
        (&[], "policy: {idle_below: high}", &["config file c.yaml: `policy.idle_below`: `high`"]),
        (&[], "report: {output: xml}", &["`report.output`: `xml` is not one of table, wide"]),
        (&[], "report: {top: -1}", &["`report.top`: `-1`"]),
        (&[], "tenants: []", &["`tenants`: is an empty list"]),
        (&[], "tenants: [{type: explicit, tenant: a}]", &["`tenants[0].namespaces`: is missing"]),
        (
            &[],
            "tenants: [{type: explicit, tenant: a, namespaces: ['(']}]",
            &["`tenants[0].namespaces`", "`(`"],
        ),
        (
            &[],
            "tenants: [{type: namespace}, {type: namespace, labels: [a]}]",
            &["`tenants[1].labels`: means nothing"],
        ),
        (&[], "tenants: [{type: pod-label, labels: []}]", &["`tenants[0].labels`: is empty"]),
    ] {
        let error = refused(flags, config);
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}

#[test]
fn prices_that_cannot_be() {
    for text in [
        "A100=0",
        "A100=-2",
        "A100=NaN",
        "A100=inf",
        "A100=1e12",
        "A100=free",
        "A100=",
        "A100",
        "=2",
    ] {
        let error = refused(&[("price", text)], "");
        assert!(error.starts_with("`--price`: "), "{error}");
        let amount = text.rsplit('=').next().unwrap_or_default();
        assert!(error.contains(amount), "{error}");
    }
    for (rule, key) in [
        ("per_gpu_hour: 0", "per_gpu_hour"),
        ("per_gpu_hour: -1", "per_gpu_hour"),
        ("per_gpu_hour: .nan", "per_gpu_hour"),
        ("per_node_hour: 8", "gpus"),
        ("per_node_hour: 8, gpus: 0", "gpus"),
        ("per_node_hour: 0, gpus: 8", "per_node_hour"),
        ("per_gpu_hour: 1, per_node_hour: 8, gpus: 8", "per_node_hour"),
        ("per_gpu_hour: 1, gpus: 8", "gpus"),
        ("per_gpu_hour: 1, split: gpu-only", "split"),
        ("per_node_hour: 8, gpus: 8, split: half", "split"),
        ("per_node_hour: 8, gpus: 8, split: gpu-only, gpu_share: 0.9", "gpu_share"),
        ("per_node_hour: 8, gpus: 8, gpu_share: 0", "gpu_share"),
        ("per_node_hour: 8, gpus: 8, gpu_share: 1.1", "gpu_share"),
        ("source: x", "per_gpu_hour"),
        ("per_gpu_hour: 1, date: yesterday", "date"),
        ("per_gpu_hour: 1, match: {model: NVIDIA}", "match.model"),
    ] {
        let error = refused(&[], &format!("prices: {{rules: [{{{rule}}}]}}"));
        let place = format!("config file c.yaml: `prices.rules[0].{key}`: ");
        assert!(error.starts_with(&place), "{rule}: {error}");
    }
}

#[test]
fn the_book_is_flags_then_config_then_built_in() {
    let config = "prices:\n  rules:\n  - {match: {instance_type: dgx, node_labels: {pool: a}}, \
                  per_node_hour: 20, gpus: 8, split: 95-3-2, source: contract, date: 2026-01-31}\n  \
                  - {match: {model: 'h100*nvl'}, per_node_hour: 10, gpus: 4, gpu_share: 0.8}\n";
    let settings = resolve(&[("price", "A100=2.50")], [], config).expect("valid");
    let rules = &settings.policy.prices.rules;
    assert_eq!(rules[0].origin, PriceOrigin::Flag);
    assert_eq!(rules[0].per_gpu_hour, 2.5);
    // 20 × 0.95 / 8.
    assert_eq!(rules[1].per_gpu_hour, 2.375);
    assert_eq!(rules[1].instance_type.as_deref(), Some("dgx"));
    assert_eq!(rules[1].node_labels.get("pool").map(String::as_str), Some("a"));
    assert_eq!(
        (rules[1].source.as_str(), rules[1].date.as_deref()),
        ("contract", Some("2026-01-31"))
    );
    // 10 × 0.8 / 4.
    assert_eq!(rules[2].per_gpu_hour, 2.0);
    assert!(rules[3..].iter().all(|r| r.origin == PriceOrigin::BuiltIn) && rules.len() > 3);
}

#[test]
fn another_currency_leaves_the_list_out_unless_it_is_converted() {
    let euros = resolve(&[("currency", "eur")], [], "").expect("valid").policy.prices;
    assert_eq!((euros.currency.as_str(), euros.rules.len()), ("EUR", 0));
    let flags = [("currency", "EUR"), ("usd-rate", "0.5"), ("price", "L4=1")];
    let converted = resolve(&flags, [], "").expect("valid").policy.prices.rules;
    // A user's price is in the currency already; T4 is 0.526 USD.
    assert_eq!(converted[0].per_gpu_hour, 1.0);
    let t4 = converted.iter().find(|r| r.source.contains("for the model T4,")).expect("T4");
    assert_eq!(t4.per_gpu_hour, 0.263);
    assert!(t4.source.ends_with("at 0.5 EUR per USD"));
    assert!(refused(&[("usd-rate", "0.9")], "").contains("the currency is USD"));
    assert!(refused(&[("currency", "EUR"), ("usd-rate", "0")], "").contains("`--usd-rate`: `0`"));
}

#[test]
fn a_price_matches_whole_words_of_the_model() {
    let matches = |pattern: &str, model: &str| {
        let name = crate::cost::book::model_name(model);
        prices::model_pattern(pattern).expect("valid").is_match(&name)
    };
    for (pattern, model) in [
        ("A100", "NVIDIA A100-SXM4-40GB"),
        ("a100", "NVIDIA A100 80GB PCIe"),
        ("NVIDIA-A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"),
        ("A100*80GB", "NVIDIA A100-SXM4-80GB"),
        ("A100-*-40GB", "NVIDIA A100-SXM4-40GB"),
        ("H100*", "NVIDIA H100 NVL"),
        ("T4", "Tesla T4"),
        ("*", "anything at all"),
        ("MI300X", "AMD_Instinct_MI300X_OAM"),
    ] {
        assert!(matches(pattern, model), "{pattern} {model}");
    }
    for (pattern, model) in [
        ("A100", "NVIDIA A1000"),
        ("A10", "NVIDIA A100-SXM4-40GB"),
        ("A10", "NVIDIA A10G"),
        ("L4", "NVIDIA L40S"),
        ("H100", "NVIDIA GH200 480GB"),
        ("H200", "NVIDIA GH200 480GB"),
        ("H20", "NVIDIA H200"),
        ("A100 40GB", "NVIDIA A100-SXM4-40GB"),
        ("A.00", "NVIDIA A100-SXM4-40GB"),
    ] {
        assert!(!matches(pattern, model), "{pattern} {model}");
    }
}

#[test]
fn tenant_rules_come_from_the_file_in_its_order() {
    let config = "tenants:\n- {type: explicit, tenant: research, namespaces: [ml-.*, lab], \
                  workloads: ['train|eval']}\n- {type: pod-label, labels: [owner]}\n\
                  - {type: queue-label}\n- {type: namespace}\n";
    let rules = resolve(&[], [], config).expect("valid").policy.tenant_rules;
    let TenantRule::Explicit(entries) = &rules[0] else { panic!("{rules:?}") };
    assert_eq!(entries[0].tenant, "research");
    assert!(entries[0].namespace.is_match("lab") && !entries[0].namespace.is_match("lab2"));
    let workload = entries[0].workload.as_ref().expect("given");
    assert!(workload.is_match("eval") && !workload.is_match("evaluate"));
    assert_eq!(
        tenants::describe(&rules),
        "explicit:research > pod-label:owner > queue-label:kueue.x-k8s.io/local-queue-name,\
         kueue.x-k8s.io/queue-name,kai.scheduler/queue,runai/queue,\
         scheduling.volcano.sh/queue-name > namespace"
    );
}

#[test]
fn settings_of_one_layer_that_exclude_each_other_are_an_error() {
    for (flags, config) in [
        (&[("snapshot", "a"), ("prometheus", "http://x")][..], ""),
        (&[("snapshot", "a"), ("objects", "b")], ""),
        (&[("start", "2026-01-01"), ("window", "7d")], ""),
        (&[("no-kubernetes", "true"), ("objects", "b")], ""),
        (&[("quiet", "true"), ("verbose", "true")], ""),
        (&[], "report: {snapshot: a}\nkubernetes: {context: b}"),
    ] {
        let error = refused(flags, config);
        assert!(error.contains("exclude each other"), "{error}");
    }
    for (flags, part) in [
        (&[("end", "2026-01-01")][..], "needs `--start`"),
        (&[("prometheus-basic-user", "a")], "needs `--prometheus-basic-password-file`"),
        (&[("prometheus-client-key", "a")], "needs `--prometheus-client-cert`"),
        (
            &[
                ("prometheus-basic-user", "a"),
                ("prometheus-basic-password-file", "b"),
                ("prometheus-bearer-token-file", "c"),
            ],
            "exclude each other",
        ),
        (&[("prometheus-tenant", "a"), ("prometheus-header", "x-scope-orgid: b")], "twice"),
    ] {
        let error = refused(flags, "");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn of_two_that_exclude_each_other_the_higher_layer_wins() {
    let config = "prometheus: {url: http://x}\nreport: {window: 3d, snapshot: ''}";
    let settings = resolve(&[("snapshot", "dir")], [], config).expect("valid");
    assert!(matches!(settings.source, SourceChoice::Snapshot(_)));
    let config = "report: {snapshot: dir}";
    let settings = resolve(&[("prometheus", "http://x")], [], config).expect("valid");
    assert!(live(&settings).prometheus.is_some());
    let config = "report: {start: '2026-01-01', end: '2026-01-02'}";
    let settings = resolve(&[("window", "3d")], [], config).expect("valid");
    assert!(matches!(settings.window, WindowRequest::Trailing(_)));
    assert!(settings.window_is_given);
    let environment = [("GPU_FINOPS_START", "2026-01-01")];
    let settings = resolve(&[], environment, "report: {window: 3d}").expect("valid");
    assert!(matches!(settings.window, WindowRequest::Between(..)));
}

#[test]
fn without_a_cluster_a_metric_server_must_be_named() {
    for flags in [&[("no-kubernetes", "true")][..], &[("objects", "dump")]] {
        let settings = resolve(flags, [], "").expect("valid in itself");
        let error = live(&settings).check().expect_err("no server");
        assert_eq!(error.exit_code(), exit_code::USAGE);
        let mut flags = flags.to_vec();
        flags.push(("prometheus", "http://x"));
        assert!(live(&resolve(&flags, [], "").expect("valid")).check().is_ok());
    }
}

#[test]
fn a_replay_takes_the_recorded_window_or_a_part_of_it() {
    let day = crate::units::MS_PER_DAY;
    let recorded = Window::new(100 * day, 107 * day).expect("not reversed");
    let within = |flags: &[(&'static str, &str)]| {
        resolve(flags, [], "").expect("valid").window_within(recorded, 107 * day)
    };
    assert_eq!(within(&[]).expect("recorded").window, recorded);
    // A config file's window is for live sources as well; it is obeyed when somebody set it.
    let part = within(&[("window", "2d")]).expect("a part").window;
    assert_eq!((part.start(), part.end()), (105 * day, 107 * day));
    let error = within(&[("window", "8d")]).expect_err("too long").to_string();
    assert!(error.contains("is not within that of the snapshot, 1970-04-11T00:00:00Z"), "{error}");
}

#[test]
fn secrets_are_never_shown() {
    let flags = [("prometheus-header", "Authorization: Bearer s3cret")];
    let environment = Environment::from_pairs([("GPU_FINOPS_PROMETHEUS_HEADER", "A: s3cret")]);
    let config = "prometheus: {headers: {B: s3cret}}";
    let layers = try_layers(&flags, environment, config).expect("valid");
    let settings = Settings::resolve(&layers).expect("valid");
    let rows = show::all(&layers, &settings.policy).expect("shown");
    let text: String = rows.iter().map(|r| format!("{}={}\n", r.key, r.value)).collect();
    assert!(text.contains("prometheus.headers=Authorization: <redacted>\n"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!format!("{layers:?} {settings:?}").contains("s3cret"));
    for flags in [
        &[("prometheus-header", "s3cret")][..],
        &[("prometheus-header", "bad name: s3cret")],
        &[("prometheus-header", "X: s3cret\u{7}")],
        &[("prometheus", "https://user:s3cret@prom")],
        &[("prometheus", "ftp://user:s3cret@prom")],
        &[("prometheus", "https://user:s3cret@prom/?token=s3cret")],
        &[("prometheus", "user:s3cret@prom")],
        &[("prometheus", "https://user:s3cret@")],
    ] {
        let error = refused(flags, "");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_misspelt_variable_is_noticed_and_others_are_left_alone() {
    let environment = [("GPU_FINOPS_IDLE_BELLOW", "1"), ("GPU_FINOPS_TEST_DATA", "/x")];
    let settings = resolve(&[], environment, "").expect("valid");
    let expected = ("GPU_FINOPS_IDLE_BELLOW".to_owned(), "GPU_FINOPS_IDLE_BELOW".to_owned());
    assert_eq!(settings.near_misses, [expected]);
}

#[test]
fn origins_rank_as_documented() {
    let file = Origin::Config { path: "c".into(), key: "k".into() };
    let ranks = [Origin::Default, file, Origin::Environment("E".into()), Origin::Flag];
    assert!(ranks.windows(2).all(|pair| pair[0].rank() < pair[1].rank()));
}
