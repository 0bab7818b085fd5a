//! The binary as a user meets it, without sources.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// The binary in an environment of its own: no config, no variables, a fixed clock.
fn tool(home: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpu-finops"));
    command.env_clear().env("HOME", home).env("GPU_FINOPS_NOW", "2026-11-20T12:00:00Z");
    command
}

fn home() -> TempDir {
    tempfile::tempdir().expect("temporary folder")
}

/// Exit code, standard output and standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("ended by itself"), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_commands_and_exit_codes() {
    let home = home();
    let (code, out, err) = run(tool(home.path()).arg("--help"));
    assert_eq!((code, err.as_str()), (0, ""));
    for part in [
        "report",
        "claims",
        "doctor",
        "collect",
        "demo",
        "snapshot",
        "config",
        "prices",
        "completions",
        "man",
        "130  interrupted",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, _) = run(tool(home.path()).args(["report", "-h"]));
    assert_eq!(code, 0);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        out.contains("--prometheus <URL>") && out.contains("[env: GPU_FINOPS_WINDOW]"),
        "{out}"
    );
    // The clock is for tests.
    assert!(!out.contains("--now"), "{out}");
    let (code, out, _) = run(tool(home.path()).arg("--version"));
    assert_eq!((code, out.as_str()), (0, concat!("gpu-finops ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn no_command_is_wrong_usage() {
    let home = home();
    for args in [
        &[][..],
        &["config"],
        &["snapshot"],
        &["prices"],
        &["repot"],
        &["report", "--windwo", "7d"],
    ] {
        let (code, out, err) = run(tool(home.path()).args(args));
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains("Usage:"), "{args:?}: {err}");
    }
}

#[test]
fn bad_values_exit_2_and_say_where() {
    let home = home();
    for (args, part) in [
        (&["report", "--window", "soon"][..], "error: `--window`: `soon` is not a window"),
        (&["report", "--by", "planet"], "invalid value 'planet'"),
        (&["report", "--idle-below", "-1"], "error: `--idle-below`: `-1` is not a share"),
        (&["report", "--price", "A100=0"], "`0` is not above 0"),
        (&["report", "-o", "parquet"], "hint: name it: `-o parquet --output-file DIR`"),
        (&["report", "--snapshot", "x", "--prometheus", "http://y"], "exclude each other"),
        (&["report", "--no-kubernetes"], "hint: name the server"),
        (
            &["report", "--window", "2027-01-01,2027-02-01"],
            "is in the future: now is 2026-11-20T12:00:00Z",
        ),
        (&["report", "--window", "2026-02-01,2026-01-01"], "is reversed"),
        (&["report", "--config", "/nowhere.yaml"], "config file /nowhere.yaml: cannot be read"),
        (&["demo", "--window", "7d"], "unexpected argument '--window'"),
        (&["prices", "list", "--currency", "dollars"], "`--currency`: `dollars`"),
    ] {
        let (code, out, err) = run(tool(home.path()).args(args));
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
}

#[test]
fn an_output_that_cannot_be_written_fails_before_the_work() {
    let home = home();
    let path = home.path().join("no/such/folder/report.json");
    // The source does not exist either; the output is what is complained about.
    let (code, _, err) = run(tool(home.path())
        .args(["report", "--snapshot", "/nowhere", "-o", "json", "--output-file"])
        .arg(&path));
    assert_eq!(code, 2);
    let expected = format!("error: `--output-file {}` cannot be written", path.display());
    assert!(err.starts_with(&expected), "{err}");
}

#[test]
fn config_show_names_the_origin_of_each_value_and_hides_secrets() {
    let home = home();
    let config = home.path().join("config.yaml");
    fs::write(&config, "report: {window: 3d}\nprometheus: {headers: {X-Key: s3cret}}\n")
        .expect("written");
    let (code, out, err) = run(tool(home.path())
        .env("GPU_FINOPS_MAX_GAP", "10m")
        .args(["config", "show", "--idle-below", "5%", "--config"])
        .arg(&config));
    assert_eq!((code, err.as_str()), (0, ""));
    let file = config.display();
    for line in [
        format!("# config file: {file}"),
        "policy.idle_below = 5%  (flag)".to_owned(),
        "policy.max_gap = 10m  (environment GPU_FINOPS_MAX_GAP)".to_owned(),
        format!("report.window = 3d  (config file {file}: report.window)"),
        "report.by = tenant  (default)".to_owned(),
        format!("prometheus.headers = X-Key: <redacted>  (config file {file}: prometheus.headers)"),
    ] {
        assert!(out.lines().any(|l| l == line), "{line} is not in:\n{out}");
    }
    assert!(!out.contains("s3cret"));
}

#[test]
fn the_default_config_file_is_found_and_its_typos_are_named() {
    let home = home();
    let folder = home.path().join(".config/gpu-finops");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("config.yaml"), "polcy: {}\n").expect("written");
    let (code, _, err) = run(tool(home.path()).args(["prices", "list"]));
    assert_eq!(code, 2);
    assert!(
        err.contains("config.yaml: line 1: unknown key `polcy`; did you mean `policy`?"),
        "{err}"
    );
}

#[test]
fn prices_list_shows_the_book_in_order_with_source_and_date() {
    let home = home();
    let list = |args: &[&str]| {
        let (code, out, err) = run(tool(home.path()).args(["prices", "list"]).args(args));
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        out
    };
    let table = list(&["--price", "A100=2.5"]);
    let first = table.lines().nth(1).expect("a row");
    let cells: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(cells, ["model=A100", "2.5000", "flag", "?", "[1]"]);
    let (rows, notes) = table.split_once("\n\n").expect("notes below the rows");
    assert!(rows.lines().all(|l| l.chars().count() <= 80), "{rows}");
    assert!(notes.starts_with(" [1] given by --price A100=2.5\n"), "{notes}");
    let json: serde_json::Value = serde_json::from_str(&list(&["-o", "json"])).expect("JSON");
    let rows = json.as_array().expect("rows");
    let row = rows.iter().find(|r| r["applies_to"] == "instance=p4d.24xlarge region=us-east-1");
    let row = row.expect("listed");
    assert_eq!(row["price_per_gpu_hour"], 21.958 / 8.0);
    assert_eq!((&row["date"], &row["currency"]), (&"2026-07-20".into(), &"USD".into()));
    let csv = list(&["-o", "csv"]);
    assert_eq!(csv.lines().count(), rows.len() + 1);
    assert!(csv.starts_with("order,applies_to,price_per_gpu_hour,currency,origin,source,date\n"));
}

#[test]
fn an_empty_book_is_worth_a_warning() {
    let home = home();
    let (code, out, err) =
        run(tool(home.path()).args(["prices", "list", "--currency", "EUR", "-o", "json"]));
    assert_eq!((code, out.as_str()), (0, "[]\n"));
    assert!(err.starts_with("warning: the price book is empty"), "{err}");
    let (_, _, err) = run(tool(home.path()).args(["prices", "list", "--currency", "EUR", "-q"]));
    assert_eq!(err, "");
}

#[test]
fn completions_for_every_shell() {
    let home = home();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = run(tool(home.path()).args(["completions", shell]));
        assert_eq!(code, 0);
        assert!(
            out.contains("gpu-finops") && out.contains("prometheus-bearer-token-file"),
            "{shell}"
        );
    }
}

