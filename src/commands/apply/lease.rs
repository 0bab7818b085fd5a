//! The Lease that keeps two runs apart (`coordination.k8s.io/v1`), as Kubernetes' own leader election does it.
//!
//! The clock of another holder is not trusted: a Lease is over when it was watched for its whole duration by this
//! process's own clock and did not change.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::source::kubernetes::Cluster;
use crate::source::kubernetes::write::{Mode, WriteError};

/// Name of the Lease.
const NAME: &str = "gpu-finops";
/// Longest duration of another holder that is waited for.
const LONGEST: u64 = 3_600;
/// Tries to get a Lease that others write at the same time.
const TRIES: usize = 5;

/// A Lease that is held, and renewed until it is released.
#[derive(Debug)]
pub(in crate::commands) struct Lease {
    cluster: Cluster,
    path: String,
    holder: String,
    duration: Duration,
    state: Arc<Mutex<State>>,
    renewing: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    object: Value,
    renewed: Instant,
    lost: bool,
}

/// Gets the Lease in the first of `namespaces` that exists.
///
/// # Errors
///
/// A refusal that says who holds it; whatever keeps it from being read or written.
pub(in crate::commands) async fn acquire(
    cluster: &Cluster,
    namespaces: &[String],
    holder: &str,
    duration: Duration,
) -> Result<Lease> {
    for namespace in namespaces {
        match acquire_in(cluster, namespace, holder, duration).await {
            Err(None) => {}
            Err(Some(error)) => return Err(error),
            Ok(object) => {
                let path = path_in(namespace, Some(NAME));
                return Ok(Lease::held(cluster.clone(), path, holder, duration, object));
            }
        }
    }
    Err(Error::refused(format!("there is no namespace {} for the Lease", namespaces.join(" or ")))
        .hinted("make it, or name another with `--lease-namespace`"))
}

fn path_in(namespace: &str, name: Option<&str>) -> String {
    let name = name.map_or_else(String::new, |name| format!("/{name}"));
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases{name}")
}

/// `Err(None)` where there is no such namespace.
async fn acquire_in(
    cluster: &Cluster,
    namespace: &str,
    holder: &str,
    duration: Duration,
) -> std::result::Result<Value, Option<Error>> {
    let path = path_in(namespace, Some(NAME));
    let failed = |e: WriteError| {
        Error::refused(format!("the Lease {namespace}/{NAME} cannot be had"))
            .caused_by(e)
            .hinted("without it two runs could be at work at once: nothing was changed")
    };
    for _ in 0..TRIES {
        let found = cluster.read_object(&path).await.map_err(|e| Some(failed(e)))?;
        let written = match found {
            None => {
                let lease = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": NAME, "namespace": namespace},
                    "spec": spec(holder, duration, 0, None),
                });
                cluster.create_object(&path_in(namespace, None), &lease, Mode::Real).await
            }
            Some(lease) => {
                wait_until_over(cluster, &path, &lease, holder)
                    .await
                    .map_err(|e| Some(e.unwrap_or_else(failed)))?;
                let changes = lease["spec"]["leaseTransitions"].as_u64().unwrap_or(0);
                let mut taken = lease;
                taken["spec"] = spec(holder, duration, changes + 1, None);
                cluster.replace_object(&path, &taken).await
            }
        };
        match written {
            Ok(lease) => return Ok(lease),
            // There was no Lease, so what is not there is the namespace.
            Err(WriteError::NotFound(_)) => return Err(None),
            // Somebody was faster, or the answer was lost: who holds it now?
            Err(WriteError::Conflict(_)) => {}
            Err(error) if error.may_be_committed() => {}
            Err(error) => return Err(Some(failed(error))),
        }
    }
    Err(Some(failed(WriteError::Conflict("others write it again and again".to_owned()))))
}

/// Why a Lease is not over: somebody holds it, or it cannot be read.
struct NotOver(std::result::Result<Error, WriteError>);

impl NotOver {
    fn unwrap_or_else(self, failed: impl FnOnce(WriteError) -> Error) -> Error {
        self.0.unwrap_or_else(failed)
    }
}

