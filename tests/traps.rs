//! `docs/traps.md` cites tests: each of them exists.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

/// Names of the tests in a source file: functions right below `#[test]`, other attributes in between.
fn tests_in(source: &str) -> BTreeSet<&str> {
    let test =
        Regex::new(r"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn\s+(\w+)").expect("a constant pattern");
    test.captures_iter(source).filter_map(|found| Some(found.get(1)?.as_str())).collect()
}

/// What is wrong with the citations of a text, one sentence each; `read` gives a file of the project.
fn wrong(text: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let span = Regex::new("`([^`]+)`").expect("a constant pattern");
    let name = Regex::new(r"^[a-z0-9]+(_[a-z0-9]+)+$").expect("a constant pattern");
    let is_rust = |text: &str| text.starts_with("src/") || text.starts_with("tests/");
    let mut out = Vec::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let guards = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap_or_default();
        let mut file = None;
        for cited in span.captures_iter(guards).filter_map(|found| Some(found.get(1)?.as_str())) {
            let (path, test) = match cited.split_once("::") {
                Some(("modes", test)) => ("tests/modes/mod.rs".to_owned(), Some(test)),
                Some((path, test)) => (path.to_owned(), Some(test)),
                None if cited.ends_with(".rs") => (cited.to_owned(), None),
                None if !name.is_match(cited) => continue,
                None => match &file {
                    Some(path) => (String::clone(path), Some(cited)),
                    None => continue,
                },
            };
            match read(&path).filter(|_| is_rust(&path)) {
                None => out.push(format!("`{cited}`: no file {path}")),
                Some(source) => {
                    let tests = tests_in(&source);
                    let found = test.map_or(!tests.is_empty(), |test| tests.contains(test));
                    if !found {
                        out.push(format!("`{cited}`: no such test in {path}"));
                    }
                }
            }
            file = Some(path);
        }
    }
    out
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

#[test]
fn every_test_that_the_traps_cite_exists() {
    let text = read("docs/traps.md").expect("the document");
    let wrong = wrong(&text, &read);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let cited = text.matches("::").count();
    assert!(cited > 40, "{cited} citations: the table is not read any more");
}

#[test]
fn a_citation_of_what_is_not_there_is_told() {
    let files = |path: &str| match path {
        "src/a.rs" => {
            Some("#[test]\n#[ignore = \"x\"]\nfn one_thing() {}\nfn no_test() {}".to_owned())
        }
        "tests/modes/mod.rs" => Some("#[test]\nfn dra() {}".to_owned()),
        "src/empty.rs" => Some("fn nothing() {}".to_owned()),
        _ => None,
    };
    let row = |guards: &str| wrong(&format!("| 1 | what `goes_wrong` | {guards} |"), &files);
    for good in ["`src/a.rs::one_thing`", "`modes::dra`", "`src/a.rs`", "`gpu.count`, `a_label`"] {
        assert_eq!(row(good), [""; 0], "{good}");
    }
    for bad in [
        "`src/a.rs::no_test`",
        "`src/a.rs::one_thing`, `no_test`",
        "`modes::gone`",
        "`a.rs::one_thing`",
        "`src/gone.rs`",
        "`src/empty.rs`",
    ] {
        assert_eq!(row(bad).len(), 1, "{bad}");
    }
}
