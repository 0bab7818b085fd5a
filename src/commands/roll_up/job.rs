//! A Kubernetes Job that rolls up each cluster and day in a pod of its own.
//!
//! Built from the API's own types, so that what is printed is what the API server reads.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, PersistentVolumeClaimVolumeSource, PodSpec,
    PodTemplateSpec, ResourceRequirements, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::commands::hardened;
use crate::error::{Error, Result};
use crate::model::Window;
use crate::model::window::utc_day;
use crate::settings::clusters::{ClusterPlace, ClusterSpec};
use crate::settings::rollup::{JobOptions, RollUpSettings};
use crate::settings::source::{ObjectsFrom, SourceChoice};

/// Pods at once: each asks the same metric server.
const PARALLELISM: i32 = 4;
/// Attempts for each day.
const RETRIES: i32 = 3;

/// The manifest, as YAML.
///
/// # Errors
///
/// A source that a pod cannot have: files of this machine.
pub(super) fn manifest(
    all: &RollUpSettings,
    options: &JobOptions,
    days: &[Window],
) -> Result<String> {
    let store =
        all.store.to_str().filter(|path| path.starts_with('/')).ok_or_else(|| {
            Error::usage("`--store` of a Job is a path in its pods, such as /store")
        })?;
    let args = arguments(all, store, days)?;
    let parts = i32::try_from(days.len() * all.settings.clusters.len())
        .map_err(|_| Error::usage("too many parts for one Job"))?;
    let job = job(options, store, args, parts);
    serde_saphyr::to_string(&job).map_err(|e| Error::failed("cannot print the Job").caused_by(e))
}

/// What each pod runs; which part is its own, Kubernetes fills in.
fn arguments(all: &RollUpSettings, store: &str, days: &[Window]) -> Result<Vec<String>> {
    let SourceChoice::Live(live) = &all.settings.source else {
        return Err(Error::usage("a Job reads live clusters: give no `--snapshot` or `--scrapes`"));
    };
    if matches!(live.objects, ObjectsFrom::Files(_)) {
        return Err(Error::usage("a Job reads live clusters: give no `--objects`"));
    }
    let mut args = vec!["roll-up".to_owned(), format!("--store={store}")];
    args.extend(all.settings.clusters.iter().map(|c| format!("--cluster={}", spelled(c))));
    args.extend(live.prometheus.iter().map(|url| format!("--prometheus={url}")));
    if live.objects == ObjectsFrom::Nowhere {
        args.push("--no-kubernetes".to_owned());
    }
    args.extend(days.iter().map(|day| format!("--day={}", utc_day(day.start()))));
    args.push("--day-index=$(JOB_COMPLETION_INDEX)".to_owned());
    // Everything else comes from a config file or variables of the pod.
    Ok(args)
}

fn spelled(cluster: &ClusterSpec) -> String {
    let place = match &cluster.place {
        None => return cluster.name.clone(),
        Some(ClusterPlace { context, prometheus }) => {
            let url = prometheus.as_ref().map(ToString::to_string);
            [context.clone(), url].into_iter().flatten().collect::<Vec<_>>().join(",")
        }
    };
    format!("{}={place}", cluster.name)
}

fn job(options: &JobOptions, store: &str, args: Vec<String>, parts: i32) -> Job {
    let labels = Some([("app.kubernetes.io/name".to_owned(), "gpu-finops".to_owned())].into());
    Job {
        metadata: ObjectMeta {
            generate_name: Some("gpu-finops-roll-up-".to_owned()),
            labels: labels.clone(),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            completion_mode: Some("Indexed".to_owned()),
            completions: Some(parts),
            parallelism: Some(PARALLELISM.min(parts)),
            backoff_limit_per_index: Some(RETRIES),
            ttl_seconds_after_finished: Some(86_400),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels, ..ObjectMeta::default() }),
                spec: Some(pod(options, store, args)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn pod(options: &JobOptions, store: &str, args: Vec<String>) -> PodSpec {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let quantity = |pairs: &[(&str, &str)]| {
        let pair = |(name, size): &(&str, &str)| ((*name).to_owned(), Quantity((*size).to_owned()));
        Some(pairs.iter().map(pair).collect())
    };
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(options.account.clone()),
        security_context: Some(hardened::pod()),
        containers: vec![Container {
            name: "roll-up".to_owned(),
            image: Some(options.image.clone()),
            args: Some(args),
            env: Some(vec![EnvVar {
                name: "TMPDIR".to_owned(),
                value: Some("/tmp".to_owned()),
                ..EnvVar::default()
            }]),
            resources: Some(ResourceRequirements {
                requests: quantity(&[("cpu", "1"), ("memory", "512Mi")]),
                limits: quantity(&[("memory", "2Gi")]),
                ..ResourceRequirements::default()
            }),
            security_context: Some(hardened::container()),
            volume_mounts: Some(vec![mount("store", store), mount("tmp", "/tmp")]),
            ..Container::default()
        }],
        volumes: Some(vec![
            Volume {
                name: "store".to_owned(),
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: options.volume.clone(),
                    ..PersistentVolumeClaimVolumeSource::default()
                }),
                ..Volume::default()
            },
            Volume {
                name: "tmp".to_owned(),
                empty_dir: Some(EmptyDirVolumeSource::default()),
                ..Volume::default()
            },
        ]),
        ..PodSpec::default()
    }
}
