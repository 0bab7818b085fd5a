//! `gpu-finops patch`.

mod files;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::gather::{self, Gathered};
use super::{claims as claim_rows, deliver, recommend, render, resolve, verdict, workloads};
use crate::claims::contract::ClaimsReport;
use crate::cleanup::contract::{ClusterIdentity, PatchSet, Target};
use crate::cleanup::objects::{Objects, bare, meta};
use crate::cleanup::{Material, patches as made};
use crate::error::{Error, Result};
use crate::findings::STALE_CLAIM;
use crate::output::{PatchFormat, kustomize, render_patches};
use crate::recommend::contract::RecommendReport;
use crate::settings::Settings;
use crate::settings::args::PatchFlags;
use crate::settings::layers::Environment;
use crate::settings::source::{ObjectsFrom, SourceChoice};
use crate::source::kubernetes;
use crate::source::objects::RawObject;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops patch
      What recommend and claims would change, of the current context's cluster, for people.
  gpu-finops patch -o kustomize --output-dir ./overlay && kubectl kustomize ./overlay
      A folder: the objects, the changes over them, the way back, and a README with the evidence.
  gpu-finops patch --rule unused-gpus --tenant 'team-.*' --min-savings 500 -o yaml
  gpu-finops patch --rule stale-claim --min-age 7d -o kubectl > cleanup.sh
  gpu-finops patch --source ./manifests
      What would change in manifests of one's own, as a diff; --write changes them, for a pull request.
  gpu-finops patch -o json > patches.json
      All of it: targets with UID and version, evidence, both ways of each change, what is left to people.

Nothing is changed in the cluster.

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Write what recommend and claims would change as patches, each with its inverse and its evidence.
///
/// Reads what `recommend` reads, and turns every counted recommendation and every claim that is left over and settled
/// into a change of the object at the top: Deployment, RayCluster, InferenceService, Notebook, … What would be set back
/// here (virtual clusters, Git, operators) is written for where it belongs, and what nothing may be changed for is
/// listed with what to check. It only reads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: PatchFlags,
    /// Format: table for people, json for all of it, json-patch (RFC 6902), yaml (strategic merge), kubectl (a script),
    /// kustomize (a folder, with --output-dir)
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "table", help_heading = "Output",
        value_parser = PossibleValuesParser::new(FORMATS))]
    output: String,
    /// Folder for kustomize; made when it does not exist, and what is in it is replaced file by file
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output_dir: Option<PathBuf>,
    /// File, or folder, with manifests of one's own: prints what would change in them, comments and order kept
    #[arg(long, value_name = "PATH", help_heading = "Output", conflicts_with_all = ["output", "output_dir"])]
    source: Option<PathBuf>,
    /// Change the manifests of --source
    #[arg(long, help_heading = "Output", requires = "source")]
    write: bool,
}

/// Values of `--output`.
const FORMATS: [&str; 6] = ["table", "json", "json-patch", "yaml", "kubectl", "kustomize"];

/// Reads, judges, makes patches, writes them.
///
/// # Errors
///
/// As `recommend`; a folder that cannot be written, manifests that cannot be read.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let format: PatchFormat = args.output.parse().map_err(|e| Error::usage(format!("{e}")))?;
    let target = target(format, args.output_dir.as_deref())?;
    let manifests = args.source.as_deref().map(files::Manifests::read).transpose()?;
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let Read { set, objects, recommended, .. } = read(&settings, ui).await?;
    let set = set.one_change_each();
    match manifests {
        Some(manifests) => files::change(&manifests, &set, args.write, ui)?,
        None => target.write(rendered(&set, format, &objects, &settings, ui)?, ui)?,
    }
    let (coverage, currency) = (&recommended.coverage, &recommended.currency);
    verdict::announce_all(coverage, ui);
    verdict::judge(&recommended.reconciliation, coverage, currency, settings.strict)
}

fn rendered(
    set: &PatchSet,
    format: PatchFormat,
    objects: &[RawObject],
    settings: &Settings,
    ui: &Ui,
) -> Result<deliver::Rendered> {
    let failed = |e| Error::failed("cannot write the patches in this format").caused_by(e);
    if format == PatchFormat::Kustomize {
        let now = |target: &Target| as_it_is(objects, target);
        return kustomize(set, &now).map(deliver::Rendered::Files).map_err(failed);
    }
    let options = render::options(&settings.view, ui);
    render_patches(set, format, &options).map(deliver::Rendered::Document).map_err(failed)
}

