//! Real manifests: each is read, and what it asks for is what a person reads in it.

use std::path::Path;

use super::{diff, folder, json};
use crate::common::test_data;

/// GPUs that each file asks for, by reading it: pods times devices, with no model known. Parts of cards whose size
/// hangs on the model count as whole cards; a slice of seven counts as a seventh.
const ASKED: &[(&str, f64)] = &[
    // One replica with one GPU; eight with one each.
    ("aibrix/autoscaling__deploy.yaml", 1.0),
    ("aibrix/benchmarks__scenarios__gateway__7b.yaml", 8.0),
    // One Ray cluster: a head and a worker with eight each.
    ("aibrix/deepseek-r1__deepseek-r1-huggingface.yaml", 16.0),
    ("aibrix/development__tutorials__distributed__raycluster.yaml", 2.0),
    // Four pods with a claim each, two with 4 GiB of a card each.
    ("dra-driver-nvidia-gpu/consumable-shares__integer-sharing.yaml", 4.0),
    ("dra-driver-nvidia-gpu/consumable-shares__memory-sharing.yaml", 2.0),
    ("dra-driver-nvidia-gpu/extended-resources__gpu-full.yaml", 1.0),
    // A DeviceClass stands behind the resource: 1g of a card.
    ("dra-driver-nvidia-gpu/extended-resources__mig-1g-12gb.yaml", 1.0 / 7.0),
    ("dra-driver-nvidia-gpu/quickstart__gpu-test7.yaml", 2.0),
    ("dra-driver-nvidia-gpu/quickstart__gpu-test8.yaml", 2.0),
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test-mps.yaml", 1.0),
    // Two pods with one each; two containers that share one; two pods that share one claim.
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test1.yaml", 2.0),
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test2.yaml", 1.0),
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test3.yaml", 1.0),
    // Four pods, each with 1 + 1 + 2 + 3 slices of one card.
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test4.yaml", 4.0),
    ("dra-driver-nvidia-gpu/quickstart__v1beta1__gpu-test4.yaml", 4.0),
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test5.yaml", 2.0),
    ("dra-driver-nvidia-gpu/quickstart__v1__gpu-test6.yaml", 4.0),
    // Four Deployments of two pods; channels of IMEX are no GPUs.
    ("dra-driver-nvidia-gpu/quickstart__v1__imex-test1.yaml", 8.0),
    // Admin access holds nothing; CPUs are no GPUs.
    ("dra-example-driver/admin-access__admin-access.yaml", 0.0),
    ("dra-example-driver/native-resource-request__native-resource-request.yaml", 0.0),
    ("dra-example-driver/basic-multiple-requests__basic-multiple-requests.yaml", 2.0),
    ("dra-example-driver/basic-shared-claim-across-pods__basic-shared-claim-across-pods.yaml", 1.0),
    ("dra-example-driver/cel-selector__cel-selector.yaml", 1.0),
    ("dra-example-driver/gpu-allow-multiple-allocations__gpu-allow-multiple-allocations.yaml", 2.0),
    ("dra-example-driver/initcontainer-shared-gpu__initcontainer-shared-gpu.yaml", 1.0),
    ("dra-example-driver/partitionable-devices__partitionable-devices.yaml", 2.0),
    // Two groups of two pods; each group shares one claim.
    ("dra-example-driver/podgroup-resourceclaimtemplate__podgroup-resourceclaimtemplate.yaml", 2.0),
    // Two pods with one of several alternatives each.
    ("dra-example-driver/prioritized-alternatives__prioritized-alternatives.yaml", 2.0),
    ("gke-samples/gke-online-serving-single-gpu__src__gke-config__deployment-triton.yaml", 1.0),
    ("gke-samples/gke-ray__rayserve__llama2-70b.yaml", 2.0),
    ("gke-samples/llm-finetuning-gemma__finetune.yaml", 8.0),
    // A leader and one worker of a group of two, eight each.
    ("gke-samples/llm-multihost-gpus__vllm-llama3-405b-A3.yaml", 16.0),
    ("gke-samples/llm-multiple-gpus__llama3-70b__text-generation-inference.yaml", 2.0),
    // Operators and exporters look at GPUs and hold none.
    ("gpu-operator/config__samples__nvidia_v1alpha1_gpucluster.yaml", 0.0),
    (
        "gpu-operator/internal__state__testdata__golden__gpucluster-dcgm-exporter-pod-metadata.yaml",
        0.0,
    ),
    ("kai-scheduler/batch__batch-job.yaml", 2.0),
    ("kai-scheduler/batch__pytorch-job.yaml", 3.0),
    ("kai-scheduler/dra__gpu-imex-pod.yaml", 1.0),
    ("kai-scheduler/gpu-sharing__gpu-memory.yaml", 1.0),
    ("kai-scheduler/gpu-sharing__gpu-sharing.yaml", 0.5),
    ("kai-scheduler/gpu-sharing__gpu-sharing-non-default-container.yaml", 0.5),
    ("kai-scheduler/quickstart__pods__gpu-pod.yaml", 1.0),
    // A head and two workers.
    ("kai-scheduler/ray__ray-job.yaml", 3.0),
    ("kserve/accelerators__tensorflow-gpu.yaml", 1.0),
    ("kserve/autoscaling__autoscale_gpu.yaml", 1.0),
    // 16 data-parallel ranks, 8 on a node: two nodes of eight.
    (
        "kserve/llmisvc__dp-ep__deepseek-r1-gpu-rdma-roce__llm-inference-service-dp-ep-deepseek-r1-gpu-naive.yaml",
        16.0,
    ),
    // One for decoding, two for prefill.
    ("kserve/llmisvc__single-node-gpu__llm-inference-service-pd-qwen2-7b-gpu.yaml", 3.0),
    ("kserve/llmisvc__single-node-gpu__llm-inference-service-qwen2-7b-gpu.yaml", 3.0),
    ("kserve/storage__hf__hf_isvc.yaml", 1.0),
    ("kserve/v1beta1__torchserve__v1__gpu.yaml", 1.0),
    // Two nodes with one each; a runtime runs nothing by itself.
    ("kubeflow-trainer/flux__lammps-train-gpus.yaml", 2.0),
    ("kubeflow-trainer/hack__gpu-time-slicing.yml", 0.0),
    ("kubeflow-trainer/manifests__base__runtimes__torchtune__qwen2_5__qwen2_5_1.5B.yaml", 0.0),
    ("kuberay/ray-cluster.verl.yaml", 4.0),
    ("kuberay/ray-job.batch-inference.yaml", 4.0),
    ("kuberay/ray-service.deepseek.yaml", 16.0),
    ("kuberay/ray-service.llm-serve.yaml", 4.0),
    ("kuberay/ray-service.stable-diffusion.yaml", 1.0),
    ("kueue/dra__sample-dra-capacity-job.yaml", 1.0),
    ("kueue/dra__sample-dra-counter-job.yaml", 1.0),
    ("kueue/dra__sample-dra-rct-job.yaml", 1.0),
    ("kueue/provisioning__sample-job.yaml", 3.0),
    // Two virtual GPUs; how large is not known without the model.
    ("kueue/serving-workloads__sample-hami.yaml", 2.0),
    // Two groups of a leader without and two workers with a GPU.
    ("kueue/serving-workloads__sample-leaderworkerset-tas.yaml", 4.0),
    ("kueue/tas__sample-gpu-queues.yaml", 0.0),
    ("nvidia-device-plugin/deployments__static__nvidia-device-plugin.yml", 0.0),
    ("nvidia-device-plugin/testdata__job-1.yaml", 1.0),
    ("vllm-production-stack/disaggregated_prefill_orchestrated__decode-deploy.yaml", 0.0),
    ("vllm-production-stack/disaggregated_prefill_orchestrated__prefill-deploy.yaml", 0.0),
    (
        "vllm-production-stack/operator__config__samples__production-stack_v1alpha1_vllmruntime.yaml",
        2.0,
    ),
    (
        "vllm-production-stack/src__gateway_inference_extension__configs__vllm__gpu-deployment.yaml",
        2.0,
    ),
];

