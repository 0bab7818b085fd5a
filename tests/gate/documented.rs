//! The examples of docs/ci.md do what they say: their commands are run in a clone of a repository.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::commands::git;
use super::{H100, deployment, folder};
use crate::common::scripts::{block_of, script_in};

/// The YAML block of the document whose first line names this file.
fn block(file: &str) -> String {
    block_of("docs/ci.md", file)
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&block(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// A clone whose branch asks for so many GPUs where its base asked for one.
struct Clone {
    dir: tempfile::TempDir,
}

impl Clone {
    fn of(gpus: u32) -> Self {
        let dir = folder(&[]);
        let (origin, work) = (dir.path().join("origin"), dir.path().join("work"));
        std::fs::create_dir_all(&origin).expect("made");
        let labelled = |gpus| {
            deployment("serve", 1, gpus, H100)
                .replace("  name: serve", "  labels: {team: a}\n  name: serve")
        };
        std::fs::create_dir_all(origin.join("deploy")).expect("made");
        std::fs::write(origin.join("deploy/app.yaml"), labelled(1)).expect("written");
        std::fs::create_dir_all(origin.join(".github")).expect("made");
        std::fs::write(origin.join(".github/gpu-finops.yaml"), block(".github/gpu-finops.yaml"))
            .expect("written");
        git(&origin, &["init", "-q", "-b", "main"]);
        git(&origin, &["add", "-A"]);
        git(&origin, &["commit", "-q", "-m", "first"]);
        git(dir.path(), &["clone", "-q", "origin", "work"]);
        git(&work, &["checkout", "-q", "-b", "change"]);
        std::fs::write(work.join("deploy/app.yaml"), labelled(gpus)).expect("written");
        git(&work, &["commit", "-q", "-a", "--allow-empty", "-m", "more"]);
        Self { dir }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Runs a script as the server does.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let summary = self.work().join("summary.md");
        let summary = ("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8"));
        script_in(&self.work(), script, &[&[summary], variables].concat())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_github_workflow_works() {
    let workflow = yaml(".github/workflows/gpu-cost.yaml");
    let config = workflow["env"]["GPU_FINOPS_CONFIG"].as_str().expect("text");
    let variables = [("GITHUB_BASE_REF", "main"), ("GPU_FINOPS_CONFIG", config)];
    let steps = workflow["jobs"]["gpu-cost"]["steps"].as_array().expect("steps");
    let step = |name: &str| {
        let found = steps.iter().find(|step| step["name"] == name).expect("the step");
        found["run"].as_str().expect("a script")
    };
    // Seven H100 more are 7 × 6.88 × 730 a month, far above 500; none more is nothing.
    let (large, same) = (Clone::of(8), Clone::of(1));
    let judged = large.run(step("Judge the change"), &variables);
    assert_eq!(judged.status.code(), Some(3), "{}", text(&judged.stderr));
    let said = text(&judged.stdout);
    assert!(said.contains("::error file=deploy/app.yaml,line=16,"), "{said}");
    assert!(said.contains("35156.80 USD more a month"), "{said}");
    let kept = same.run(step("Judge the change"), &variables);
    assert_eq!(kept.status.code(), Some(0), "{}", text(&kept.stderr));
    for clone in [&large, &same] {
        let written = clone.run(step("Write the outputs"), &variables);
        assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
        assert!(clone.read("summary.md").contains("GPU cost of this change"));
        assert!(clone.read("gpu-cost.sarif").contains("\"2.1.0\""));
    }
    assert!(large.read("comment.md").starts_with("<!-- gpu-finops diff -->\n## ❌ "));
    assert_eq!(same.read("comment.md"), "", "nothing to say");
    // What talks to GitHub is no more than checked for its syntax.
    let comment = large
        .run(&format!("bash -n <<'END'\n{}\nEND", step("Comment, over the last comment")), &[]);
    assert!(comment.status.success(), "{}", text(&comment.stderr));
}

#[test]
fn the_gitlab_job_works() {
    let job = yaml(".gitlab-ci.yml")["gpu-cost"].clone();
    let variable = |name: &str| job["variables"][name].as_str().expect("text").to_owned();
    let base = variable("BASE").replace("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    let config = variable("GPU_FINOPS_CONFIG");
    let variables = [
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("BASE", base.as_str()),
        ("GPU_FINOPS_CONFIG", config.as_str()),
    ];
    let lines = job["script"].as_array().expect("lines");
    let script: Vec<&str> = lines.iter().map(|line| line.as_str().expect("a line")).collect();
    for (gpus, code, failures) in [(8, 3, "failures=\"1\""), (1, 0, "failures=\"0\"")] {
        let clone = Clone::of(gpus);
        let ended = clone.run(&script.join("\n"), &variables);
        assert_eq!(ended.status.code(), Some(code), "{}", text(&ended.stderr));
        let report = clone.read(job["artifacts"]["reports"]["junit"].as_str().expect("a name"));
        assert!(report.contains(failures), "{report}");
        assert!(clone.read("comment.md").starts_with("<!-- gpu-finops diff -->\n"));
    }
}
