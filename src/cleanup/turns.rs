//! One change of an object at a time.
//!
//! Each change is made from the object as it was read. A second one of the same object would be made from what is not there
//! any more, and would cost its pods another restart: it has to wait for the next run, which looks at it again.

use std::collections::BTreeMap;

use super::contract::{Operation, Patch, PatchSet, Reported, Step};

/// API version, kind, namespace and name.
type Key = (String, String, String, String);

/// Whose turn it is.
#[derive(Debug, Default)]
pub struct Turns {
    taken: BTreeMap<Key, String>,
}

impl Turns {
    /// Takes every object of a change.
    ///
    /// # Errors
    ///
    /// What is said of a change that has to wait; it takes nothing then.
    pub fn take(&mut self, patch: &Patch) -> Result<(), Box<Reported>> {
        self.take_of(patch, |_| true)
    }

    fn take_of(
        &mut self,
        patch: &Patch,
        counts: impl Fn(&Step) -> bool,
    ) -> Result<(), Box<Reported>> {
        let steps = || patch.steps.iter().filter(|step| counts(step));
        if let Some((step, first)) =
            steps().find_map(|step| Some((step, self.taken.get(&key(step))?)))
        {
            let target = &step.target;
            let verb = match step.operation {
                Operation::Create { .. } => "makes",
                _ => "changes",
            };
            return Err(Box::new(Reported {
                id: patch.id.clone(),
                subject: patch.subject.clone(),
                why: format!(
                    "it has to wait: {first} {verb} {} {}/{} first",
                    target.kind, target.namespace, target.name
                ),
                check: Some(format!("run again once that is done, for: {}", patch.action)),
            }));
        }
        self.taken.extend(steps().map(|step| (key(step), patch.id.clone())));
        Ok(())
    }
}

fn key(step: &Step) -> Key {
    let target = &step.target;
    let texts = [&target.api_version, &target.kind, &target.namespace, &target.name];
    let [api_version, kind, namespace, name] = texts.map(Clone::clone);
    (api_version, kind, namespace, name)
}

impl PatchSet {
    /// With one change of each object: the first. What is new may be made for several.
    #[must_use]
    pub fn one_change_each(mut self) -> Self {
        let mut turns = Turns::default();
        for patch in std::mem::take(&mut self.patches) {
            let is_there = |step: &Step| !matches!(step.operation, Operation::Create { .. });
            match turns.take_of(&patch, is_there) {
                Ok(()) => self.patches.push(patch),
                Err(reported) => self.reported.push(*reported),
            }
        }
        self.reported.sort_by(|a, b| (&a.subject, &a.id).cmp(&(&b.subject, &b.id)));
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cleanup::contract::{Still, Target};
    use crate::recommend::contract::Risk;

    fn target(kind: &str, name: &str) -> Target {
        Target {
            api_version: "apps/v1".to_owned(),
            kind: kind.to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
            uid: Some("u".to_owned()),
            resource_version: Some("1".to_owned()),
            origin: None,
        }
    }

    fn change(name: &str) -> Step {
        let operation = Operation::Patch {
            forward: json_patch::Patch(vec![]),
            inverse: json_patch::Patch(vec![]),
        };
        Step { target: target("Deployment", name), operation }
    }

    fn create(name: &str) -> Step {
        Step {
            target: target("ResourceClaimTemplate", name),
            operation: Operation::Create { object: Value::Null },
        }
    }

    pub(in crate::cleanup) fn patch(id: &str, steps: Vec<Step>) -> Patch {
        Patch {
            id: id.to_owned(),
            rule: "test".to_owned(),
            subject: id.to_owned(),
            tenant: String::new(),
            action: format!("do {id}."),
            evidence: BTreeMap::new(),
            risk: Risk::Low,
            risk_note: String::new(),
            monthly_savings: None,
            monthly_gpu_hours: 0.0,
            gpus: None,
            still: Still::Found,
            steps,
        }
    }

    fn set(patches: Vec<Patch>) -> PatchSet {
        let set = json!({
            "schema_version": "1.0", "generated_at": "", "tool_version": "", "currency": "USD", "cluster": null,
            "patches": [], "elsewhere": [], "reported": [],
        });
        PatchSet { patches, ..serde_json::from_value(set).expect("a set") }
    }

    fn ids(set: &PatchSet) -> (Vec<&str>, Vec<&str>) {
        let patches = set.patches.iter().map(|p| p.id.as_str());
        (patches.collect(), set.reported.iter().map(|r| r.id.as_str()).collect())
    }

    #[test]
    fn the_first_change_of_an_object_has_its_turn_and_the_others_wait() {
        let set = set(vec![
            patch("release", vec![change("web")]),
            patch("requests", vec![change("web")]),
            patch("other", vec![create("new"), change("api")]),
            patch("alike", vec![create("new"), change("db")]),
        ])
        .one_change_each();
        // What is new may be made for two: it is written once.
        assert_eq!(ids(&set), (vec!["release", "other", "alike"], vec!["requests"]));
        assert_eq!(set.reported[0].why, "it has to wait: release changes Deployment a/web first");
        assert_eq!(
            set.reported[0].check.as_deref(),
            Some("run again once that is done, for: do requests.")
        );
    }

    #[test]
    fn what_waits_takes_nothing() {
        let mut turns = Turns::default();
        assert!(turns.take(&patch("one", vec![create("new"), change("api")])).is_ok());
        // Where changes are made, what is new is made by one of them: the other needs it to be there.
        let two = turns.take(&patch("two", vec![create("new"), change("db")])).expect_err("waits");
        assert_eq!(two.why, "it has to wait: one makes ResourceClaimTemplate a/new first");
        assert!(turns.take(&patch("three", vec![change("db")])).is_ok());
    }
}