/// Claims of versions that are not understood, or that are in other files: what they ask for is said to be unknown.
const UNKNOWN: &[&str] = &[
    "dra-driver-nvidia-gpu/mig-mps__sharing-demo-claims.yaml",
    "dra-driver-nvidia-gpu/mig-mps__sharing-demo-job.yaml",
    "dra-driver-nvidia-gpu/selectors__claims.yaml",
    "dra-driver-nvidia-gpu/selectors__pods.yaml",
];

/// What is no valid YAML where it comes from, either.
const BROKEN: &str = "infw-gw__examples__getting-started__vllm-llama3-8b-instruct.yaml";

#[test]
fn every_real_manifest_asks_for_what_a_person_reads_in_it() {
    let Some(data) = test_data().map(|data| data.join("manifests")).filter(|d| d.is_dir()) else {
        eprintln!("left out: GPU_FINOPS_TEST_DATA has no manifests");
        return;
    };
    let nothing = folder(&[]);
    for (name, gpus) in ASKED {
        let report = json(&diff(nothing.path(), &data.join(name), &["-o", "json"]));
        let found = report["totals"]["after"]["gpus"].as_f64().expect("a number");
        assert!((found - gpus).abs() < 1e-9, "{name}: {found}, and not {gpus}: {report:#}");
        let unknown = items(&report, "unknown-request");
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
    for name in UNKNOWN {
        let report = json(&diff(nothing.path(), &data.join(name), &["-o", "json"]));
        assert!(!items(&report, "unknown-request").is_empty(), "{name}: {report:#}");
        assert_eq!(report["complete"], false, "{name}");
    }
    let mut known: Vec<&str> =
        ASKED.iter().map(|(name, _)| *name).chain(UNKNOWN.iter().copied()).collect();
    known.sort_unstable();
    let files = manifests(&data);
    let new: Vec<&String> = files
        .iter()
        .filter(|file| !known.contains(&file.as_str()) && !file.ends_with(BROKEN))
        .collect();
    assert!(new.is_empty(), "nobody has read {new:?}");
}

#[test]
fn the_one_that_is_no_yaml_is_named_and_the_others_are_read() {
    let Some(data) = test_data().map(|data| data.join("manifests")).filter(|d| d.is_dir()) else {
        eprintln!("left out: GPU_FINOPS_TEST_DATA has no manifests");
        return;
    };
    let nothing = folder(&[]);
    let outcome = diff(nothing.path(), &data, &["-o", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let report = json(&outcome);
    let broken = items(&report, "unreadable-manifest");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].contains(BROKEN), "{broken:?}");
    assert!(report["head"]["workloads"].as_u64().is_some_and(|n| n > 60), "{}", report["head"]);
    let strict = diff(nothing.path(), &data, &["-o", "json", "--strict"]);
    assert_eq!(strict.code, 4, "{}", strict.err);
    // A limit that cannot be judged is not kept.
    let limited = diff(nothing.path(), &data, &["--max-increase", "100000000"]);
    assert_eq!(limited.code, 1, "{}", limited.err);
    assert!(limited.err.contains("max-increase"), "{}", limited.err);
    // By itself there is nothing in it to be read.
    let alone = diff(nothing.path(), &data.join("gke-samples").join(BROKEN), &[]);
    assert_eq!(alone.code, 1, "{}", alone.err);
    assert!(alone.err.contains(BROKEN), "{}", alone.err);
}

#[test]
fn real_selectors_decide_the_model() {
    let Some(data) = test_data().map(|data| data.join("manifests")).filter(|d| d.is_dir()) else {
        eprintln!("left out: GPU_FINOPS_TEST_DATA has no manifests");
        return;
    };
    let nothing = folder(&[]);
    for (name, model, per_hour) in [
        ("gke-samples/llm-finetuning-gemma__finetune.yaml", "NVIDIA L4", 8.0 * 0.8048),
        // Two pods of eight, around the clock.
        (
            "gke-samples/llm-multihost-gpus__vllm-llama3-405b-A3.yaml",
            "NVIDIA H100 80GB HBM3",
            16.0 * 6.88 * 730.0,
        ),
        ("kuberay/ray-job.batch-inference.yaml", "Tesla T4", 4.0 * 0.526),
        ("kserve/accelerators__tensorflow-gpu.yaml", "Tesla T4", 0.526 * 730.0),
    ] {
        let report = json(&diff(nothing.path(), &data.join(name), &["-o", "json"]));
        let after = &report["workloads"][0]["after"];
        assert_eq!(after["models"][0], model, "{name}: {after:#}");
        let cost = after["cost_per_month"].as_f64().expect("priced");
        assert!((cost - per_hour).abs() < 1e-6, "{name}: {cost}");
    }
    // HAMi: 30% of the cores of each of two H100, 1 GiB of memory.
    let hami = data.join("kueue/serving-workloads__sample-hami.yaml");
    let report = json(&diff(nothing.path(), &hami, &["-o", "json", "--default-model", "H100"]));
    let gpus = report["totals"]["after"]["gpus"].as_f64().expect("a number");
    assert!((gpus - 0.6).abs() < 1e-9, "{gpus}");
}

/// Messages of a rule.
fn items(report: &serde_json::Value, rule: &str) -> Vec<String> {
    let items = report["items"].as_array().expect("items");
    let of_rule = items.iter().filter(|item| item["rule"] == rule);
    of_rule.map(|item| item["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Names of the manifests below a folder.
fn manifests(data: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for project in std::fs::read_dir(data).expect("readable") {
        let project = project.expect("entry").path();
        for file in std::fs::read_dir(&project).into_iter().flatten() {
            let file = file.expect("entry").path();
            let name = file.strip_prefix(data).expect("below").display().to_string();
            names.push(name);
        }
    }
    names.sort();
    names
}