fn target(format: PatchFormat, dir: Option<&std::path::Path>) -> Result<deliver::Target> {
    match (format, dir) {
        (PatchFormat::Kustomize, Some(dir)) => deliver::Target::tree(dir),
        (PatchFormat::Kustomize, None) => Err(Error::usage("Kustomize takes a folder")
            .hinted("name it: `-o kustomize --output-dir DIR`")),
        (_, Some(dir)) => {
            Err(Error::usage(format!("`--output-dir {}` is for `-o kustomize`", dir.display()))
                .hinted("the other formats go to standard output"))
        }
        (_, None) => Ok(deliver::Target::Stdout),
    }
}

/// An object as somebody would write it.
fn as_it_is(objects: &[RawObject], target: &Target) -> Option<serde_json::Value> {
    let is_it = |value: &serde_json::Value| {
        value["kind"] == target.kind.as_str()
            && value["apiVersion"] == target.api_version.as_str()
            && meta(value, "name") == target.name
            && meta(value, "namespace") == target.namespace
    };
    objects.iter().find(|o| is_it(&o.value)).map(|o| bare(&o.value))
}

/// Patches, and what they were made from.
pub struct Read {
    /// The patches.
    pub set: PatchSet,
    /// Objects as they were read.
    pub objects: Vec<RawObject>,
    /// What was recommended.
    pub recommended: RecommendReport,
    /// What is said of claims.
    pub claims: ClaimsReport,
}

/// What would be changed, by the sources and filters of the settings, with what it was made from.
///
/// # Errors
///
/// As `recommend`.
pub async fn read(settings: &Settings, ui: &Ui) -> Result<Read> {
    let mut gathered = recommend::gathered(settings, ui).await?;
    let cluster = live_cluster(settings).await?;
    if let Some(cluster) = &cluster {
        let (further, problems) = kubernetes::autoscalers(cluster, ui.progress().as_ref()).await;
        problems.iter().for_each(|problem| ui.warn(problem));
        gathered.objects.items.extend(further);
        workloads::add(cluster, &mut gathered.objects, ui).await;
    }
    let url = cluster.map(|cluster| cluster.url().to_owned());
    from_gathered(gathered, url, settings)
}

/// The cluster that the objects are of, where they are of one.
async fn live_cluster(settings: &Settings) -> Result<Option<kubernetes::Cluster>> {
    match &settings.source {
        SourceChoice::Live(live) if live.objects == ObjectsFrom::Cluster => {
            gather::to_cluster(&live.cluster).await.map(Some)
        }
        _ => Ok(None),
    }
}

fn from_gathered(gathered: Gathered, url: Option<String>, settings: &Settings) -> Result<Read> {
    let now_ms = gathered.now_ms;
    let (inputs, objects) = gathered.into_parts(&settings.policy);
    let recommended = recommend::on(&inputs, settings)?;
    let claims = claim_rows::of_inputs(&inputs, settings);
    let index: Objects<'_> = objects.iter().map(|o| (o.origin.as_str(), &o.value)).collect();
    let cluster = url.and_then(|server| identity(&index, server));
    let filters = &settings.recommend;
    let material = Material {
        recommended: &recommended,
        claims: &claims,
        references: &inputs.facts.dra.references,
        objects: &index,
        policy: &settings.policy,
        leftovers: wants_leftovers(settings),
        only_recommended: filters.min_savings.is_some() || filters.min_confidence > 0.0,
        now_ms,
        cluster: cluster.as_ref(),
    };
    let set = made(&material);
    drop(index);
    Ok(Read { set, objects, recommended, claims })
}

/// Whether the filters let claims pass that are left over: some save nothing but trouble.
fn wants_leftovers(settings: &Settings) -> bool {
    let filters = &settings.recommend;
    let rules = &filters.rules;
    rules.is_empty() || rules.contains(&STALE_CLAIM)
}

/// What tells a cluster from another; `None` where its first namespace was not read.
fn identity(objects: &Objects<'_>, server: String) -> Option<ClusterIdentity> {
    let namespace = objects.find("", "Namespace", "kube-system")?;
    let uid = meta(namespace.value, "uid").to_owned();
    (!uid.is_empty()).then_some(ClusterIdentity { uid, server })
}
