//! Which clusters a run is about, and where each is.

use url::Url;

use super::layers::Layers;
use super::parse::{self, Read, quoted};
use super::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::error::{Error, Result};

/// A cluster, as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Its name in reports.
    pub name: String,
    /// Where it is; `None` where other settings say.
    pub place: Option<ClusterPlace>,
}

/// Where a cluster is: one of both at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlace {
    /// Context of the kubeconfig.
    pub context: Option<String>,
    /// Its metric server.
    pub prometheus: Option<Url>,
}

/// Reads `--cluster`.
///
/// # Errors
///
/// A usage error: a value that cannot be, a name given twice, or one of several without a place.
pub fn clusters(layers: &Layers, source: &SourceChoice) -> Result<Vec<ClusterSpec>> {
    let specs = layers.many("cluster", cluster)?;
    for (i, one) in specs.iter().enumerate() {
        if specs[..i].iter().any(|other| other.name == one.name) {
            return Err(Error::usage(format!("`--cluster` names {} twice", quoted(&one.name))));
        }
    }
    let placed = specs.iter().find(|spec| spec.place.is_some());
    match (source, placed) {
        (SourceChoice::Live(live), Some(_)) => check_live(live)?,
        (_, Some(spec)) => {
            return Err(Error::usage(format!(
                "`--cluster {}=…` says where a live cluster is, and a folder is read",
                spec.name
            ))
            .hinted("give the name alone"));
        }
        (_, None) => {}
    }
    Ok(specs)
}

/// Places of clusters stand for what else says where a cluster is.
fn check_live(live: &LiveSource) -> Result<()> {
    let others = [
        ("--prometheus", live.prometheus.is_some()),
        ("--context", live.cluster.context.is_some()),
        ("--objects", matches!(live.objects, ObjectsFrom::Files(_))),
        ("--no-metrics", live.no_metrics),
        ("--scrape", live.scrape.is_some()),
    ];
    match others.into_iter().find(|(_, is_given)| *is_given) {
        Some((other, _)) => Err(Error::usage(format!(
            "`--cluster NAME=WHERE` and `{other}` exclude each other: both say where a cluster is"
        ))),
        None => Ok(()),
    }
}

/// `NAME`, `NAME=CONTEXT`, `NAME=URL` or `NAME=CONTEXT,URL`.
fn cluster(text: &str) -> Read<ClusterSpec> {
    let (name, place) = match text.split_once('=') {
        Some((name, place)) => (name, Some(place)),
        None => (text, None),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(format!(
            "{} is no name of a cluster: use letters, digits, `-`, `_` and `.`, at most 200",
            quoted(name)
        ));
    }
    Ok(ClusterSpec { name: name.to_owned(), place: place.map(parse_place).transpose()? })
}

fn parse_place(text: &str) -> Read<ClusterPlace> {
    let is_url = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    if is_url(text) {
        return Ok(ClusterPlace { context: None, prometheus: Some(parse::server_url(text)?) });
    }
    match text.split_once(",http") {
        Some((context, rest)) => Ok(ClusterPlace {
            context: Some(parse::plain(context)?),
            prometheus: Some(parse::server_url(&format!("http{rest}"))?),
        }),
        None => Ok(ClusterPlace { context: Some(parse::plain(text)?), prometheus: None }),
    }
}

impl ClusterSpec {
    /// Where it is read, given the source of a run that names no cluster.
    #[must_use]
    pub fn source(&self, otherwise: &SourceChoice) -> SourceChoice {
        let (Some(place), SourceChoice::Live(live)) = (&self.place, otherwise) else {
            return otherwise.clone();
        };
        let mut live = live.clone();
        live.prometheus.clone_from(&place.prometheus);
        match &place.context {
            Some(context) => live.cluster.context = Some(context.clone()),
            // Objects of the current context would be another cluster's.
            None => live.objects = ObjectsFrom::Nowhere,
        }
        SourceChoice::Live(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_hand() {
        let read = |text: &str| {
            cluster(text).map(|spec| {
                let place =
                    spec.place.map(|p| (p.context, p.prometheus.map(|url| url.to_string())));
                (spec.name, place)
            })
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("a.b"), Ok(("a.b".into(), None)));
        assert_eq!(read("a=ctx@x"), Ok(("a".into(), Some((some("ctx@x"), None)))));
        assert_eq!(read("a=http://p:9090"), Ok(("a".into(), Some((None, some("http://p:9090/"))))));
        assert_eq!(
            read("a=arn:x/y,https://p/z"),
            Ok(("a".into(), Some((some("arn:x/y"), some("https://p/z")))))
        );
        for bad in ["", "=x", "a/b", ".a", "a b=x", "a=", "a=http://", "ä=x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
