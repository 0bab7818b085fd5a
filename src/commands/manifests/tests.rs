use std::path::Path;

use super::*;
use crate::settings::config::Config;

fn args(more: &[&str]) -> Args {
    use clap::Parser;
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    Line::parse_from(["manifests", "--image", "registry.example/gpu-finops:1.0"].iter().chain(more))
        .args
}

fn printed(more: &[&str]) -> Vec<Value> {
    objects(&options(&args(more)).expect("good flags")).expect("printable")
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    objects.iter().filter_map(|object| object["kind"].as_str()).collect()
}

#[test]
fn nobody_may_write_unless_it_is_asked_for() {
    let planned = printed(&[]);
    assert_eq!(
        kinds(&planned),
        [
            "Namespace",
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "ClusterRole",
            "Role",
            "ConfigMap",
            "NetworkPolicy",
            "CronJob",
        ]
    );
    // The write role is there to be looked at, and bound to nobody.
    let bound: Vec<&Value> = planned.iter().filter(|o| o["roleRef"].is_object()).collect();
    assert!(bound.iter().all(|o| o["roleRef"]["name"] == "gpu-finops-read"));
    let read_only = printed(&["--read-only"]);
    assert!(find(&read_only, "ClusterRole", "gpu-finops-write").is_none());
    let verbs = |object: &Value| object["rules"].to_string();
    for verb in ["create", "patch", "update", "delete"] {
        assert!(read_only.iter().all(|o| !verbs(o).contains(verb)), "{verb}");
    }
    let written = printed(&["--write"]);
    for (kind, name) in [
        ("ClusterRoleBinding", "gpu-finops-write"),
        ("RoleBinding", "gpu-finops-lease"),
        ("PersistentVolumeClaim", "gpu-finops-journals"),
    ] {
        assert!(find(&written, kind, name).is_some(), "{kind} {name}");
    }
}

fn pod_of(objects: &[Value]) -> &Value {
    let job = find(objects, "CronJob", "gpu-finops").expect("there");
    &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
}

#[test]
fn the_pod_may_do_as_little_as_a_pod_can() {
    for more in [&[][..], &["--write"], &["--read-only"]] {
        let all = printed(more);
        let job = &find(&all, "CronJob", "gpu-finops").expect("there")["spec"];
        assert_eq!(job["concurrencyPolicy"], "Forbid");
        assert_eq!(job["jobTemplate"]["spec"]["backoffLimit"], 0);
        let pod = pod_of(&all);
        let of_pod = &pod["securityContext"];
        assert_eq!(
            (&of_pod["runAsNonRoot"], &of_pod["seccompProfile"]["type"]),
            (&json!(true), &json!("RuntimeDefault"))
        );
        let container = &pod["containers"][0];
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            })
        );
        for bound in ["requests", "limits"] {
            let of = &container["resources"][bound];
            assert!(of["cpu"].is_string() && of["memory"].is_string(), "{bound}: {of}");
        }
        // What is mounted is there, and only what is written to can be.
        let volumes: Vec<&Value> =
            pod["volumes"].as_array().expect("a list").iter().map(|v| &v["name"]).collect();
        for mount in container["volumeMounts"].as_array().expect("a list") {
            assert!(volumes.contains(&&mount["name"]), "{mount}");
            assert_eq!(mount["readOnly"], mount["name"] == "config", "{mount}");
        }
        let work = container["workingDir"].as_str().expect("a path");
        assert_eq!(work == "/var/lib/gpu-finops", more == ["--write"]);
    }
    let of = |more: &[&str]| pod_of(&printed(more))["containers"][0]["args"].clone();
    assert_eq!(of(&[]), json!(["plan"]));
    assert_eq!(of(&["--read-only"]), json!(["recommend", "--output=json"]));
    assert_eq!(of(&["--write"]), json!(["cleanup", "--yes", "--output=json"]));
}

#[test]
fn the_config_is_one_that_the_program_reads() {
    let url = "http://prometheus.monitoring:9091/p";
    for more in [&[][..], &["--prometheus", url]] {
        let all = printed(more);
        let map = find(&all, "ConfigMap", "gpu-finops").expect("there");
        let text = map["data"]["config.yaml"].as_str().expect("a file");
        let config = Config::parse(Path::new("config.yaml"), text).expect("reads");
        let read = config.text("prometheus.url");
        assert_eq!(read.is_some(), !more.is_empty(), "{text}");
        assert!(read.is_none_or(|read| read[0].starts_with("http://prometheus.monitoring:9091/p")));
        // With its URL, nothing has to be found through the API server, but its port is open.
        let rules =
            find(&all, "ClusterRole", "gpu-finops-read").expect("there")["rules"].to_string();
        assert_eq!(rules.contains("services/proxy"), more.is_empty());
        let policy = &find(&all, "NetworkPolicy", "gpu-finops").expect("there")["spec"];
        assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
        assert_eq!(policy["egress"].to_string().contains("9091"), !more.is_empty());
        assert!(policy["ingress"].as_array().is_none_or(Vec::is_empty));
    }
}

#[test]
fn bad_flags_are_named() {
    for (more, said) in [
        (["--namespace", "Finops"], "`--namespace`: `Finops`"),
        (["--namespace", ""], "`--namespace`"),
        (["--schedule", "every day"], "`--schedule`: \"every day\""),
        (["--schedule", "1 2 3 4 $(x)"], "`--schedule`"),
        (["--image", "a b"], "`--image`: \"a b\""),
        (["--prometheus", "prom"], "`--prometheus`"),
    ] {
        let line = match more[0] {
            "--image" => Args { image: more[1].to_owned(), ..args(&[]) },
            _ => args(&more),
        };
        let error = options(&line).err().expect("refused").to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(is_schedule("*/15 0-6 1,15 * MON-FRI") && is_schedule("@daily"));
}
