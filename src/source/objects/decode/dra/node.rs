//! The one node that devices can be reached from, if there is one.

use serde_json::Value;

use super::fields::{self, within};

/// Field and label that name a node, in the order in which they are trusted.
const PINS: &[(&str, &str)] =
    &[("matchFields", "metadata.name"), ("matchExpressions", "kubernetes.io/hostname")];

/// The node of a slice or device: `nodeName`, or a `nodeSelector` that leaves exactly one.
pub(super) fn pinned_node(of: &Value) -> Result<Option<String>, String> {
    if let Some(name) = fields::text(of, "nodeName")? {
        return Ok(Some(name.to_owned()));
    }
    let selector = fields::object(of, "nodeSelector")?;
    let terms = fields::list(selector, "nodeSelectorTerms").map_err(within("nodeSelector"))?;
    // Any of the terms suffices: all have to say the same node.
    let mut nodes = terms.iter().map(pinned_by);
    let Some(first) = nodes.next().flatten() else { return Ok(None) };
    Ok(nodes.all(|node| node == Some(first)).then(|| first.to_owned()))
}

fn pinned_by(term: &Value) -> Option<&str> {
    PINS.iter().find_map(|(list, key)| {
        let requirements = term.get(list)?.as_array()?.iter();
        let mut of_key = requirements.filter(|r| r["key"] == *key && r["operator"] == "In");
        of_key.find_map(|requirement| match requirement["values"].as_array()?.as_slice() {
            [Value::String(node)] if !node.is_empty() => Some(node.as_str()),
            _ => None,
        })
    })
}
