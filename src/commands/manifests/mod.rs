//! `gpu-finops manifests`.

mod around;
mod job;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::error::{Error, Result};
use crate::settings::args::TalkFlags;
use crate::settings::parse;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops manifests --image registry.example/gpu-finops:1.0 | kubectl apply -f -
      A daily plan, which changes nothing: see it with `kubectl logs`.
  gpu-finops manifests --image registry.example/gpu-finops:1.0 --write --schedule '0 3 * * *' | kubectl apply -f -
      The same with changes made.
  gpu-finops manifests --image registry.example/gpu-finops:1.0 --prometheus http://prometheus.monitoring:9090
  gpu-finops manifests --image registry.example/gpu-finops:1.0 --read-only -o json
  gpu-finops doctor rbac
      Whether what is there is enough.

Exit codes:
  0 printed · 2 wrong usage";

/// Print what a cluster needs to run the cleanup: account, roles, CronJob, config, network policy.
///
/// Without `--write` the CronJob makes a plan and prints it; nothing may be changed then, for the write role is bound to
/// nobody. Everything runs as nobody, on a read-only file system, with the fewest rights that do.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Image with gpu-finops as its entry point
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// Namespace for all of it
    #[arg(long, value_name = "NAME", default_value = "gpu-finops")]
    pub namespace: String,
    /// When it runs, as cron says it, in UTC
    #[arg(long, value_name = "CRON", default_value = "17 3 * * *")]
    pub schedule: String,
    /// URL of the metric server, as the cluster sees it; found in the cluster when not given
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// Let it change the cluster: bind the write role, and apply what is found
    #[arg(long, conflicts_with = "read_only")]
    pub write: bool,
    /// Leave everything out that could change the cluster, and recommend only
    #[arg(long)]
    pub read_only: bool,
    /// How it is printed
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "yaml")]
    pub output: OutputFormat,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: TalkFlags,
}

/// How manifests are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Documents, one after the other.
    Yaml,
    /// A List.
    Json,
}

/// How far it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing is planned.
    ReadOnly,
    /// Changes are planned, and made by somebody else.
    Plan,
    /// Changes are made.
    Write,
}

/// What is printed for.
struct Options {
    image: String,
    namespace: String,
    schedule: String,
    prometheus: Option<Url>,
    reach: Reach,
}

/// Checks the flags and prints the manifests.
///
/// # Errors
///
/// A flag whose value cannot be used; standard output that cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let options = options(args)?;
    let objects = objects(&options)?;
    let text = match args.output {
        OutputFormat::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            format!("{list:#}\n")
        }
        OutputFormat::Yaml => {
            let document = |object: &Value| serde_saphyr::to_string(object).map_err(unprintable);
            objects.iter().map(document).collect::<Result<Vec<_>>>()?.join("---\n")
        }
    };
    ui.data(text.as_bytes())
}

fn unprintable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::failed("the manifests cannot be printed; this is a bug").caused_by(error)
}

fn options(args: &Args) -> Result<Options> {
    let refuse = |flag: &str, what: String| Error::usage(format!("`--{flag}`: {what}"));
    let namespace = &args.namespace;
    if !is_label(namespace) {
        let what = format!("`{namespace}` is no name of a namespace");
        return Err(refuse("namespace", what)
            .hinted("lower-case letters, digits and `-`, 63 at most, none of the ends a `-`"));
    }
    if args.image.is_empty() || args.image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refuse("image", format!("{:?} is no name of an image", args.image)));
    }
    if !is_schedule(&args.schedule) {
        let what = format!("{:?} is no schedule", args.schedule);
        return Err(refuse("schedule", what)
            .hinted("five fields as in cron, such as '17 3 * * *', or @daily"));
    }
    let url = |text: &String| parse::server_url(text).map_err(|what| refuse("prometheus", what));
    let prometheus = args.prometheus.as_ref().map(url).transpose()?;
    let reach = match (args.read_only, args.write) {
        (true, _) => Reach::ReadOnly,
        (false, false) => Reach::Plan,
        (false, true) => Reach::Write,
    };
    Ok(Options {
        image: args.image.clone(),
        namespace: namespace.clone(),
        schedule: args.schedule.clone(),
        prometheus,
        reach,
    })
}

/// Whether it is a DNS label (RFC 1123), as names of namespaces are.
fn is_label(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether it looks like what cron understands; the API server knows for certain.
fn is_schedule(text: &str) -> bool {
    let is_field = |field: &str| {
        field.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ',' | '-' | '?'))
    };
    let macros = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    macros.contains(&text)
        || text.split(' ').count() == 5 && text.split(' ').all(|f| !f.is_empty() && is_field(f))
}

/// Everything, in the order in which it can be applied.
fn objects(options: &Options) -> Result<Vec<Value>> {
    let mut out = around::objects(options)?;
    out.push(value(&job::cron_job(options))?);
    Ok(out)
}

fn value(object: &impl Serialize) -> Result<Value> {
    serde_json::to_value(object).map_err(unprintable)
}

#[cfg(test)]
mod tests;
