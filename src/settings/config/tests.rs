use super::*;

fn parse(text: &str) -> Result<Config> {
    Config::parse(Path::new("team.yaml"), text)
}

fn refused(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn scalars_are_found_by_dotted_key() {
    let config = parse(
        "prometheus:\n  url: http://x\n  headers: {X-A: one, X-B: two}\n  concurrency: 8\n  \
         insecure_skip_tls_verify: true\n  matchers: ['a=\"b\"']\npolicy:\n  idle_below: 5%\n",
    )
    .expect("valid");
    let text = |key: &str| config.text(key).unwrap_or_default().join("|");
    assert_eq!(text("prometheus.url"), "http://x");
    assert_eq!(text("prometheus.headers"), "X-A: one|X-B: two");
    assert_eq!(text("prometheus.concurrency"), "8");
    assert_eq!(text("prometheus.insecure_skip_tls_verify"), "true");
    assert_eq!(text("prometheus.matchers"), "a=\"b\"");
    assert_eq!(text("policy.idle_below"), "5%");
    assert_eq!(config.text("policy.max_gap"), None);
    assert_eq!(config.text("report.window"), None);
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# only a comment\n", "{}", "report:\n", "---\n"] {
        assert_eq!(parse(text).expect("valid").text("report.window"), None, "{text:?}");
    }
}

#[test]
fn a_typo_is_named_with_line_and_the_nearest_key() {
    assert_eq!(
        refused("report:\n  window: 7d\n  timezon: UTC\n"),
        "config file team.yaml: line 3: unknown key `timezon`; did you mean `timezone`?"
    );
    assert_eq!(
        refused("promtheus: {}\n"),
        "config file team.yaml: line 1: unknown key `promtheus`; did you mean `prometheus`?"
    );
    assert_eq!(
        refused("prices:\n  rules:\n  - match: {instance-type: x}\n    per_gpu_hour: 1\n"),
        "config file team.yaml: line 3: unknown key `instance-type`; did you mean `instance_type`?"
    );
    assert_eq!(
        refused("tenants:\n- type: queue_label\n"),
        "config file team.yaml: line 2: unknown value `queue_label`; did you mean `queue-label`?"
    );
    let error = refused("policy:\n  zzz: 1\n");
    assert!(error.contains("unknown key `zzz`; known here: idle_below, max_gap"), "{error}");
}

#[test]
fn wrong_types_name_the_line_and_show_no_other_line() {
    for (text, line) in [
        ("prometheus:\n  headers:\n    Authorization: [s3cret]\n", "line 3"),
        ("policy:\n  strict: perhaps\n", "line 2"),
        ("prices:\n  rules:\n  - per_gpu_hour: much\n", "line 3"),
        ("report: [1, 2]\n", "line 1"),
        ("report: {window: 7d", "line 1"),
        ("report: {window: 7d}\nreport: {window: 8d}\n", "line 2"),
        ("a: *nowhere\n", "line 1"),
        ("prometheus:\n\turl: x\n", "line 2"),
    ] {
        let error = refused(text);
        assert!(error.starts_with("config file team.yaml: "), "{error}");
        assert!(error.contains(line), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_billion_laughs_is_refused() {
    let level = |i: usize| {
        let below = if i == 0 { "x".to_owned() } else { format!("*a{}", i - 1) };
        format!("a{i}: &a{i} [{}]\n", [below.as_str(); 10].join(", "))
    };
    assert!(parse(&(0..12).map(level).collect::<String>()).is_err());
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).expect("writable");
    let large = folder.path().join("large.yaml");
    std::fs::write(&large, "#".repeat(1 + (1 << 20))).expect("writable");
    let missing = folder.path().join("missing.yaml");
    for (path, part) in [
        (folder.path(), "cannot be read"),
        (&binary, "cannot be read"),
        (&large, "larger than 1 MiB"),
        (&missing, "cannot be read"),
    ] {
        let error =
            Config::find(Some(path), &Environment::default()).expect_err("refused").to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains(part), "{error}");
    }
}

#[test]
fn the_default_file_is_read_only_if_it_is_there() {
    let home = tempfile::tempdir().expect("temporary folder");
    let home_text = home.path().to_str().expect("UTF-8");
    let environment = Environment::from_pairs([("HOME", home_text)]);
    assert_eq!(Config::find(None, &environment).expect("none").path(), None);
    let folder = home.path().join(".config/gpu-finops");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("config.yaml"), "report: {window: 3d}").expect("writable");
    let config = Config::find(None, &environment).expect("read");
    assert_eq!(config.text("report.window"), Some(vec!["3d".to_owned()]));
    let elsewhere = Environment::from_pairs([("HOME", home_text), ("XDG_CONFIG_HOME", "/nowhere")]);
    assert_eq!(Config::find(None, &elsewhere).expect("none").path(), None);
}
