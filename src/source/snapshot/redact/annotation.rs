//! Values of annotations that have a form of their own: schedulers write numbers, cards and owners into them,
//! and a report reads them. Numbers, GPU models and kinds stay; each name in them is replaced by itself.

use serde_json::Value;

use super::clear;
use super::objects::any;
use super::pseudonym::Pseudonyms;

/// A number: the part of a card that a pod wants, or which card a pod has.
const NUMBERS: &[&str] =
    &["gpu-fraction", "gpu-fraction-num-devices", "gpu-memory", "run.ai/reserve_for_gpu_index"];
/// JSON about objects.
const OBJECTS: &[&str] = &["vcluster.loft.sh/owner-references"];
/// Lists of cards, with the place of the GPU model in each entry.
const CARDS: &[(&str, usize)] = &[
    ("hami.io/vgpu-devices-allocated", 1),
    ("volcano.sh/vgpu-ids-new", 1),
    ("hami.io/node-nvidia-register", 4),
    ("volcano.sh/node-vgpu-register", 3),
];

/// The redacted value of the annotation `key`; `None` where it has no form that is known.
pub(super) fn redacted(names: &Pseudonyms, key: &str, text: &str) -> Option<String> {
    if NUMBERS.contains(&key) {
        return clear::is_quantity(text.trim()).then(|| text.to_owned());
    }
    if OBJECTS.contains(&key) {
        let value: Value = serde_json::from_str(text).ok()?;
        return Some(any(names, "", &value).to_string());
    }
    let (_, model) = CARDS.iter().find(|(list, _)| *list == key)?;
    match text.trim_start().starts_with('[') {
        true => described(names, text),
        false => Some(listed(names, text, *model)),
    }
}

/// `UUID,10,32768,100,model,0,true:` and the like, with `:` and `;` between entries.
fn listed(names: &Pseudonyms, text: &str, model: usize) -> String {
    let entry = |entry: &str| {
        let field = |(place, text): (usize, &str)| match text.trim() {
            text if place == model || is_figure(text) => text.to_owned(),
            text => card(names, text),
        };
        entry.split(',').enumerate().map(field).collect::<Vec<_>>().join(",")
    };
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive([':', ';']) {
        let end = piece.trim_end_matches([':', ';']);
        out.push_str(&entry(end));
        out.push_str(&piece[end.len()..]);
    }
    out
}

/// The newer form: JSON, a card an object.
fn described(names: &Pseudonyms, text: &str) -> Option<String> {
    let mut cards: Vec<serde_json::Map<String, Value>> = serde_json::from_str(text).ok()?;
    for (key, value) in cards.iter_mut().flatten() {
        *value = match &*value {
            Value::Number(_) | Value::Bool(_) | Value::Null => continue,
            Value::String(_) if key == "type" => continue,
            Value::String(text) => Value::String(card(names, text)),
            other => any(names, "", other),
        };
    }
    serde_json::to_string(&cards).ok()
}

fn is_figure(text: &str) -> bool {
    clear::is_quantity(text) || matches!(text, "" | "true" | "false")
}

/// A UUID, and the instance that HAMi puts behind it: `GPU-…[1-0]`.
fn card(names: &Pseudonyms, text: &str) -> String {
    let is_place = |c: char| c.is_ascii_digit() || c == '-';
    match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((uuid, place)) if place.chars().all(is_place) => {
            format!("{}[{place}]", names.parts(uuid))
        }
        _ => names.parts(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snapshot::redact::Salt;

    fn names() -> Pseudonyms {
        Pseudonyms::new(Salt::fixed([3; 32]))
    }

    #[test]
    fn cards_keep_their_figures_and_lose_their_names() {
        let names = names();
        let id = names.parts("GPU-8d1f");
        let of = |key: &str, text: &str| redacted(&names, key, text).expect("a known form");
        let given = "hami.io/vgpu-devices-allocated";
        assert_eq!(of(given, "GPU-8d1f,NVIDIA,8192,25:;"), format!("{id},NVIDIA,8192,25:;"));
        assert_eq!(
            of(given, " GPU-8d1f[1-0] ,NVIDIA,8192,0:GPU-8d1f,NVIDIA,1,2:;"),
            format!("{id}[1-0],NVIDIA,8192,0:{id},NVIDIA,1,2:;")
        );
        assert_eq!(
            of("hami.io/node-nvidia-register", "GPU-8d1f,10,32768,100,NVIDIA-Tesla V100,0,true:"),
            format!("{id},10,32768,100,NVIDIA-Tesla V100,0,true:")
        );
        assert_eq!(
            of("volcano.sh/node-vgpu-register", "GPU-8d1f,10,16384,NVIDIA-Tesla T4,true:"),
            format!("{id},10,16384,NVIDIA-Tesla T4,true:")
        );
        let json =
            r#"[{"id":"GPU-8d1f","count":10,"type":"NVIDIA A10","mode":"bob","health":true}]"#;
        let bob = names.whole("bob");
        assert_eq!(
            of("hami.io/node-nvidia-register", json),
            format!(
                r#"[{{"id":"{id}","count":10,"type":"NVIDIA A10","mode":"{bob}","health":true}}]"#
            )
        );
    }

    #[test]
    fn what_has_another_form_stays_to_the_rule_for_all_annotations() {
        let names = names();
        for (key, text) in [
            ("gpu-fraction", "bob"),
            ("hami.io/node-nvidia-register", "[bob"),
            ("vcluster.loft.sh/owner-references", "bob"),
            ("acme.io/note", "0.5"),
        ] {
            assert_eq!(redacted(&names, key, text), None, "{key}");
        }
        assert_eq!(redacted(&names, "gpu-fraction", "0.5").as_deref(), Some("0.5"));
        let torn = redacted(&names, "hami.io/vgpu-devices-allocated", "bob,NVIDIA,bob bob,1:;");
        assert!(torn.is_some_and(|text| !text.contains("bob")));
    }

    #[test]
    fn owners_in_a_virtual_cluster_keep_their_kind() {
        let names = names();
        let text = r#"[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u","controller":true}]"#;
        let (web, uid) = (names.whole("web"), names.whole("u"));
        assert_eq!(
            redacted(&names, "vcluster.loft.sh/owner-references", text),
            Some(format!(
                r#"[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"{web}","uid":"{uid}","controller":true}}]"#
            ))
        );
    }
}
