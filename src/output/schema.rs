//! The JSON Schema of the report, as published in `schema/report.schema.json`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::report::contract::{Report, SCHEMA_VERSION};

/// The JSON Schema (draft 2020-12) of what `-o json` prints: every field is there, unknown
/// fields are not.
#[must_use]
pub fn report_schema() -> Value {
    let mut schema = schema_of::<Report>();
    schema.insert("title".to_owned(), Value::from("gpu-finops report"));
    schema.insert("version".to_owned(), Value::from(SCHEMA_VERSION));
    schema.to_value()
}

/// The schema of a type as it is written out.
pub(super) fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