/// Waits until a Lease is nobody's: released, ours, or not renewed for as long as it lasts.
async fn wait_until_over(
    cluster: &Cluster,
    path: &str,
    lease: &Value,
    holder: &str,
) -> std::result::Result<(), NotOver> {
    let held_by = |lease: &Value| lease["spec"]["holderIdentity"].as_str().unwrap_or("").to_owned();
    let other = held_by(lease);
    if other.is_empty() || other == holder {
        return Ok(());
    }
    let seconds = lease["spec"]["leaseDurationSeconds"].as_u64().unwrap_or(60).min(LONGEST);
    let since = Instant::now();
    let lasts = Duration::from_secs(seconds);
    let pause = (lasts / 4).clamp(Duration::from_millis(200), Duration::from_secs(5));
    while since.elapsed() < lasts {
        tokio::time::sleep(pause).await;
        let now = cluster.read_object(path).await.map_err(|e| NotOver(Err(e)))?;
        let Some(now) = now else { return Ok(()) };
        if held_by(&now).is_empty() {
            return Ok(());
        }
        if now["spec"] != lease["spec"] {
            return Err(NotOver(Ok(held(&held_by(&now)))));
        }
    }
    Ok(())
}

fn held(by: &str) -> Error {
    Error::refused(format!("another run is at work: the Lease is held by {by}"))
        .hinted("wait for its end; nothing was changed")
}

fn spec(holder: &str, duration: Duration, transitions: u64, acquired: Option<&str>) -> Value {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({
        "holderIdentity": holder, "leaseDurationSeconds": duration.as_secs().max(1),
        "acquireTime": acquired.unwrap_or(&now), "renewTime": now, "leaseTransitions": transitions,
    })
}

impl Lease {
    fn held(
        cluster: Cluster,
        path: String,
        holder: &str,
        duration: Duration,
        object: Value,
    ) -> Self {
        let state = State { object, renewed: Instant::now(), lost: false };
        let state = Arc::new(Mutex::new(state));
        let renewing = tokio::spawn(renew(
            cluster.clone(),
            path.clone(),
            holder.to_owned(),
            duration,
            Arc::clone(&state),
        ));
        Self { cluster, path, holder: holder.to_owned(), duration, state, renewing }
    }

    /// Whether it is ours for certain. It stops being so well before others may take it.
    #[must_use]
    pub(in crate::commands) fn is_held(&self) -> bool {
        self.state
            .lock()
            .is_ok_and(|state| !state.lost && state.renewed.elapsed() < self.duration.mul_f64(0.6))
    }

    /// Who holds it: this run.
    #[must_use]
    pub(in crate::commands) fn holder(&self) -> String {
        self.holder.clone()
    }

    /// Gives it back. One that cannot be given back ends by itself.
    pub(in crate::commands) async fn release(self) {
        self.renewing.abort();
        // An aborted task that was in the middle of a request may have written.
        let _ = self.renewing.await;
        for _ in 0..2 {
            let Ok(Some(mut lease)) = self.cluster.read_object(&self.path).await else { return };
            if lease["spec"]["holderIdentity"] != self.holder.as_str() {
                return;
            }
            lease["spec"]["holderIdentity"] = Value::from("");
            lease["spec"]["leaseDurationSeconds"] = Value::from(1);
            if self.cluster.replace_object(&self.path, &lease).await.is_ok() {
                return;
            }
        }
    }
}

async fn renew(
    cluster: Cluster,
    path: String,
    holder: String,
    duration: Duration,
    state: Arc<Mutex<State>>,
) {
    loop {
        tokio::time::sleep(duration / 5).await;
        let Some(mut lease) = state.lock().ok().map(|state| state.object.clone()) else { return };
        let transitions = lease["spec"]["leaseTransitions"].as_u64().unwrap_or(0);
        let acquired = lease["spec"]["acquireTime"].as_str().map(str::to_owned);
        lease["spec"] = spec(&holder, duration, transitions, acquired.as_deref());
        let sent = Instant::now();
        let mut renewed = cluster.replace_object(&path, &lease).await;
        if matches!(renewed, Err(WriteError::Conflict(_))) {
            // Ours, if an earlier answer was lost.
            renewed = match cluster.read_object(&path).await {
                Ok(Some(now)) if now["spec"]["holderIdentity"] == holder.as_str() => Ok(now),
                Ok(_) => Err(WriteError::NotFound(String::new())),
                Err(error) => Err(error),
            };
        }
        let Ok(mut state) = state.lock() else { return };
        match renewed {
            Ok(object) => {
                state.object = object;
                state.renewed = sent;
            }
            Err(WriteError::NotFound(_) | WriteError::Forbidden(_)) => {
                state.lost = true;
                return;
            }
            // It is tried again until it is too old to be relied upon.
            Err(_) => {}
        }
    }
}
