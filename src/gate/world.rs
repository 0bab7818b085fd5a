//! What the objects of a set say about each other: claims, their templates and classes, autoscalers, blueprints.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ask::{Part, Piece, Pool, Unknown, text};
use super::scale::{Range, Scalers};
use super::{Assumed, cel, claims, pods, requests};
use crate::attribution::label_view::LabelView;
use crate::kinds::Found;
use crate::model::dra::is_gpu_driver;
use crate::model::manifests::Manifest;

/// What objects of a set say about each other.
pub(super) struct World<'a> {
    pub(super) assumed: &'a Assumed,
    pub(super) scalers: Scalers,
    /// By kind and name.
    named: BTreeMap<(&'a str, &'a str), Vec<&'a Value>>,
}

impl<'a> World<'a> {
    pub(super) fn new(items: &'a [Manifest], assumed: &'a Assumed) -> Self {
        let mut named: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
        for manifest in items {
            let object = &manifest.object;
            let name = (text(object, "/kind"), text(object, "/metadata/name"));
            named.entry(name).or_default().push(object);
        }
        Self { assumed, scalers: Scalers::of(items), named }
    }

    /// The object of this kind and name; of several, that of the namespace, where neither leaves it open.
    fn find(&self, kind: &str, name: &str, namespace: &str) -> Option<&'a Value> {
        let all = self.named.get(&(kind, name))?;
        let of = |object: &&&Value| text(object, "/metadata/namespace") == namespace;
        let is_open = |object: &&&Value| {
            namespace.is_empty() || text(object, "/metadata/namespace").is_empty()
        };
        all.iter().find(of).or_else(|| all.iter().find(is_open)).copied()
    }

    /// A template that others name.
    pub(super) fn blueprint(&self, kind: &str, name: &str) -> Option<&'a Value> {
        self.named.get(&(kind, name)).and_then(|all| all.first()).copied()
    }

    /// The pods that an object makes, and what could not be told of them.
    pub(super) fn pools(&self, object: &Value, unknown: &mut Vec<Unknown>) -> Vec<Pool> {
        let kind = text(object, "/kind");
        let alone = |pieces| Pool {
            role: "claim",
            pods: Range::fixed(1),
            pieces,
            node: LabelView::default(),
            metadata: Value::Null,
        };
        match kind {
            "ResourceClaim" | "ResourceClaimTemplate" if claims::is_classic(object) => {
                let version = text(object, "/apiVersion");
                let message = format!("{version} is not understood (v1, v1beta2 and v1beta1 are)");
                unknown.push(Unknown { message, at: "/apiVersion".to_owned() });
                Vec::new()
            }
            // However many pods share it, it holds its devices once.
            "ResourceClaim" => vec![alone(claims::pieces(&object["spec"], "/spec", self, unknown))],
            "PodGroup" => vec![alone(self.of_group(object, unknown))],
            _ => {
                let pools = pods::pools(object, self, unknown);
                if pools.is_empty() && unknown.is_empty() && !pods::is_blueprint(kind) {
                    unknown.extend(unknown_kind(object));
                }
                pools
            }
        }
    }

    /// Claims of a pod group: one each, for all of its pods.
    fn of_group(&self, group: &Value, unknown: &mut Vec<Unknown>) -> Vec<Piece> {
        let list = group.pointer("/spec/resourceClaims").and_then(Value::as_array);
        let namespace = text(group, "/metadata/namespace");
        let claims = list.into_iter().flatten().enumerate();
        let of = |(index, claim): (usize, &Value)| {
            self.of_claim(claim, namespace, &format!("/spec/resourceClaims/{index}"), unknown)
        };
        claims.flat_map(of).collect()
    }

    /// Devices of the claims that each pod of a template gets of its own.
    pub(super) fn claimed(
        &self,
        object: &Value,
        found: &Found<'_>,
        unknown: &mut Vec<Unknown>,
    ) -> Vec<Piece> {
        let namespace = text(object, "/metadata/namespace");
        let group = text(found.spec, "/schedulingGroup/podGroupName");
        let group = self.find("PodGroup", group, namespace);
        let of_group = |claim: &Value| {
            let shared = group.and_then(|group| group.pointer("/spec/resourceClaims")?.as_array());
            shared.is_some_and(|shared| shared.contains(claim))
        };
        let list = found.spec["resourceClaims"].as_array().into_iter().flatten().enumerate();
        let own = list.filter(|(_, claim)| !of_group(claim));
        let of = |(index, claim): (usize, &Value)| {
            let at = format!("{}/resourceClaims/{index}", found.spec_at);
            self.of_claim(claim, namespace, &at, unknown)
        };
        own.flat_map(of).collect()
    }

    /// Devices of one entry of `resourceClaims`. One that names a claim has none of its own: the claim has them.
    fn of_claim(
        &self,
        claim: &Value,
        namespace: &str,
        at: &str,
        unknown: &mut Vec<Unknown>,
    ) -> Vec<Piece> {
        let named = |field: &str| {
            claim[field].as_str().or_else(|| claim.pointer(&format!("/source/{field}"))?.as_str())
        };
        let mut missing = |what: &str, name: &str| {
            let message =
                format!("takes devices of the {what} `{name}`, which is not among the manifests");
            unknown.push(Unknown { message, at: at.to_owned() });
        };
        if let Some(name) = named("resourceClaimName") {
            if self.find("ResourceClaim", name, namespace).is_none() {
                missing("claim", name);
            }
            return Vec::new();
        }
        let Some(name) = named("resourceClaimTemplateName") else { return Vec::new() };
        match self.find("ResourceClaimTemplate", name, namespace) {
            // Said once, of the template.
            Some(template) if claims::is_classic(template) => Vec::new(),
            Some(template) => {
                let spec = template.pointer("/spec/spec").unwrap_or(&Value::Null);
                let mut inside = Vec::new();
                let pieces = claims::pieces(spec, "", self, &mut inside);
                let here = |message| Unknown { message, at: at.to_owned() };
                unknown.extend(inside.into_iter().map(|unknown| here(unknown.message)));
                let here = |piece| Piece { at: at.to_owned(), ..piece };
                pieces.into_iter().map(here).collect()
            }
            // Made by a driver for devices that are no GPUs.
            None if self.makes_templates(name) => Vec::new(),
            None => {
                missing("template", name);
                Vec::new()
            }
        }
    }

    /// Whether a ComputeDomain of the set makes the claim template of this name.
    fn makes_templates(&self, name: &str) -> bool {
        let domains = self.named.iter().filter(|((kind, _), _)| *kind == "ComputeDomain");
        let at = "/spec/channel/resourceClaimTemplate/name";
        domains.flat_map(|(_, objects)| objects).any(|object| text(object, at) == name)
    }

    fn class(&self, name: &str) -> Option<&'a Value> {
        self.blueprint("DeviceClass", name)
    }

    /// CEL expressions of a class that is among the manifests.
    pub(super) fn class_expressions(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.class(name).into_iter().flat_map(|class| claims::expressions(&class["spec"]))
    }

    /// Whether devices of a class are GPUs or parts of one: by the driver that its selectors name, else by its name.
    pub(super) fn is_gpu_class(&self, name: &str) -> bool {
        let driver = self.class_expressions(name).find_map(|expression| {
            let (_, rest) = expression.split_once("device.driver ==")?;
            rest.trim().get(1..)?.split(['\'', '"']).next()
        });
        driver.map_or_else(
            || name.split(['.', '-']).any(|part| matches!(part, "gpu" | "gpus" | "mig")),
            is_gpu_driver,
        )
    }

    /// What an extended resource is that a device class of the set stands behind.
    pub(super) fn of_class_resource(&self, resource: &str, whole: &Piece) -> Option<Piece> {
        let is_named = |class: &&&Value| {
            text(class, "/spec/extendedResourceName") == resource
                || resource.strip_prefix("deviceclass.resource.kubernetes.io/")
                    == Some(text(class, "/metadata/name"))
        };
        let classes = self.named.iter().filter(|((kind, _), _)| *kind == "DeviceClass");
        let class = classes.flat_map(|(_, objects)| objects).find(is_named)?;
        let said = cel::read(claims::expressions(&class["spec"]));
        let part = said.profile.map_or(Part::Whole, Part::Mig);
        Some(Piece { part, model: said.model, among: said.among, ..whole.clone() })
    }
}

/// What is said of an object of a kind that is not known and asks for accelerators somewhere.
fn unknown_kind(object: &Value) -> Option<Unknown> {
    if matches!(
        text(object, "/kind"),
        "ResourceQuota" | "LimitRange" | "ResourceClaimTemplate" | "DeviceClass"
    ) {
        return None;
    }
    let at = asked_somewhere(object, "")?;
    let message = "asks for accelerators, and where this kind has its pods is not known".to_owned();
    Some(Unknown { message, at })
}

/// Pointer of a `limits` or `requests` with an accelerator, anywhere below.
fn asked_somewhere(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let at = format!("{at}/{}", crate::kinds::escaped(name));
            let is_amounts = matches!(name.as_str(), "limits" | "requests");
            let named = value.as_object().filter(|_| is_amounts);
            let is_asked = named
                .is_some_and(|fields| fields.keys().any(|name| requests::is_accelerator(name)));
            if is_asked { Some(at) } else { asked_somewhere(value, &at) }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, value)| asked_somewhere(value, &format!("{at}/{index}"))),
        _ => None,
    }
}
