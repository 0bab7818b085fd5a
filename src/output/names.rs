//! The names by which a user chooses rows and formats.

use std::fmt;
use std::str::FromStr;

/// A name that is none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {what}: choose one of {choices}")]
pub struct UnknownName {
    /// What was to be named.
    pub what: &'static str,
    /// What was given.
    pub value: String,
    /// What may be given, joined by commas.
    pub choices: String,
}

macro_rules! names {
    ($what:literal, $(#[doc = $doc:literal])+ $type:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[doc = $variant_doc])+ $variant,)+ }

        impl $type {
            /// Every choice, in the order in which help lists them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name as typed.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(value: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|choice| choice.name() == value).ok_or_else(|| {
                    UnknownName {
                        what: $what,
                        value: value.to_owned(),
                        choices: [$($name),+].join(", "),
                    }
                })
            }
        }
    };
}

names! {
    "grouping",
    /// Which rows a report lists.
    GroupBy {
        /// Clusters.
        Cluster = "cluster",
        /// Tenants.
        Tenant = "tenant",
        /// Namespaces.
        Namespace = "namespace",
        /// Workloads: the topmost controllers of pods.
        Workload = "workload",
        /// Pods.
        Pod = "pod",
        /// Physical GPUs.
        Gpu = "gpu",
        /// Nodes with GPUs.
        Node = "node",
        /// GPU models.
        Model = "model",
        /// Way of sharing.
        Mode = "mode",
    }
}

names! {
    "format",
    /// How a report is written.
    Format {
        /// For a terminal, as wide as it is.
        Table = "table",
        /// For a terminal, all columns, nothing cut.
        Wide = "wide",
        /// The whole report, as in the JSON Schema.
        Json = "json",
        /// One table, unrounded.
        Csv = "csv",
        /// For tickets and pull requests.
        Markdown = "markdown",
        /// Typed tables.
        Parquet = "parquet",
        /// Gauges for Prometheus.
        OpenMetrics = "openmetrics",
        /// One page for a browser.
        Html = "html",
        /// A comment on a GitHub pull request.
        GithubComment = "github-comment",
        /// A comment on a GitLab merge request.
        GitlabComment = "gitlab-comment",
        /// Annotations of a GitHub workflow.
        GithubAnnotations = "github-annotations",
        /// The summary of a GitHub job.
        GithubSummary = "github-summary",
        /// Test results for CI servers.
        Junit = "junit",
        /// Results of static analysis, SARIF 2.1.0.
        Sarif = "sarif",
        /// A Slack message.
        Slack = "slack",
    }
}

impl Format {
    /// Whether it is of verdicts alone, and so of the commands that judge something.
    #[must_use]
    pub const fn is_for_checks(self) -> bool {
        matches!(
            self,
            Self::GithubComment
                | Self::GitlabComment
                | Self::GithubAnnotations
                | Self::GithubSummary
                | Self::Junit
                | Self::Sarif
                | Self::Slack
        )
    }
}

names! {
    "format of patches",
    /// How patches are written.
    PatchFormat {
        /// For people.
        Table = "table",
        /// All of it, as in the JSON Schema.
        Json = "json",
        /// Patches by RFC 6902 with what they are of.
        JsonPatch = "json-patch",
        /// Strategic-merge patches, and new objects.
        Yaml = "yaml",
        /// Commands.
        Kubectl = "kubectl",
        /// A folder that `kubectl kustomize` builds.
        Kustomize = "kustomize",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for by in GroupBy::ALL {
            assert_eq!(by.to_string().parse(), Ok(*by));
        }
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        for format in PatchFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_choices() {
        let error = "team".parse::<GroupBy>().expect_err("no such grouping");
        assert_eq!(
            error.to_string(),
            "`team` is not a grouping: choose one of cluster, tenant, namespace, workload, pod, gpu, node, model, mode"
        );
    }
}
