//! ResourceClaimTemplates.

use serde_json::Value;

use super::super::metadata::Metadata;
use super::fields::{self, Complain, within};
use super::request::requests;
use crate::model::dra::ClaimTemplateFact;

/// One template.
///
/// # Errors
/// When its `spec` is not one.
pub(super) fn template(
    metadata: Metadata,
    namespace: String,
    value: &Value,
    complain: Complain<'_>,
) -> Result<ClaimTemplateFact, String> {
    let spec = fields::object(value, "spec")
        .and_then(|outer| fields::object(outer, "spec").map_err(within("spec")))
        .map_err(|error| format!("{error}; the template is left out"))?;
    let mut here = |detail: String| complain(format!("spec.{detail}"));
    Ok(ClaimTemplateFact { namespace, name: metadata.name, requests: requests(spec, &mut here) })
}
