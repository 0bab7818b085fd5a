//! From an answer of `/assets` or `/allocation` to prices of nodes.

use std::collections::BTreeMap;

use serde_json::Value;

/// What an hour of a node's GPUs costs by OpenCost.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePrice {
    /// Name of the node.
    pub node: String,
    /// Currency per GPU-hour.
    pub per_gpu_hour: f64,
}

/// Prices by node, in the order of their names. Both shapes of `data` are known: a list of maps, one for each step of
/// the window, and a map alone.
///
/// # Errors
///
/// No such answer; an error that it tells; no node with a cost of GPUs.
pub fn decode(body: &[u8]) -> Result<Vec<NodePrice>, String> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|e| format!("is no answer of OpenCost: not JSON: {e}"))?;
    if let Some(code) = answer["code"].as_i64().filter(|code| *code != 200) {
        let message = answer["message"].as_str().unwrap_or_default();
        return Err(format!("answers with code {code}: {message}"));
    }
    let sets: Vec<&Value> = match &answer["data"] {
        Value::Array(sets) => sets.iter().collect(),
        set @ Value::Object(_) => vec![set],
        _ => return Err("is no answer of OpenCost: it has no `data`".to_owned()),
    };
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for item in sets.into_iter().filter_map(Value::as_object).flat_map(serde_json::Map::values) {
        if let Some((node, cost, hours)) = of_item(item) {
            let sum = sums.entry(node.to_owned()).or_default();
            *sum = (sum.0 + cost, sum.1 + hours);
        }
    }
    let prices: Vec<NodePrice> = sums
        .into_iter()
        .filter(|(_, (cost, hours))| *cost > 0.0 && *hours > 0.0)
        .map(|(node, (cost, hours))| NodePrice { node, per_gpu_hour: cost / hours })
        .collect();
    match prices.is_empty() {
        true => Err("has no node with a cost of GPUs; \
                     ask for `/assets`, or for `/allocation` without `aggregate`, of a window in which there were some"
            .to_owned()),
        false => Ok(prices),
    }
}

/// Node, cost of its GPUs, GPU-hours; `None` for what is no node with GPUs. OpenCost's discount is on CPU and memory, and
/// `adjustment` of an asset is of the whole node, so neither belongs to the GPUs; that of an allocation is theirs.
fn of_item(item: &Value) -> Option<(&str, f64, f64)> {
    let number = |key: &str| item[key].as_f64().filter(|value| value.is_finite());
    let properties = &item["properties"];
    let is_asset = item["type"].is_string();
    let name = match is_asset {
        true if item["type"] == "Node" => &properties["name"],
        true => return None,
        false => &properties["node"],
    };
    let node = name.as_str().filter(|name| !name.is_empty())?;
    let hours = number("GPUHours").or_else(|| number("gpuHours")).filter(|hours| *hours > 0.0);
    let hours = hours.or_else(|| Some(number("gpuCount")? * number("minutes")? / 60.0))?;
    let cost = number("gpuCost")? + number("gpuCostAdjustment").unwrap_or(0.0);
    (hours > 0.0).then_some((node, cost, hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(text: &str) -> Result<Vec<(String, f64)>, String> {
        let prices = decode(text.as_bytes())?;
        Ok(prices.into_iter().map(|price| (price.node, price.per_gpu_hour)).collect())
    }

    #[test]
    fn assets_have_nodes_with_gpu_cost() {
        let node = |name: &str, rest: &str| {
            format!(
                r#"{{"type":"Node","properties":{{"category":"Compute","cluster":"c1","name":"{name}","providerID":"i-1"}},
                "minutes":1440,"nodeType":"p5.48xlarge","cpuCost":40,"ramCost":30,"discount":0.3,"adjustment":-2,{rest},"totalCost":1}}"#
            )
        };
        let disk =
            r#"{"type":"Disk","properties":{"name":"n1"},"minutes":1440,"gpuCost":9,"gpuCount":1}"#;
        let set = format!(
            r#"{{"a":{},"b":{},"c":{},"d":{disk}}}"#,
            node("n1", r#""GPUHours":192,"gpuCount":8,"gpuCost":960"#),
            node("n2", r#""gpuCount":4,"gpuCost":192"#),
            node("cpu", r#""GPUHours":0,"gpuCount":0,"gpuCost":0"#),
        );
        let expected = vec![("n1".to_owned(), 5.0), ("n2".to_owned(), 2.0)];
        assert_eq!(prices(&format!(r#"{{"code":200,"data":{set}}}"#)), Ok(expected.clone()));
        // Two steps of a window: sums, not the mean of means.
        assert_eq!(prices(&format!(r#"{{"code":200,"data":[{set},{set}]}}"#)), Ok(expected));
    }

    #[test]
    fn allocations_are_added_up_by_node() {
        let item = |pod: &str, cost: f64, hours: f64, adjustment: f64| {
            format!(
                r#""{pod}":{{"name":"{pod}","properties":{{"cluster":"c1","node":"n1","pod":"{pod}"}},"minutes":60,
                "gpuCount":1,"gpuHours":{hours},"gpuCost":{cost},"gpuCostAdjustment":{adjustment},"cpuCost":3}}"#
            )
        };
        let text = format!(
            r#"{{"code":200,"status":"success","data":[{{{},{},"__idle__":{{"name":"__idle__","properties":{{"cluster":"c1"}},"gpuCost":5,"gpuHours":0}}}}]}}"#,
            item("a", 6.0, 2.0, 0.0),
            item("b", 3.0, 1.0, -3.0)
        );
        assert_eq!(prices(&text), Ok(vec![("n1".to_owned(), 2.0)]));
    }

    #[test]
    fn what_is_no_price_is_told() {
        for (text, part) in [
            ("<html>", "not JSON"),
            ("[]", "no `data`"),
            (r#"{"code":500,"message":"no window"}"#, "code 500: no window"),
            (r#"{"code":200,"data":[{}]}"#, "no node with a cost of GPUs"),
            (r#"{"code":200,"data":[null]}"#, "no node with a cost of GPUs"),
            (
                r#"{"code":200,"data":{"n":{"type":"Node","properties":{"name":"n"},"gpuCost":0,"GPUHours":5}}}"#,
                "no node",
            ),
        ] {
            let error = prices(text).expect_err(text);
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}
