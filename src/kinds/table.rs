//! The kinds.
//!
//! Shapes: Kubernetes API reference v1.36; KubeRay `ray.io/v1`; Kubeflow training operator `kubeflow.org/v1`, trainer
//! `trainer.kubeflow.org`; KServe `serving.kserve.io`; LeaderWorkerSet and JobSet of `x-k8s.io`; agent sandboxes.

use super::{Bare, Kind, Needs, Sleep, Template};

/// A template whose pods are counted at `replicas`, one where nothing is written.
const fn of(at: &'static str, replicas: &'static str, role: &'static str) -> Template {
    Template {
        at,
        inlined: false,
        replicas,
        default_replicas: 1,
        times: "",
        beside: "",
        single: &[],
        role,
    }
}

/// A pod spec that stands where a template would.
const fn inline(at: &'static str, replicas: &'static str, role: &'static str) -> Template {
    Template { inlined: true, ..of(at, replicas, role) }
}

const fn kind(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    templates: &'static [Template],
    sleep: Sleep,
) -> Kind {
    Kind { group, kind, plural, templates, sleep }
}

const POD: &[Template] = &[of("/spec/template", "/spec/replicas", "pod")];
const TRAINING: &[Template] = &[
    of("/spec/pytorchReplicaSpecs/*/template", "/spec/pytorchReplicaSpecs/*/replicas", "replica"),
    of("/spec/tfReplicaSpecs/*/template", "/spec/tfReplicaSpecs/*/replicas", "replica"),
    of("/spec/mpiReplicaSpecs/*/template", "/spec/mpiReplicaSpecs/*/replicas", "replica"),
    of("/spec/jaxReplicaSpecs/*/template", "/spec/jaxReplicaSpecs/*/replicas", "replica"),
    of("/spec/xgbReplicaSpecs/*/template", "/spec/xgbReplicaSpecs/*/replicas", "replica"),
    of("/spec/paddleReplicaSpecs/*/template", "/spec/paddleReplicaSpecs/*/replicas", "replica"),
];

/// Members of a KServe component that are its one container, by the framework.
const FRAMEWORKS: &[&str] = &[
    "model",
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
];

/// A component of an `InferenceService`: a pod spec with a model beside its containers.
const fn component(at: &'static str, replicas: &'static str, role: &'static str) -> Template {
    Template { single: FRAMEWORKS, ..inline(at, replicas, role) }
}

/// Head and workers of a Ray cluster whose spec is at a path.
macro_rules! ray {
    ($at:literal) => {
        &[
            of(concat!($at, "/headGroupSpec/template"), "", "head"),
            Template {
                times: concat!($at, "/workerGroupSpecs/*/numOfHosts"),
                ..of(
                    concat!($at, "/workerGroupSpecs/*/template"),
                    concat!($at, "/workerGroupSpecs/*/replicas"),
                    "worker",
                )
            },
        ]
    };
}

/// Replicated jobs of a job set whose spec is at a path.
macro_rules! job_set {
    ($at:literal) => {
        &[Template {
            times: concat!($at, "/replicatedJobs/*/template/spec/parallelism"),
            ..of(
                concat!($at, "/replicatedJobs/*/template/spec/template"),
                concat!($at, "/replicatedJobs/*/replicas"),
                "pod",
            )
        }]
    };
}

const REPLICAS: Sleep = Sleep::Replicas("/spec/replicas");
const SUSPEND: Sleep = Sleep::Suspend("/spec/suspend");
const RUN_POLICY: Sleep = Sleep::Suspend("/spec/runPolicy/suspend");

