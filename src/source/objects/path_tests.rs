use std::fs;

use super::*;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("created");
        fs::write(path, content).expect("written");
    }
    folder
}

const POD: &[u8] = br#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}"#;

fn problem(path: &Path) -> String {
    read_path(path).expect_err("nothing to read").to_string()
}

#[test]
fn a_folder_is_read_in_order_and_each_file_has_a_line() {
    let folder = folder(&[
        ("b.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n---\nkind: [\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n"),
        ("a.json", br#"{"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a1"}}, {"metadata": {"name": "a2"}}]}"#),
        ("sub/c.YML", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n"),
        ("empty-list.json", br#"{"apiVersion": "v1", "kind": "List", "items": []}"#),
        ("notes.txt", b"not for us"),
        (".hidden.json", POD),
    ]);
    let raw = read_path(folder.path()).expect("objects");
    let origins: Vec<_> = raw.items.iter().map(|i| i.origin.as_str()).collect();
    assert_eq!(
        origins,
        ["a.json", "a.json", "b.yaml: document 1", "b.yaml: document 3", "sub/c.YML"]
    );
    let sources: Vec<_> =
        raw.sources.iter().map(|s| (s.name.as_str(), s.state, s.detail.as_str())).collect();
    assert_eq!(
        sources,
        [
            ("objects/a.json", SourceState::Ok, "2 Pod"),
            (
                "objects/b.yaml",
                SourceState::Partial,
                "1 Node, 1 Pod; 1 documents could not be read"
            ),
            ("objects/empty-list.json", SourceState::Empty, "no objects"),
            ("objects/sub/c.YML", SourceState::Ok, "1 Namespace"),
        ]
    );
    assert_eq!(raw.problems.len(), 1);
    assert_eq!(raw.problems[0].subject, "b.yaml: document 2");
    assert!(raw.problems[0].detail.starts_with("line "), "{}", raw.problems[0].detail);
    assert_eq!(raw.listed_at_ms, None);
}

#[test]
fn a_path_without_objects_is_an_error_that_says_why() {
    assert!(problem(Path::new("/no/such/path")).contains("/no/such/path: no such file or folder"));
    let folder = folder(&[
        ("empty.json", b""),
        ("blank.yaml", b"# nothing\n---\n\n"),
        ("binary.yaml", &[0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0x00]),
        ("nul.json", b"{\"a\": 1}\0"),
        ("none/README.md", b"hello"),
    ]);
    let at = |name: &str| problem(&folder.path().join(name));
    assert!(at("empty.json").contains("empty.json: is empty"), "{}", at("empty.json"));
    assert!(at("blank.yaml").contains("is empty"), "{}", at("blank.yaml"));
    assert!(at("binary.yaml").contains("is not text: byte 4 is not UTF-8"));
    assert!(at("nul.json").contains("is not text: byte 8 is 0"), "{}", at("nul.json"));
    assert!(at("none").contains("no .json, .yaml or .yml file"), "{}", at("none"));
    assert!(problem(folder.path()).contains("and 3 more problems"), "{}", problem(folder.path()));
}

#[test]
fn a_file_of_a_gigabyte_is_refused_unread() {
    let folder = folder(&[("ok.json", POD)]);
    let file = File::create(folder.path().join("huge.json")).expect("created");
    file.set_len(1_000_000_000).expect("a sparse file");
    let raw = read_path(folder.path()).expect("the other file is used");
    assert_eq!(raw.items.len(), 1);
    let detail = &raw.problems[0].detail;
    assert!(detail.contains("has 1000000000 bytes") && detail.contains("268435456"), "{detail}");

    let error =
        read_path_with_limit(&folder.path().join("ok.json"), 10).expect_err("62 > 10 bytes");
    assert!(error.to_string().contains("has 62 bytes, and no more than 10"), "{error}");
}

#[test]
fn utf16_and_byte_order_marks() {
    let text = String::from_utf8(POD.to_vec()).expect("ASCII");
    let little: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> =
        [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let marked: Vec<u8> = [0xEF, 0xBB, 0xBF].into_iter().chain(text.bytes()).collect();
    let folder = folder(&[("a.json", &little), ("b.json", &big), ("c.json", &marked)]);
    assert_eq!(read_path(folder.path()).expect("objects").items.len(), 3);
}

#[cfg(unix)]
#[test]
fn links_back_are_followed_once() {
    let folder = folder(&[("sub/a.json", POD)]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/loop")).expect("a link");
    std::os::unix::fs::symlink("/no/such/file", folder.path().join("gone.json")).expect("a link");
    let raw = read_path(folder.path()).expect("objects");
    assert_eq!(raw.items.len(), 1);
    assert_eq!(raw.problems.len(), 1, "{:?}", raw.problems);
    assert!(raw.problems[0].subject == "gone.json", "{:?}", raw.problems);
}
