//! What somebody wants explained: a recommendation, a workload, a tenant, all, or one number of them.

use crate::recommend::contract::{RecommendReport, Recommendation};
use crate::report::contract::{Ledger, Report, TenantRow, Usage, WorkloadRow};

/// Names that are offered when nothing has the one that was given.
const OFFERED: usize = 3;
/// Names of everything in scope.
const ALL: [&str; 2] = ["all", "fleet"];

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A recommendation, refused or not.
    Recommendation(&'a Recommendation),
    /// A workload.
    Workload(&'a WorkloadRow),
    /// A tenant.
    Tenant(&'a TenantRow),
    /// Everything in scope.
    All(&'a Report),
}

/// Nothing has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing to explain is called `{name}`")]
pub struct NoTarget {
    /// What was asked for.
    pub name: String,
    /// Names that are like it.
    pub like: Vec<String>,
}

impl<'a> Target<'a> {
    /// What a name stands for, and the number of it that is meant, if it names one: a recommendation's id, a
    /// workload's `namespace/kind/name` or a tenant's name, alone or followed by `.` and a field of the reports' JSON; a
    /// field alone is that of everything in scope.
    ///
    /// # Errors
    /// A name that nothing has.
    pub fn find(
        name: &'a str,
        report: &'a Report,
        recommended: &'a RecommendReport,
    ) -> Result<(Self, Option<&'a str>), NoTarget> {
        if let Some(target) = Self::named(name, report, recommended) {
            return Ok((target, None));
        }
        let (of, field) = name.rsplit_once('.').unwrap_or(("all", name));
        let target = Self::named(of, report, recommended);
        let is_field = super::arithmetic::NAMES.contains(&field);
        target.filter(|_| is_field).map(|target| (target, Some(field))).ok_or_else(|| NoTarget {
            name: name.to_owned(),
            like: like(name, report, recommended),
        })
    }

    fn named(name: &str, report: &'a Report, recommended: &'a RecommendReport) -> Option<Self> {
        let recommendations = recommended.recommendations.iter().chain(&recommended.refused);
        let workload = |w: &&WorkloadRow| workload_name(w) == name;
        let tenant = |t: &&TenantRow| t.tenant == name;
        None.or_else(|| {
            recommendations.clone().find(|r| r.finding.id == name).map(Self::Recommendation)
        })
        .or_else(|| report.workloads.iter().find(workload).map(Self::Workload))
        .or_else(|| report.tenants.iter().find(tenant).map(Self::Tenant))
        .or_else(|| ALL.contains(&name).then_some(Self::All(report)))
    }

    /// Name of what it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Recommendation(_) => "recommendation",
            Self::Workload(_) => "workload",
            Self::Tenant(_) => "tenant",
            Self::All(_) => "fleet",
        }
    }

    /// Time and money, and how utilization was spread, where it has a row of its own.
    pub(super) const fn row(&self) -> Option<(&'a Ledger, Option<&'a Usage>)> {
        match self {
            Self::Recommendation(_) => None,
            Self::Workload(row) => Some((&row.ledger, Some(&row.usage))),
            Self::Tenant(row) => Some((&row.ledger, Some(&row.usage))),
            Self::All(report) => Some((&report.in_scope.ledger, None)),
        }
    }
}

/// `namespace/kind/name`.
pub(super) fn workload_name(row: &WorkloadRow) -> String {
    format!("{}/{}/{}", row.namespace, row.kind, row.name)
}

/// Names that contain what was asked for, or a part of it.
fn like(name: &str, report: &Report, recommended: &RecommendReport) -> Vec<String> {
    let recommendations = recommended.recommendations.iter().chain(&recommended.refused);
    let all = recommendations
        .map(|r| r.finding.id.clone())
        .chain(report.workloads.iter().map(workload_name))
        .chain(report.tenants.iter().map(|t| t.tenant.clone()));
    let part = name.rsplit(['/', ':']).next().unwrap_or(name).to_lowercase();
    let all: Vec<String> = all.collect();
    let like = |n: &&String| !part.is_empty() && n.to_lowercase().contains(&part);
    let found: Vec<String> = all.iter().filter(like).take(OFFERED).cloned().collect();
    if found.is_empty() { all.into_iter().take(OFFERED).collect() } else { found }
}
