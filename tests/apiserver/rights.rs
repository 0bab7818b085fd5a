//! Rights as roles grant them, and the metric server behind a service.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::http::{HttpRequest, Reply};
use super::{Logged, Shared, refuse};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A rule of a role that is bound.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Namespace of the binding; all of them by a ClusterRoleBinding.
    namespace: Option<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    pub(crate) fn allows(&self, asked: &Logged) -> bool {
        let has = |list: &[String], value: &str| list.iter().any(|one| one == value);
        self.namespace.as_ref().is_none_or(|namespace| *namespace == asked.namespace)
            && has(&self.groups, &asked.group)
            && has(&self.resources, &asked.resource)
            && has(&self.verbs, asked.verb)
            && (self.names.is_empty() || has(&self.names, &asked.name))
    }

    /// The same without a verb on a resource; other resources keep it.
    pub(crate) fn without(self, verb: &str, group: &str, resource: &str) -> Vec<Self> {
        let has = |list: &[String], value: &str| list.iter().any(|one| one == value);
        if !has(&self.groups, group) || !has(&self.resources, resource) || !has(&self.verbs, verb) {
            return vec![self];
        }
        let mut rest = self.clone();
        rest.resources.retain(|one| one != resource);
        let mut less = Self { resources: vec![resource.to_owned()], ..self };
        less.verbs.retain(|one| one != verb);
        vec![rest, less]
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("text").to_owned()).collect()
}

/// What the bindings among these manifests give to whom they name.
pub(crate) fn bound(manifests: &[Value]) -> Vec<Rule> {
    let is_binding = |kind: &Value| kind == "ClusterRoleBinding" || kind == "RoleBinding";
    let bindings = manifests.iter().filter(|object| is_binding(&object["kind"]));
    let mut rules = Vec::new();
    for binding in bindings {
        let (kind, name) = (&binding["roleRef"]["kind"], &binding["roleRef"]["name"]);
        let role = manifests.iter().find(|o| o["kind"] == *kind && o["metadata"]["name"] == *name);
        let namespace = binding["metadata"]["namespace"].as_str().map(str::to_owned);
        let of = role.expect("the role that is bound")["rules"].as_array().expect("rules");
        rules.extend(of.iter().map(|rule| Rule {
            namespace: namespace.clone(),
            groups: texts(&rule["apiGroups"]),
            resources: texts(&rule["resources"]),
            names: texts(&rule["resourceNames"]),
            verbs: texts(&rule["verbs"]),
        }));
    }
    rules
}

/// 403 for what no rule grants; `None` where there are no rules, or one does.
pub(super) fn denied(at: &Shared, asked: &Logged) -> Option<Reply> {
    let rules = at.rules.as_ref()?;
    let granted = rules.iter().any(|rule| rule.allows(asked));
    let Logged { verb, resource, group, .. } = asked;
    (!granted).then(|| {
        let text = format!(
            "{resource}.{group} is forbidden: User \"system:serviceaccount:gpu-finops:gpu-finops\" cannot {verb} resource \"{resource}\" in API group \"{group}\""
        );
        refuse(403, "Forbidden", &text)
    })
}

/// The answer to a SelfSubjectAccessReview; `None` for anything else.
pub(super) fn reviewed(at: &Shared, request: &HttpRequest) -> Option<Reply> {
    if request.method != "POST" || request.target != REVIEWS {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let of = &body["spec"]["resourceAttributes"];
    let text = |field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let resource = match text("subresource") {
        sub if sub.is_empty() => text("resource"),
        sub => format!("{}/{sub}", text("resource")),
    };
    const VERBS: &[&str] = &["get", "list", "create", "update", "patch", "delete"];
    let verb = VERBS.iter().find(|verb| **verb == text("verb")).expect("a verb that is known");
    let (group, namespace, name) = (text("group"), text("namespace"), text("name"));
    let asked = Logged { verb, group, resource, namespace, name, dry_run: false, status: 0 };
    let allowed = denied(at, &asked).is_none();
    Some(Reply::of(201, &json!({"status": {"allowed": allowed}})))
}

/// The answer of the metric server behind a service; `None` for anything else.
pub(super) fn proxied(at: &mut Shared, request: &HttpRequest) -> Option<Reply> {
    let path = request.target.strip_prefix("/api/v1/namespaces/")?;
    let (namespace, rest) = path.split_once("/services/")?;
    let (name, behind) = rest.split_once("/proxy")?;
    let mut asked = Logged {
        verb: if request.method == "GET" { "get" } else { "create" },
        group: String::new(),
        resource: "services/proxy".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dry_run: false,
        status: 0,
    };
    let reply = match (denied(at, &asked), &at.metrics) {
        (Some(reply), _) => reply,
        (None, Some(address)) => fetched(address, behind),
        (None, None) => refuse(503, "ServiceUnavailable", "no endpoints available for service"),
    };
    asked.status = reply.status;
    at.log.push(asked);
    Some(reply)
}

/// HTTP/1.0: the answer is whole when the connection ends.
fn fetched(address: &str, target: &str) -> Reply {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return refuse(503, "ServiceUnavailable", "no endpoints available for service");
    };
    write!(stream, "GET {target} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a header");
    let head = std::str::from_utf8(&answer[..end]).expect("text");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    Reply { status, body: answer[end + 4..].to_vec(), retry_after: None }
}
