//! Prices of OpenCost, fetched before settings are resolved, so that they are rules of the book like all others.

use crate::error::{Error, Result};
use crate::model::policy::{PriceOrigin, PriceRule};
use crate::settings::layers::Layers;
use crate::settings::parse;
use crate::source::opencost::{self, Error as Refused, NodePrice, Place};

/// The layers with the prices that `--opencost` names, if it names any.
///
/// # Errors
///
/// A URL that cannot be asked; no answer; an answer without prices.
pub(super) fn fetched(layers: Layers) -> Result<Layers> {
    let Some(place) = layers.one("opencost", place)? else { return Ok(layers) };
    let token = layers.one("opencost-bearer-token-file", parse::path)?;
    let asked = opencost::prices(&place, token.as_deref());
    // Settings are resolved in one go, by commands that wait for nothing else yet.
    let answered =
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked));
    let (target, prices) = answered.map_err(|e| refused(&e))?;
    let rules = prices.iter().map(|price| rule(price, &target)).collect::<Result<_>>()?;
    Ok(layers.with_fetched_prices(rules))
}

fn place(text: &str) -> parse::Read<Place> {
    match text.contains("://") {
        true => Ok(Place::Url(text.to_owned())),
        false => parse::path(text).map(Place::File),
    }
}

fn rule(price: &NodePrice, target: &str) -> Result<PriceRule> {
    let believed = parse::positive_price(price.per_gpu_hour).map_err(|e| {
        let (node, value) = (&price.node, price.per_gpu_hour);
        Error::failed(format!("OpenCost {target}: node {node}: {value} per GPU-hour {e}"))
    })?;
    Ok(PriceRule {
        model: None,
        instance_type: None,
        capacity_type: None,
        region: None,
        node: Some(price.node.clone()),
        node_labels: std::collections::BTreeMap::new(),
        per_gpu_hour: believed,
        source: format!("OpenCost {target}"),
        date: None,
        origin: PriceOrigin::File,
    })
}

fn refused(error: &Refused) -> Error {
    let message = format!("no prices of OpenCost: {error}");
    match error {
        Refused::Url { .. } => Error::usage(message)
            .hinted("write it like `--opencost http://opencost.opencost:9003`, or name a file with its answer"),
        Refused::Unanswered { .. } => Error::failed(message)
            .hinted("`kubectl -n opencost port-forward deployment/opencost 9003` makes it http://localhost:9003"),
        Refused::Answer { .. } => Error::failed(message),
    }
}
