use prost::Message;

use super::super::series_labels::LabelReader;
use super::super::testing;
use super::*;

fn known(labels: &[(&str, &str)]) -> Normaliser {
    Normaliser::new(Suspects::Known(set(labels).into_iter().collect()))
}

fn set(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn normalised(normaliser: &Normaliser, labels: &[(&str, &str)]) -> Labels {
    let messages: Vec<_> = testing::labels(labels).iter().map(Message::encode_to_vec).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut reader = LabelReader::new(normaliser.clone());
    let read = reader.read(&messages).unwrap();
    assert!(reader.is_same(&messages) && reader.read(&messages).unwrap() == read);
    read
}

#[test]
fn what_the_server_added_goes_and_the_rest_stays() {
    let normaliser = known(&[("cluster", "eu"), ("prometheus_replica", "p-0")]);
    let labels = [("UUID", "a"), ("cluster", "eu"), ("empty", ""), ("prometheus_replica", "p-0")];
    assert_eq!(normalised(&normaliser, &labels), set(&[("UUID", "a")]));
    // The series' own, which comes before the external one.
    let labels = [("UUID", "a"), ("cluster", "us"), ("replica", "1")];
    assert_eq!(normalised(&normaliser, &labels), set(&labels));
}

#[test]
fn a_label_that_the_query_api_shows_is_the_series_own() {
    let normaliser = known(&[("cluster", "eu"), ("region", "r")])
        .with_own(vec![set(&[("UUID", "a"), ("cluster", "eu")])]);
    let both = |uuid| set(&[("UUID", uuid), ("cluster", "eu"), ("region", "r")]);
    let labels = |uuid| {
        let set = both(uuid);
        let labels: Vec<_> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        normalised(&normaliser, &labels)
    };
    assert_eq!(labels("a"), set(&[("UUID", "a"), ("cluster", "eu")]));
    assert_eq!(labels("b"), set(&[("UUID", "b")]));
}

#[test]
fn without_a_configuration_labels_of_replicas_are_suspects() {
    let normaliser = Normaliser::new(Suspects::Replicas);
    let labels = [("UUID", "a"), ("__replica__", "x"), ("cluster", "eu"), ("prometheus", "m/k")];
    assert_eq!(normalised(&normaliser, &labels), set(&[("UUID", "a"), ("cluster", "eu")]));
    // Two replicas that a store keeps apart stay apart.
    let own = |replica| set(&[("UUID", "a"), ("replica", replica)]);
    let normaliser = normaliser.with_own(vec![own("1"), own("2")]);
    assert_eq!(normalised(&normaliser, &[("UUID", "a"), ("replica", "2")]), own("2"));
    assert_eq!(normalised(&normaliser, &[("UUID", "a"), ("replica", "3")]), set(&[("UUID", "a")]));
}

#[test]
fn the_series_with_a_label_of_their_own_are_asked_for_exactly() {
    let suspects = Suspects::Known([("cluster".into(), "a.b\"c".into())].into());
    assert_eq!(suspects.own(r#"{__name__="m"}"#), [r#"{__name__="m",cluster=~"a\\.b\"c"}"#]);
    assert_eq!(Suspects::Known(BTreeMap::new()).own(r#"{__name__="m"}"#), Vec::<String>::new());
    assert_eq!(Suspects::Replicas.own("m{}").len(), REPLICA_LABELS.len());
}

#[test]
fn external_labels_stand_in_the_configuration() {
    let read = |yaml: &str| {
        let body = serde_json::json!({"status": "success", "data": {"yaml": yaml}}).to_string();
        external_labels(body.as_bytes()).map(|answer| answer.data)
    };
    let yaml = "global:\n  scrape_interval: 1m\n  external_labels:\n    cluster: eu\n    \
                prometheus_replica: \"0\"\nscrape_configs:\n- job_name: x\n  basic_auth:\n    \
                username: a\n    password: <secret>\n";
    let labels = read(yaml).unwrap();
    assert_eq!(
        labels,
        [("cluster".into(), "eu".into()), ("prometheus_replica".into(), "0".into())].into()
    );
    for yaml in
        ["", "global: {}\n", "global:\n", "global:\n  external_labels:\n", "rule_files: []\n"]
    {
        assert_eq!(read(yaml).unwrap(), BTreeMap::new(), "{yaml:?}");
    }
    for yaml in ["global: [", "global: {external_labels: [a]}"] {
        assert!(read(yaml).is_err(), "{yaml:?}");
    }
}
