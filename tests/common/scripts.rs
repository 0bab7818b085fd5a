//! The examples of the documentation, run as CI servers run them.

use std::path::Path;
use std::process::{Command, Output};

/// The YAML block of a document of the repository whose first line names this file.
pub(crate) fn block_of(document: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).expect("the document");
    let start = format!("```yaml\n# {file}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no block of {file}"));
    rest.split("\n```").next().expect("an end").to_owned()
}

/// Runs a script as CI servers do, with the binary on the path.
pub(crate) fn script_in(folder: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_gpu-finops"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    Command::new("bash")
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .envs(variables.iter().copied())
        .output()
        .expect("bash runs")
}