#[test]
fn the_manual_to_standard_output_and_into_a_folder() {
    let home = home();
    let (code, out, _) = run(tool(home.path()).arg("man"));
    assert_eq!(code, 0);
    assert!(out.contains(".TH gpu-finops 1"), "{out}");
    let folder = home.path().join("man1");
    let (code, _, _) = run(tool(home.path()).args(["man", "--out"]).arg(&folder));
    assert_eq!(code, 0);
    let page = fs::read_to_string(folder.join("gpu-finops-report.1")).expect("a page");
    assert!(page.contains("GPU_FINOPS_IDLE_BELOW"));
    let file = home.path().join("file");
    fs::write(&file, "").expect("written");
    let (code, _, err) = run(tool(home.path()).args(["man", "--out"]).arg(file.join("below")));
    assert_eq!(code, 2);
    assert!(err.contains("cannot be written"), "{err}");
}

#[test]
fn the_schema_is_printed() {
    let home = home();
    let (code, out, _) = run(tool(home.path()).args(["config", "schema"]));
    assert_eq!(code, 0);
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let home = home();
    let (code, _, err) =
        run(tool(home.path()).env("GPU_FINOPS_WINDW", "7d").args(["config", "show"]));
    assert_eq!(code, 0);
    assert_eq!(
        err,
        "warning: environment variable `GPU_FINOPS_WINDW` is not known; did you mean `GPU_FINOPS_WINDOW`?\n"
    );
}

#[test]
fn colour_only_where_it_is_wanted() {
    let home = home();
    let error = |command: &mut Command| run(command.args(["report", "--window", "x"])).2;
    assert!(error(&mut tool(home.path())).starts_with("error: "));
    assert!(error(tool(home.path()).env("CLICOLOR_FORCE", "1")).starts_with("\u{1b}[1;31merror: "));
    assert!(
        error(tool(home.path()).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"))
            .starts_with("error: ")
    );
}

#[cfg(unix)]
#[test]
fn called_as_a_kubectl_plugin_it_says_so() {
    let home = home();
    let plugin = home.path().join("kubectl-gpu_finops");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin!("gpu-finops"), &plugin)
        .expect("linked");
    let (code, out, _) = run(Command::new(&plugin).args(["report", "--help"]));
    assert_eq!(code, 0);
    assert!(out.contains("Usage: kubectl gpu-finops report [OPTIONS]"), "{out}");
    let (code, _, err) = run(Command::new(&plugin).args(["report", "--nope"]));
    assert_eq!(code, 2);
    assert!(err.contains("Usage: kubectl gpu-finops report"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let home = home();
    let binary = assert_cmd::cargo::cargo_bin!("gpu-finops");
    let script = format!("'{}' prices list -o json | head -1", binary.display());
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", &script]).env("HOME", home.path());
    let (code, out, err) = run(&mut shell);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "[\n", ""));
}
