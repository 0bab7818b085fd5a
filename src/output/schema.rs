//! The JSON Schemas of the reports, as published in `schema/`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::access::contract::{self as access, AccessReport};
use crate::budget::contract::{self as budget, BudgetList, BudgetReport};
use crate::claims::contract::{self as claims, ClaimsReport};
use crate::cleanup::contract::{self as cleanup, PatchSet};
use crate::cleanup::plan::contract::{self as plan, Plan};
use crate::cleanup::result::{self as run, RunReport};
use crate::compare::contract::{self as compare, CompareReport};
use crate::doctor::contract::{self as doctor, DoctorReport};
use crate::explain::contract::{self as explain, Explanation};
use crate::gate::contract::{self as gate, DiffReport};
use crate::recommend::contract::{self as recommend, RecommendReport};
use crate::reconcile::contract::{self as reconcile, ReconcileReport};
use crate::report::contract::{Report, SCHEMA_VERSION};

/// The JSON Schema (draft 2020-12) of what `-o json` prints: every field is there, unknown
/// fields are not.
#[must_use]
pub fn report_schema() -> Value {
    published::<Report>("gpu-finops report", SCHEMA_VERSION)
}

/// The JSON Schema of what `claims -o json` prints, in the same way.
#[must_use]
pub fn claims_schema() -> Value {
    published::<ClaimsReport>("gpu-finops claims", claims::SCHEMA_VERSION)
}

/// The JSON Schema of what `budget check -o json` and `budget explain -o json` print, in the same way.
#[must_use]
pub fn budget_schema() -> Value {
    published::<BudgetReport>("gpu-finops budget", budget::SCHEMA_VERSION)
}

/// The JSON Schema of what `budget list -o json` prints, in the same way.
#[must_use]
pub fn budget_list_schema() -> Value {
    published::<BudgetList>("gpu-finops budget list", budget::SCHEMA_VERSION)
}

/// The JSON Schema of what `doctor -o json` prints, in the same way.
#[must_use]
pub fn doctor_schema() -> Value {
    published::<DoctorReport>("gpu-finops doctor", doctor::SCHEMA_VERSION)
}

/// The JSON Schema of what `doctor rbac -o json` prints, in the same way.
#[must_use]
pub fn access_schema() -> Value {
    published::<AccessReport>("gpu-finops doctor rbac", access::SCHEMA_VERSION)
}

/// The JSON Schema of what `recommend -o json` prints, in the same way.
#[must_use]
pub fn recommend_schema() -> Value {
    published::<RecommendReport>("gpu-finops recommend", recommend::SCHEMA_VERSION)
}

/// The JSON Schema of what `reconcile -o json` prints, in the same way.
#[must_use]
pub fn reconcile_schema() -> Value {
    published::<ReconcileReport>("gpu-finops reconcile", reconcile::SCHEMA_VERSION)
}

/// The JSON Schema of what `explain -o json` prints, in the same way.
#[must_use]
pub fn explain_schema() -> Value {
    published::<Explanation>("gpu-finops explain", explain::SCHEMA_VERSION)
}

/// The JSON Schema of what `patch -o json` prints, in the same way.
#[must_use]
pub fn patch_schema() -> Value {
    published::<PatchSet>("gpu-finops patch", cleanup::SCHEMA_VERSION)
}

/// The JSON Schema of what `plan` writes, in the same way.
#[must_use]
pub fn plan_schema() -> Value {
    published::<Plan>("gpu-finops plan", plan::SCHEMA_VERSION)
}

/// The JSON Schema of what `apply -o json`, `cleanup -o json` and `rollback -o json` print, in the same way.
#[must_use]
pub fn run_schema() -> Value {
    published::<RunReport>("gpu-finops run", run::SCHEMA_VERSION)
}

/// The JSON Schema of what `diff -o json` prints, in the same way.
#[must_use]
pub fn diff_schema() -> Value {
    published::<DiffReport>("gpu-finops diff", gate::SCHEMA_VERSION)
}

/// The JSON Schema of what `compare -o json` prints, in the same way.
#[must_use]
pub fn compare_schema() -> Value {
    published::<CompareReport>("gpu-finops compare", compare::SCHEMA_VERSION)
}

fn published<T: JsonSchema>(title: &str, version: &str) -> Value {
    let mut schema = schema_of::<T>();
    schema.insert("title".to_owned(), Value::from(title));
    schema.insert("version".to_owned(), Value::from(version));
    schema.to_value()
}

/// The schema of a type as it is written out.
pub(super) fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
