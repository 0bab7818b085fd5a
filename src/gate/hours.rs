//! How many hours of a month a workload runs.

use serde_json::Value;

use super::Assumed;
use super::ask::text;
use super::cron::runs_per_month;
use crate::units::{HOURS_PER_MONTH, MS_PER_HOUR};

/// Hours of a month, and how they are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hours {
    /// Hours of one month in which its pods run; `None` where that is not known.
    pub(super) per_month: Option<f64>,
    /// In words.
    pub(super) basis: String,
}

/// Kinds that end by themselves, with the pointer of their longest time in seconds.
const BATCH: &[(&str, &str)] = &[
    ("Job", "/spec/activeDeadlineSeconds"),
    ("JobSet", "/spec/replicatedJobs/0/template/spec/activeDeadlineSeconds"),
    ("RayJob", "/spec/activeDeadlineSeconds"),
    ("TrainJob", "/spec/activeDeadlineSeconds"),
    ("PyTorchJob", "/spec/runPolicy/activeDeadlineSeconds"),
    ("TFJob", "/spec/runPolicy/activeDeadlineSeconds"),
    ("MPIJob", "/spec/runPolicy/activeDeadlineSeconds"),
    ("JAXJob", "/spec/runPolicy/activeDeadlineSeconds"),
    ("XGBoostJob", "/spec/runPolicy/activeDeadlineSeconds"),
    ("PaddleJob", "/spec/runPolicy/activeDeadlineSeconds"),
];

/// Hours of a workload.
pub(super) fn hours(object: &Value, assumed: &Assumed) -> Hours {
    let kind = text(object, "/kind");
    if is_suspended(object) {
        return Hours { per_month: Some(0.0), basis: "suspended: it runs no pod".to_owned() };
    }
    if kind == "CronJob" {
        return cron(object, assumed);
    }
    if let Some((_, deadline)) = BATCH.iter().find(|(known, _)| *known == kind) {
        let (length, words) = run(object, deadline, assumed);
        return Hours { per_month: Some(length), basis: format!("one run a month of {words}") };
    }
    let restarts = text(object, "/spec/restartPolicy");
    if kind == "Pod" && matches!(restarts, "Never" | "OnFailure") {
        let (length, words) = run(object, "/spec/activeDeadlineSeconds", assumed);
        return Hours { per_month: Some(length), basis: format!("one run a month of {words}") };
    }
    let basis = format!("all {HOURS_PER_MONTH} hours of a month");
    Hours { per_month: Some(HOURS_PER_MONTH), basis }
}

/// Length of a run in hours, and how it is known.
fn run(object: &Value, deadline: &str, assumed: &Assumed) -> (f64, String) {
    let job = hours_of(assumed.job_ms);
    let bound = object.pointer(deadline).and_then(Value::as_f64).map(|seconds| seconds / 3600.0);
    match bound {
        Some(bound) if bound < job => (bound, format!("{bound:.2} h, its activeDeadlineSeconds")),
        _ => (job, format!("{job} h (--job-duration)")),
    }
}

fn cron(object: &Value, assumed: &Assumed) -> Hours {
    let schedule = text(object, "/spec/schedule");
    let (length, words) = run(object, "/spec/jobTemplate/spec/activeDeadlineSeconds", assumed);
    match runs_per_month(schedule) {
        Some(runs) => Hours {
            per_month: Some(runs * length),
            basis: format!("{runs:.1} runs a month (`{schedule}`) of {words}"),
        },
        None => {
            Hours { per_month: None, basis: format!("the schedule `{schedule}` is not understood") }
        }
    }
}

/// Whether it is told to run nothing now.
fn is_suspended(object: &Value) -> bool {
    let is_set = |pointer| object.pointer(pointer).and_then(Value::as_bool) == Some(true);
    is_set("/spec/suspend")
        || is_set("/spec/runPolicy/suspend")
        || text(object, "/spec/operatingMode") == "Suspended"
}

#[expect(clippy::cast_precision_loss, reason = "lengths of jobs are far below 2^52 ms")]
fn hours_of(ms: i64) -> f64 {
    ms as f64 / MS_PER_HOUR as f64
}
