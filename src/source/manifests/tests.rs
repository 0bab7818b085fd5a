use std::path::Path;
use std::process::Command;

use super::*;

#[test]
fn places_are_read() {
    for (text, place) in [
        ("deploy", Place::Path("deploy".into())),
        ("-", Place::Stdin),
        ("git:main", Place::Git { revision: "main".into(), path: String::new() }),
        ("git:HEAD~1:k8s/app", Place::Git { revision: "HEAD~1".into(), path: "k8s/app".into() }),
    ] {
        assert_eq!(text.parse(), Ok(place), "{text}");
    }
    for bad in ["", "git:", "git::k8s", "git:--output=x"] {
        assert!(bad.parse::<Place>().is_err(), "{bad}");
    }
}

#[test]
fn a_folder_is_read_with_lines_and_a_broken_document_is_named() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::create_dir(dir.path().join("sub")).expect("made");
    let text = "# comment\n---\nkind: A\n---\na: b\n  c: d\n---\n\nkind: B\n";
    std::fs::write(dir.path().join("sub/app.yaml"), text).expect("written");
    let list = "kind: List\nitems:\n- kind: C\n- kind: D\n";
    std::fs::write(dir.path().join("list.yml"), list).expect("written");
    std::fs::write(dir.path().join("notes.txt"), "kind: E").expect("written");
    let set = read(&Place::Path(dir.path().to_owned())).expect("readable");
    let of = |m: &Manifest| {
        let file = Path::new(&m.file).strip_prefix(dir.path()).expect("below");
        let kind = m.object["kind"].as_str().unwrap_or_default().to_owned();
        (file.display().to_string(), m.line, m.at.clone(), kind)
    };
    let found: Vec<_> = set.items.iter().map(of).collect();
    let expected = [
        ("list.yml", 1, "/items/0", "C"),
        ("list.yml", 1, "/items/1", "D"),
        ("sub/app.yaml", 3, "", "A"),
        ("sub/app.yaml", 9, "", "B"),
    ];
    let expected = expected.map(|(f, l, a, k)| (f.to_owned(), l, a.to_owned(), k.to_owned()));
    assert_eq!(found, expected);
    assert_eq!(set.problems.len(), 1);
    assert_eq!((set.problems[0].document, set.problems[0].line), (Some(2), Some(6)));
    assert!(set.problems[0].file.ends_with("sub/app.yaml"));
    let missing = read(&Place::Path(dir.path().join("no"))).expect_err("nothing there");
    assert!(missing.to_string().ends_with("no: no such file or folder"), "{missing}");
}

#[test]
fn answers_of_git_are_split() {
    let answer = b"aa blob 3\nx\ny\nbb blob 0\n\n";
    assert_eq!(super::git::split(answer, 2), Some(vec![b"x\ny".to_vec(), vec![]]));
    assert_eq!(super::git::split(b"aa missing\n", 1), None);
    assert_eq!(super::git::split(b"aa blob 9\nx\n", 1), None);
}

#[test]
fn an_unknown_revision_is_named() {
    // Whether or not the tests run within a repository, there is none of this name.
    assert!(Command::new("git").arg("--version").output().is_ok(), "git is installed");
    let place = Place::Git { revision: "no-such-revision".into(), path: String::new() };
    let error = read(&place).expect_err("no such revision").to_string();
    assert!(error.starts_with("git:no-such-revision: "), "{error}");
}
