//! The catalogue of settings against the flags, the config schema and the docs.
//!
//! `GPU_FINOPS_UPDATE=1 cargo test --test main settings_reference` writes the generated files anew.

use std::fmt::Write;
use std::path::PathBuf;

use gpu_finops::cli;
use gpu_finops::commands::config::schema;
use gpu_finops::settings::catalogue::{Kind, SETTINGS, Section, Setting};

pub(crate) fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a checked-in file with what it is generated from, or writes it.
pub(crate) fn assert_generated(path: &str, expected: &str) {
    let file = in_repository(path);
    if std::env::var_os("GPU_FINOPS_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("has a folder")).expect("made");
        std::fs::write(&file, expected).expect("written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{path} is out of date; run the tests with GPU_FINOPS_UPDATE=1");
}

#[test]
fn the_config_schema_is_checked_in() {
    assert_generated("schema/config.schema.json", &schema().expect("a schema"));
}

/// Every dotted key that the schema knows, lists and maps as one.
fn schema_keys() -> Vec<String> {
    let schema: serde_json::Value =
        serde_json::from_str(&schema().expect("a schema")).expect("JSON");
    let sections = schema["properties"].as_object().expect("sections");
    let mut keys = Vec::new();
    for (name, section) in sections {
        match section["anyOf"][0]["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                let properties = schema.pointer(pointer).expect("defined")["properties"].clone();
                let properties = properties.as_object().expect("properties").clone();
                keys.extend(properties.keys().map(|key| format!("{name}.{key}")));
            }
            None => keys.push(name.clone()),
        }
    }
    keys
}

#[test]
fn every_flag_has_a_variable_and_a_key_and_every_key_a_flag() {
    let known = schema_keys();
    for setting in SETTINGS {
        assert!(setting.env().starts_with("GPU_FINOPS_"), "{}", setting.id);
        match setting.key {
            Some(key) => assert!(known.iter().any(|k| k == key), "{key} is not in the schema"),
            // A file cannot name itself, the clock is for tests, and days are those of a run.
            None => assert!(
                ["at", "config", "day", "day-index", "now"].contains(&setting.id),
                "{} has no key",
                setting.id
            ),
        }
    }
    for key in known {
        // Tenant rules and budgets have too much structure for a flag.
        let has_flag = SETTINGS.iter().any(|s| s.key == Some(&key));
        assert!(has_flag || ["tenants", "budgets"].contains(&key.as_str()), "{key} has no flag");
    }
}

#[test]
fn ids_keys_and_short_flags_are_unique() {
    let unique = |mut names: Vec<String>| {
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    };
    unique(SETTINGS.iter().map(|s| s.id.to_owned()).collect());
    unique(SETTINGS.iter().filter_map(|s| s.key).map(str::to_owned).collect());
    unique(SETTINGS.iter().filter_map(|s| s.short).map(String::from).collect());
}

#[test]
fn report_takes_every_setting_but_those_of_other_commands() {
    let command = cli::command();
    let report = command.find_subcommand("report").expect("exists");
    for setting in SETTINGS.iter().filter(|s| {
        let others = [
            Section::Save,
            Section::Export,
            Section::Collect,
            Section::RollUp,
            Section::Claims,
            Section::Budgets,
            Section::Judging,
            Section::Recommendations,
            Section::Ci,
            Section::Cleanup,
            Section::Gate,
            Section::Increase,
        ];
        !others.contains(&s.section)
    }) {
        let arg = report.get_arguments().find(|a| a.get_id() == setting.id);
        let help = arg.and_then(|a| a.get_help()).map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("[default: ") && help.contains(&setting.env()), "{}", setting.id);
    }
}

#[test]
fn the_docs_list_every_setting() {
    assert_generated("docs/settings.md", &reference());
}

fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         Generated from `src/settings/catalogue.rs`; do not edit.\n\n\
         Flag > environment > config file > default, for each value by itself.\n\
         `gpu-finops config show` prints every value and where it comes from.\n\n\
         - A switch is set by its flag alone, and taken back by `--flag=false`.\n\
         - A repeatable setting stands one value per line in its variable, and as a list in the file.\n  \
           The whole list is one value: a higher layer replaces it. Only `--price` adds to `prices.rules`.\n\
         - An empty variable counts as not set.\n\
         - The config file is `--config`, else `GPU_FINOPS_CONFIG`, else\n  \
           `$XDG_CONFIG_HOME/gpu-finops/config.yaml`, if there is one. Its JSON Schema is\n  \
           [`schema/config.schema.json`](../schema/config.schema.json).\n\
         - `tenants` has no flag; see [tenant rules](#tenant-rules). Nor has `budgets`, which may stand in files of\n  \
           their own (`--budgets`); see [budgets](budgets.md).\n",
    );
    let mut heading = "";
    for setting in SETTINGS.iter().filter(|s| !s.hidden) {
        if heading != setting.section.heading() {
            heading = setting.section.heading();
            write!(text, "\n## {heading}\n").expect("a string");
        }
        text += &entry(setting);
    }
    text += TENANT_RULES;
    text
}

fn entry(setting: &Setting) -> String {
    let short = setting.short.map(|s| format!("`-{s}`, ")).unwrap_or_default();
    let value = match setting.kind {
        Kind::Switch => String::new(),
        Kind::One => format!(" {}", setting.value_name),
        Kind::Many => format!(" {} (repeatable)", setting.value_name),
    };
    let choices = match setting.choices {
        [] => String::new(),
        choices => format!(" One of {}.", choices.join(", ")),
    };
    format!(
        "\n### `{}`\n\n{}.{choices}\n\n{short}`{}`{value} · `{}` · key {} · default: {}\n",
        setting.id,
        setting.help.trim_end_matches('.'),
        setting.flag(),
        setting.env(),
        setting.key.map_or("none".to_owned(), |key| format!("`{key}`")),
        setting.default_text().replace('\n', ", "),
    )
}

const TENANT_RULES: &str = "
## Tenant rules

`tenants` in the config file says whose a pod is. Rules are tried in order, the first that matches wins,
and every row of a report names the rule that fired. A list in the file replaces the built-in one, which is:
`vcluster`, `queue-label`, `pod-label`, `namespace-label`, `namespace`.

```yaml
tenants:
  - type: explicit            # by namespace and, when given, workload; patterns match the whole name
    tenant: research
    namespaces: [\"ml-.*\", lab]
    workloads: [\"train-.*\"]
  - type: vcluster            # pods synced from a virtual cluster
  - type: queue-label         # Kueue, KAI, Run:ai; `labels` replaces the built-in names
  - type: pod-label
    labels: [team, owner]     # the first that the pod has names the tenant
  - type: namespace-label
    labels: [team]
  - type: namespace
```

## Prices

The first rule that applies to a GPU gives its price: `--price`, then `prices.rules`, then the built-in list.
A GPU without a price is a fact in the report, never 0.

```yaml
prices:
  currency: EUR
  usd_rate: 0.92              # converts the built-in list; without it the list is left out
  rules:
    - match: {model: A100, capacity_type: spot}   # whole words of the model, case-blind, * for anything
      per_gpu_hour: 1.10
      source: contract 4711
      date: 2026-01-31
    - match: {instance_type: dgx-h100, region: eu-central-1, node_labels: {pool: training}}
      per_node_hour: 40
      gpus: 8
      split: 95-3-2           # GPUs 95 %, CPU 3 %, memory 2 %; or gpu-only (default); or gpu_share: 0.9
```
";
