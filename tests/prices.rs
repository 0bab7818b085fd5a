//! Prices of files and of OpenCost, as commands take them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::http::{Answer, HttpServer};
use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::in_repository;

/// Nodes of the demo with what OpenCost says of an hour of their GPUs, as `/assets` answers.
fn assets(nodes: &[String]) -> String {
    let one = |(i, node): (usize, &String)| {
        let asset = json!({
            "type": "Node",
            "properties": {"category": "Compute", "provider": "AWS", "cluster": "c", "name": node, "providerID": "i-1"},
            "labels": {}, "window": {"start": "2026-11-09T00:00:00Z", "end": "2026-11-16T00:00:00Z"},
            "start": "2026-11-09T00:00:00Z", "end": "2026-11-16T00:00:00Z", "minutes": 10_080.0,
            "nodeType": "p5.48xlarge", "cpuCores": 192.0, "cpuCost": 11.0, "ramCost": 7.0,
            "GPUHours": 100.0, "gpuCount": 8.0, "gpuCost": 100.0 * cost(i), "discount": 0.3, "adjustment": 0.0,
            "totalCost": 1.0,
        });
        (format!("AWS/__undefined__/c/Compute/Node/{node}"), asset)
    };
    let set: serde_json::Map<String, Value> = nodes.iter().enumerate().map(one).collect();
    json!({"code": 200, "data": [set]}).to_string()
}

#[expect(clippy::cast_precision_loss, reason = "small")]
fn cost(i: usize) -> f64 {
    1.0 + i as f64 / 4.0
}

fn report(args: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.args(["report", "-o", "json", "--snapshot"]).arg(in_repository("fixtures/demo"));
    Outcome::of(command.args(args))
}

fn nodes() -> Vec<String> {
    let report = report(&[]).json();
    let nodes = report["nodes"].as_array().expect("a list");
    nodes.iter().filter_map(|node| node["node"].as_str()).map(ToOwned::to_owned).collect()
}

fn check(report: &Value, nodes: &[String], source: &str) {
    for gpu in report["gpus"].as_array().expect("a list") {
        let at = nodes.iter().position(|node| gpu["node"] == node.as_str()).expect("a node");
        assert_eq!(gpu["price_per_hour"], json!(cost(at)), "{gpu:#}");
        assert_eq!(gpu["price_source"], json!(format!("OpenCost {source}")));
    }
}

#[test]
fn opencost_prices_each_node_over_http_and_from_a_file() {
    let nodes = nodes();
    let body = assets(&nodes);
    let server = HttpServer::start({
        let body = body.clone();
        move |_| Answer::json(body.clone())
    });
    let folder = TempDir::new().expect("temporary folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").expect("written");
    let token = token.to_str().expect("UTF-8");
    let url = format!("{}/model", server.url());
    let of_server = report(&["--opencost", &url, "--opencost-bearer-token-file", token]).json();
    check(&of_server, &nodes, &format!("{url}/assets"));
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].target.starts_with("/model/assets?"), "{}", seen[0].target);
    assert_eq!(seen[0].text(), "window=7d\naccumulate=true\n");
    assert_eq!(seen[0].header("authorization"), Some("Bearer s3cret"));
    let value = of_server["assumptions"].as_array().expect("a list");
    let value = value.iter().find(|row| row["key"] == "prices.rules").expect("a row");
    assert!(
        value["value"].as_str().is_some_and(|text| text.contains("from price files")),
        "{value}"
    );
    let file = folder.path().join("assets.json");
    std::fs::write(&file, &body).expect("written");
    let file = file.to_str().expect("UTF-8");
    check(&report(&["--opencost", file]).json(), &nodes, file);
    // What is typed comes first.
    let typed = report(&["--opencost", file, "--price", "*=9"]).json();
    assert_eq!(typed["gpus"][0]["price_per_hour"], json!(9.0));
}

#[test]
fn opencost_that_does_not_answer_is_told_and_no_price_is_made_up() {
    let answers = |answer: fn() -> Answer| HttpServer::start(move |_| answer());
    let denied = answers(|| Answer::status(403, "no entry for s3cret"));
    report(&["--opencost", &denied.url()])
        .failed_with(1, &["no prices of OpenCost", &denied.url(), "/assets", "403"]);
    let empty = answers(|| Answer::json(r#"{"code":200,"data":[{}]}"#));
    report(&["--opencost", &empty.url()]).failed_with(1, &[&empty.url(), "no node with a cost"]);
    let page = answers(|| Answer::status(200, "<html>sign in</html>"));
    report(&["--opencost", &page.url()]).failed_with(1, &["not JSON"]);
    let broken = answers(|| Answer::Broken);
    report(&["--opencost", &broken.url()]).failed_with(1, &["no prices of OpenCost"]);
    let elsewhere = answers(|| {
        Answer::Reply(302, vec![("location", "http://192.0.2.1/login".into())], Vec::new())
    });
    report(&["--opencost", &elsewhere.url()]).failed_with(1, &["192.0.2.1"]);
    let huge = answers(|| {
        let zero = r#"{"code":200,"data":{"n":{"type":"Node","properties":{"name":"n"},"gpuCost":1e30,"GPUHours":1}}}"#;
        Answer::json(zero)
    });
    report(&["--opencost", &huge.url()]).failed_with(1, &["node n", "believable"]);
    report(&["--opencost", "http://127.0.0.1:1"]).failed_with(1, &["127.0.0.1:1", "port-forward"]);
    let usage = report(&["--opencost", "ftp://user:s3cret@oc/x"]);
    usage.failed_with(2, &["ftp://oc/x", "not a URL of OpenCost"]);
    assert!(!usage.err.contains("s3cret"), "{}", usage.err);
    report(&["--opencost", "nowhere.json"]).failed_with(1, &["nowhere.json", "cannot be read"]);
}

#[test]
fn a_price_list_comes_after_the_price_book() {
    let folder = TempDir::new().expect("temporary folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let node = &nodes()[0];
    let list = file("list.csv", "model,price_per_gpu_hour,currency\n*,2,USD\n");
    let book = file("book.yaml", &format!("rules: [{{match: {{node: {node}}}, per_gpu_hour: 3}}]"));
    let found = report(&["--price-csv", &list, "--price-book", &book]).json();
    for gpu in found["gpus"].as_array().expect("a list") {
        let price = if gpu["node"] == node.as_str() { 3.0 } else { 2.0 };
        assert_eq!(gpu["price_per_hour"], json!(price));
    }
    let mut prices = gpu_finops();
    let listed = Outcome::of(prices.args(["prices", "list", "--price-csv", &list, "-o", "json"]));
    let first = &listed.json()[0];
    assert_eq!((&first["origin"], &first["applies_to"]), (&json!("file"), &json!("model=*")));
    let wrong = file("wrong.csv", "sku,price\nA,1\n");
    report(&["--price-csv", &wrong]).failed_with(2, &["wrong.csv", "sku, price", "OpenCost"]);
}
