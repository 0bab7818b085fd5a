//! The whole way against a cluster, in a namespace of its own: objects are made, planned for, changed and taken back.
//!
//! Against a real one: `KUBECONFIG=… cargo test --test main apply::real -- --ignored`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use gpu_finops::source::kubernetes::write::{Mode, ObjectRef, Places, Preconditions};
use gpu_finops::source::kubernetes::{Cluster, ClusterOptions, connect};
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::objects::{Held, claim, namespace};
use crate::common::{Outcome, gpu_finops};

async fn create(cluster: &Cluster, object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let at = ObjectRef {
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
    };
    let collection = Places::default().collection(cluster, at).await.expect("it is served");
    cluster.create_object(&collection, object, Mode::Real).await.expect("created")
}

fn command(kubeconfig: &Path, folder: &Path, args: &[&str]) -> Outcome {
    let mut command: Command = gpu_finops();
    command.args(args).arg("--kubeconfig").arg(kubeconfig).current_dir(folder);
    command.env(super::NO_METRICS, "true");
    // Credential plugins of a real kubeconfig look for their own files.
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    Outcome::of(&mut command)
}

/// Makes two stale claims in a new namespace, deletes them by a plan, and has them back.
async fn whole_way(kubeconfig: &Path) {
    let options = ClusterOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None };
    let cluster = connect(&options).await.expect("a kubeconfig that can be used");
    let name = format!("gpu-finops-test-{}", std::process::id());
    let made = create(&cluster, &namespace(&name, &json!({}))).await;
    for claim_name in ["first", "second"] {
        let mut object = claim(&name, claim_name, Held::Nothing);
        object.as_object_mut().expect("an object").remove("status");
        create(&cluster, &object).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| command(kubeconfig, folder.path(), args);
    let path =
        |claim: &str| format!("/apis/resource.k8s.io/v1/namespaces/{name}/resourceclaims/{claim}");
    let scope = ["-n", &name, "--min-age", "1s", "--max-percent", "100%"];
    let tried = std::panic::AssertUnwindSafe(async {
        let planned = run(&[&["plan", "-o", "plan.json"], &scope[..]].concat());
        assert_eq!(planned.code, 0, "{}", planned.err);
        let min_age = ["--min-age", "1s", "--max-percent", "100%"];
        let dry = run(&[&["apply", "plan.json"], &min_age[..]].concat());
        dry.failed_with(5, &["this was a dry run"]);
        assert!(cluster.read_object(&path("first")).await.expect("read").is_some());
        let apply = ["apply", "plan.json", "--yes", "--lease-namespace", &name];
        let done = run(&[&apply[..], &min_age[..]].concat());
        assert_eq!(done.code, 0, "{}{}", done.err, done.text());
        for claim in ["first", "second"] {
            assert!(cluster.read_object(&path(claim)).await.expect("read").is_none(), "{claim}");
        }
        let back = ["rollback", "plan.json.journal", "--yes", "--lease-namespace", &name];
        let back = run(&back);
        assert_eq!(back.code, 0, "{}{}", back.err, back.text());
        for claim in ["first", "second"] {
            let again = cluster.read_object(&path(claim)).await.expect("read");
            assert_eq!(again.expect("it is back")["metadata"]["labels"], json!({"team": name}));
        }
    });
    let outcome = futures::FutureExt::catch_unwind(tried).await;
    // Whatever came of it, the namespace goes.
    let uid = made["metadata"]["uid"].as_str().expect("a UID").to_owned();
    let only = Preconditions { uid, resource_version: None };
    let gone =
        cluster.delete_object(&format!("/api/v1/namespaces/{name}"), &only, Mode::Real).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    gone.expect("the namespace is deleted");
}

fn on_a_runtime(kubeconfig: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(whole_way(kubeconfig));
}

#[test]
fn the_whole_way_on_the_server_of_the_tests() {
    let server = ApiServer::with([]);
    // Its objects are made when the tests' clock stands; the program goes by the real one.
    on_a_runtime(&server.kubeconfig());
    assert_eq!(server.robbed(), [""; 0]);
}

#[test]
#[ignore = "needs a cluster: KUBECONFIG"]
fn the_whole_way_on_a_real_cluster() {
    let kubeconfig = std::env::var_os("KUBECONFIG").expect("KUBECONFIG names a cluster");
    on_a_runtime(&PathBuf::from(kubeconfig));
}
