//! Patches as commands of kubectl, each with the preconditions that kubectl can pass on: tests in JSON patches, the UID,
//! and of what is deleted its resource version.

use std::fmt::Write;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, TestOperation};
use serde_json::{Value, json};

use super::{OutputError, all, comment};
use crate::cleanup::command::{kubectl, plural, word};
use crate::cleanup::contract::{Operation, PatchSet, Step, Target};

const HEAD: &str = "\
#!/bin/sh
# Changes that `gpu-finops patch` proposes. Read them first: each frees GPUs, and some end pods.
# A command that finds something else than what it was made from is refused by the server.
set -eu
";

/// A shell script; what belongs elsewhere is in comments.
pub(super) fn script(set: &PatchSet) -> Result<String, OutputError> {
    let mut out = HEAD.to_owned();
    for (patch, place) in all(set) {
        out.push('\n');
        out.push_str(&comment(&format!("{}: {}", patch.id, patch.action)));
        out.push_str(&comment(&format!("Risk: {}.", patch.risk_note)));
        if let Some((_, note)) = place {
            out.push_str(&comment(&format!("Not here: it belongs {note}.")));
        }
        for step in &patch.steps {
            let command = command(step)?;
            match place {
                None => out.push_str(&command),
                Some(_) => command.lines().for_each(|line| out.push_str(&comment(line))),
            }
        }
    }
    for reported in &set.reported {
        out.push('\n');
        out.push_str(&comment(&format!(
            "Nothing is done about {}: {}.",
            reported.subject, reported.why
        )));
        if let Some(check) = &reported.check {
            out.push_str(&comment(check));
        }
    }
    Ok(out)
}

fn command(step: &Step) -> Result<String, OutputError> {
    let target = &step.target;
    Ok(match &step.operation {
        Operation::Create { object } => fed("kubectl create -f -", object)?,
        Operation::Patch { forward, .. } => {
            let patch = serde_json::to_string(&of_this(forward, target))?;
            format!("{} --type=json -p {}\n", kubectl("patch", target), quoted(&patch))
        }
        Operation::Delete { .. } => {
            let mut preconditions = json!({});
            for (field, value) in
                [("uid", &target.uid), ("resourceVersion", &target.resource_version)]
            {
                if let Some(value) = value {
                    preconditions[field] = value.clone().into();
                }
            }
            let options = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
            });
            fed(&format!("kubectl delete --raw {} -f -", word(&path(target))), &options)?
        }
    })
}

/// A command with a document on its standard input: one line of JSON, which no delimiter can be in.
fn fed(command: &str, document: &Value) -> Result<String, OutputError> {
    let mut out = String::new();
    let line = serde_json::to_string(document)?;
    let written = write!(out, "{command} <<'EOF'\n{line}\nEOF\n");
    debug_assert!(written.is_ok(), "a string takes all");
    Ok(out)
}

/// A patch that is refused by an object of the same name that is another.
fn of_this(patch: &JsonPatch, target: &Target) -> JsonPatch {
    let test = target.uid.as_ref().map(|uid| {
        let path = PointerBuf::from_tokens(["metadata", "uid"]);
        PatchOperation::Test(TestOperation { path, value: uid.clone().into() })
    });
    JsonPatch(test.into_iter().chain(patch.0.iter().cloned()).collect())
}

/// Path of an object in the API.
fn path(target: &Target) -> String {
    let (root, group) = match target.api_version.split_once('/') {
        Some((group, _)) => ("apis", group),
        None => ("api", ""),
    };
    let plural = plural(group, &target.kind);
    let Target { api_version, namespace, name, .. } = target;
    match namespace.as_str() {
        "" => format!("/{root}/{api_version}/{plural}/{name}"),
        namespace => format!("/{root}/{api_version}/namespaces/{namespace}/{plural}/{name}"),
    }
}

/// JSON for a shell: all of it is text.
fn quoted(json: &str) -> String {
    format!("'{}'", json.replace('\'', r"'\''"))
}