/// Every kind that is known to make pods.
pub const KINDS: &[Kind] = &[
    kind("", "Pod", "pods", &[of("", "", "pod")], Sleep::Never),
    kind("", "ReplicationController", "replicationcontrollers", POD, REPLICAS),
    kind("apps", "Deployment", "deployments", POD, REPLICAS),
    kind("apps", "StatefulSet", "statefulsets", POD, REPLICAS),
    kind("apps", "ReplicaSet", "replicasets", POD, REPLICAS),
    kind(
        "apps",
        "DaemonSet",
        "daemonsets",
        &[of("/spec/template", "", "pod of a node")],
        Sleep::Never,
    ),
    kind("batch", "Job", "jobs", &[of("/spec/template", "/spec/parallelism", "pod")], SUSPEND),
    kind(
        "batch",
        "CronJob",
        "cronjobs",
        &[of("/spec/jobTemplate/spec/template", "/spec/jobTemplate/spec/parallelism", "pod")],
        SUSPEND,
    ),
    kind("jobset.x-k8s.io", "JobSet", "jobsets", job_set!("/spec"), SUSPEND),
    kind(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        "leaderworkersets",
        &[
            of("/spec/leaderWorkerTemplate/leaderTemplate", "/spec/replicas", "leader"),
            // A group has `size` pods; one of them is the leader, which has the workers' template unless
            // there is one of its own.
            Template {
                times: "/spec/leaderWorkerTemplate/size",
                beside: "/spec/leaderWorkerTemplate/leaderTemplate",
                ..of("/spec/leaderWorkerTemplate/workerTemplate", "/spec/replicas", "worker")
            },
        ],
        REPLICAS,
    ),
    kind("ray.io", "RayCluster", "rayclusters", ray!("/spec"), SUSPEND),
    kind("ray.io", "RayJob", "rayjobs", ray!("/spec/rayClusterSpec"), SUSPEND),
    kind("ray.io", "RayService", "rayservices", ray!("/spec/rayClusterConfig"), Sleep::Never),
    kind("kubeflow.org", "PyTorchJob", "pytorchjobs", TRAINING, RUN_POLICY),
    kind("kubeflow.org", "TFJob", "tfjobs", TRAINING, RUN_POLICY),
    kind("kubeflow.org", "MPIJob", "mpijobs", TRAINING, RUN_POLICY),
    kind("kubeflow.org", "JAXJob", "jaxjobs", TRAINING, RUN_POLICY),
    kind("kubeflow.org", "XGBoostJob", "xgboostjobs", TRAINING, RUN_POLICY),
    kind("kubeflow.org", "PaddleJob", "paddlejobs", TRAINING, RUN_POLICY),
    kind(
        "kubeflow.org",
        "Notebook",
        "notebooks",
        POD,
        Sleep::Annotation("kubeflow-resource-stopped"),
    ),
    // Asks for GPUs at `spec.trainer.resourcesPerNode`, for the template is in the runtime that it names.
    kind("trainer.kubeflow.org", "TrainJob", "trainjobs", &[], SUSPEND),
    kind(
        "trainer.kubeflow.org",
        "ClusterTrainingRuntime",
        "clustertrainingruntimes",
        job_set!("/spec/template/spec"),
        Sleep::Never,
    ),
    kind(
        "trainer.kubeflow.org",
        "TrainingRuntime",
        "trainingruntimes",
        job_set!("/spec/template/spec"),
        Sleep::Never,
    ),
    kind(
        "serving.kserve.io",
        "InferenceService",
        "inferenceservices",
        &[
            component("/spec/predictor", "/spec/predictor/minReplicas", "predictor"),
            component("/spec/transformer", "/spec/transformer/minReplicas", "transformer"),
            component("/spec/explainer", "/spec/explainer/minReplicas", "explainer"),
        ],
        Sleep::Replicas("/spec/predictor/minReplicas"),
    ),
    kind(
        "serving.kserve.io",
        "LLMInferenceService",
        "llminferenceservices",
        &[
            inline("/spec/template", "/spec/replicas", "server"),
            inline("/spec/worker", "", "worker"),
            inline("/spec/prefill/template", "/spec/prefill/replicas", "prefill"),
            inline("/spec/prefill/worker", "", "prefill worker"),
        ],
        REPLICAS,
    ),
    // `v1alpha1` has replicas, 0 or 1; later versions a mode.
    kind(
        "agents.x-k8s.io",
        "Sandbox",
        "sandboxes",
        &[of("/spec/podTemplate", "/spec/replicas", "sandbox")],
        Sleep::State("/spec/operatingMode", "Suspended"),
    ),
    kind(
        "extensions.agents.x-k8s.io",
        "SandboxTemplate",
        "sandboxtemplates",
        &[of("/spec/podTemplate", "", "sandbox")],
        Sleep::Never,
    ),
    kind("extensions.agents.x-k8s.io", "SandboxWarmPool", "sandboxwarmpools", &[], REPLICAS),
    // Each replica of a fleet is a Ray cluster; its workers have one host each.
    kind("orchestration.aibrix.ai", "RayClusterFleet", "rayclusterfleets", FLEET, REPLICAS),
    kind(
        "orchestration.aibrix.ai",
        "RayClusterReplicaSet",
        "rayclusterreplicasets",
        FLEET,
        REPLICAS,
    ),
    kind(
        "batch.volcano.sh",
        "Job",
        "jobs",
        &[of("/spec/tasks/*/template", "/spec/tasks/*/replicas", "task")],
        Sleep::Never,
    ),
];

const FLEET: &[Template] = &[
    of("/spec/template/spec/headGroupSpec/template", "/spec/replicas", "head"),
    Template {
        times: "/spec/replicas",
        ..of(
            "/spec/template/spec/workerGroupSpecs/*/template",
            "/spec/template/spec/workerGroupSpecs/*/replicas",
            "worker",
        )
    },
];

/// Kinds that say what their pods need without a pod template.
pub const BARE: &[Bare] = &[
    Bare {
        group: "trainer.kubeflow.org",
        kind: "TrainJob",
        needs: Needs::Resources("/spec/trainer/resourcesPerNode"),
        pods: "/spec/trainer/numNodes",
    },
    Bare {
        group: "production-stack.vllm.ai",
        kind: "VLLMRuntime",
        needs: Needs::Count {
            number: "/spec/deploymentConfig/resources/gpu",
            resource: "/spec/deploymentConfig/resources/gpuType",
        },
        pods: "/spec/deploymentConfig/replicas",
    },
];
