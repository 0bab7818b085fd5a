//! The CronJob.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar,
    PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, ResourceRequirements, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::around::{CONFIG, JOURNALS, NAME, labels, named};
use super::{Options, Reach};
use crate::commands::hardened;

/// Longest time for a run, seconds.
const DEADLINE: i64 = 3_600;
/// A run that could not begin for so long is left out, seconds.
const LATE: i64 = 600;
const CONFIG_DIR: &str = "/etc/gpu-finops";
const JOURNAL_DIR: &str = "/var/lib/gpu-finops";
const TMP: &str = "/tmp";

/// The CronJob: never two at once, and no second try of a run that failed.
pub(super) fn cron_job(options: &Options) -> CronJob {
    let metadata = Some(ObjectMeta { labels: Some(labels()), ..ObjectMeta::default() });
    let job = JobSpec {
        // What was done in part is for somebody to look at: the next run begins with a new plan.
        backoff_limit: Some(0),
        active_deadline_seconds: Some(DEADLINE),
        ttl_seconds_after_finished: Some(7 * 86_400),
        template: PodTemplateSpec { metadata: metadata.clone(), spec: Some(pod(options)) },
        ..JobSpec::default()
    };
    CronJob {
        metadata: named(NAME, options),
        spec: CronJobSpec {
            schedule: options.schedule.clone(),
            time_zone: Some("Etc/UTC".to_owned()),
            concurrency_policy: Some("Forbid".to_owned()),
            starting_deadline_seconds: Some(LATE),
            job_template: JobTemplateSpec { metadata, spec: Some(job) },
            ..CronJobSpec::default()
        },
        ..CronJob::default()
    }
}

/// What is run. A journal is a new file in the working directory, named after the time.
pub(super) fn arguments(reach: Reach) -> Vec<String> {
    let args: &[&str] = match reach {
        Reach::ReadOnly => &["recommend", "--output=json"],
        Reach::Plan => &["plan"],
        Reach::Write => &["cleanup", "--yes", "--output=json"],
    };
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn pod(options: &Options) -> PodSpec {
    let mut volumes = vec![
        Volume {
            name: "config".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: NAME.to_owned(),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: "tmp".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: Some(Quantity("2Gi".to_owned())),
                ..EmptyDirVolumeSource::default()
            }),
            ..Volume::default()
        },
    ];
    if options.reach == Reach::Write {
        volumes.push(Volume {
            name: "journals".to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: JOURNALS.to_owned(),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(NAME.to_owned()),
        enable_service_links: Some(false),
        security_context: Some(hardened::pod()),
        containers: vec![container(options)],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn container(options: &Options) -> Container {
    let is_writing = options.reach == Reach::Write;
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    let mut mounts = vec![mount("config", CONFIG_DIR, true), mount("tmp", TMP, false)];
    if is_writing {
        mounts.push(mount("journals", JOURNAL_DIR, false));
    }
    let variable = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        ..EnvVar::default()
    };
    let mut env = vec![
        variable("GPU_FINOPS_CONFIG", format!("{CONFIG_DIR}/{CONFIG}")),
        variable("TMPDIR", TMP.to_owned()),
    ];
    if is_writing {
        env.push(variable("GPU_FINOPS_LEASE_NAMESPACE", options.namespace.clone()));
    }
    let quantities = |pairs: [(&str, &str); 2]| {
        Some(pairs.map(|(name, size)| (name.to_owned(), Quantity(size.to_owned()))).into())
    };
    Container {
        name: NAME.to_owned(),
        image: Some(options.image.clone()),
        args: Some(arguments(options.reach)),
        working_dir: Some(if is_writing { JOURNAL_DIR } else { TMP }.to_owned()),
        env: Some(env),
        resources: Some(ResourceRequirements {
            requests: quantities([("cpu", "250m"), ("memory", "512Mi")]),
            limits: quantities([("cpu", "2"), ("memory", "2Gi")]),
            ..ResourceRequirements::default()
        }),
        security_context: Some(hardened::container()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}
