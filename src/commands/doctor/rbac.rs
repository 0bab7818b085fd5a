//! `gpu-finops doctor rbac`.

use futures::StreamExt;

use crate::access::contract::{AccessReport, AccessRow};
use crate::access::judge::{Answer, report};
use crate::access::{Part, Permission, permissions};
use crate::commands::gather::to_cluster;
use crate::commands::{deliver, render, resolve_unpriced};
use crate::error::{Error, Result};
use crate::settings::args::AccessFlags;
use crate::settings::layers::Environment;
use crate::settings::source::SourceChoice;
use crate::source::kubernetes::{Cluster, Question};
use crate::ui::Ui;

/// Reviews in flight at once.
const AT_ONCE: usize = 8;
/// Permissions quoted in a message; the rest is counted.
const QUOTED: usize = 3;

const EXAMPLES: &str = "\
Examples:
  gpu-finops doctor rbac
      Everything that reading and cleaning up take, for whoever the kubeconfig says.
  gpu-finops doctor rbac --read-only
  gpu-finops doctor rbac --lease-in finops -o json
  kubectl create job rbac --from=cronjob/gpu-finops --dry-run=client -o yaml
      The same in the cluster, with the arguments `doctor rbac`: as the account that will run it.

Exit codes:
  0 all is allowed · 1 the API server does not answer · 2 wrong usage or configuration
  4 something is denied · 130 interrupted";

/// Check what the API server allows, by asking it (SelfSubjectAccessReview).
///
/// Every permission that the program may need is asked about, for whoever is connected. What is denied is named with the
/// rule to add; `gpu-finops manifests` prints all of them. Nothing is stored by a review.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Ask only about what reading takes
    #[arg(long)]
    pub(super) read_only: bool,
    /// Leave out what finding the metric server in the cluster takes: its URL is given
    #[arg(long)]
    pub(super) no_discovery: bool,
    /// Namespace of the Lease that keeps two runs apart
    #[arg(long, value_name = "NAMESPACE", default_value = "gpu-finops")]
    pub(super) lease_in: String,
    /// Settings on the command line.
    #[command(flatten)]
    pub(super) flags: AccessFlags,
}

/// Asks about every permission, writes, judges.
///
/// # Errors
///
/// Wrong settings; a cluster that cannot be reached; after the answers are written, that something is denied.
pub(super) async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let parts = parts(&args);
    let (_, settings) = resolve_unpriced(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let SourceChoice::Live(live) = &settings.source else {
        return Err(Error::usage("permissions are those of a live cluster")
            .hinted("leave `--snapshot` and `--store` out"));
    };
    let cluster = to_cluster(&live.cluster).await?;
    let answers = answers(&cluster, &parts, &args.lease_in).await?;
    let version = env!("CARGO_PKG_VERSION");
    let report = report(cluster.url(), &args.lease_in, version, answers);
    target.write(render::access(&report, &settings.view, ui)?, ui)?;
    verdict(&report)
}

fn parts(args: &Args) -> Vec<Part> {
    let is_asked = |part: &Part| match part {
        Part::Read => true,
        Part::Discovery => !args.no_discovery,
        Part::Write | Part::Lease => !args.read_only,
    };
    Part::ALL.into_iter().filter(is_asked).collect()
}

async fn answers(
    cluster: &Cluster,
    parts: &[Part],
    lease_in: &str,
) -> Result<Vec<(Permission, Answer)>> {
    let wanted = permissions().into_iter().filter(|permission| parts.contains(&permission.part));
    let reviews = wanted.map(|permission| async move {
        let Permission { part, group, resource, verb, name, .. } = permission;
        let namespace = if part.is_of_one_namespace() { lease_in } else { "" };
        let verdict = cluster.review(Question { namespace, group, resource, verb, name }).await;
        verdict.map(|v| (permission, Answer { allowed: v.allowed, reason: v.reason }))
    });
    let all: Vec<_> = futures::stream::iter(reviews).buffered(AT_ONCE).collect().await;
    all.into_iter().collect::<std::result::Result<_, _>>().map_err(|e| {
        Error::failed("what is allowed cannot be found out")
            .caused_by(e)
            .hinted("choose another cluster with `--context`, or log in again")
    })
}

fn verdict(report: &AccessReport) -> Result<()> {
    let denied: Vec<String> =
        report.permissions.iter().filter(|row| !row.allowed).map(AccessRow::words).collect();
    if denied.is_empty() {
        return Ok(());
    }
    let quoted = denied[..denied.len().min(QUOTED)].join(", ");
    let more = match denied.len().saturating_sub(QUOTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Error::incomplete(format!("not allowed: {quoted}{more}"))
        .hinted("`gpu-finops manifests` prints the roles; the rules to add are above"))
}
