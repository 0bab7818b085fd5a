//! Files of a revision, by the `git` that is installed: nothing is checked out, and no hook or filter runs.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::{ManifestsError, add_text, below, bounded};
use crate::model::manifests::Manifests;
use crate::source::objects::path::has_object_extension;

/// Most files of one revision.
const MAX_FILES: usize = 10_000;

/// A file of a revision.
struct Blob {
    id: String,
    name: String,
}

pub(super) fn read(revision: &str, path: &str) -> Result<Manifests, ManifestsError> {
    verify(revision)?;
    let source =
        if path.is_empty() { format!("git:{revision}") } else { format!("git:{revision}:{path}") };
    let mut set = Manifests { source, ..Manifests::default() };
    let (blobs, is_absent) = blobs(revision, path)?;
    set.is_absent = is_absent;
    let contents = contents(revision, &blobs)?;
    for (blob, bytes) in blobs.iter().zip(contents) {
        add_text(&mut set, &below(std::path::Path::new(""), &blob.name), bounded(bytes));
    }
    Ok(set)
}

/// Whether there is such a revision.
fn verify(revision: &str) -> Result<(), ManifestsError> {
    let commit = format!("{revision}^{{commit}}");
    let output = run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?;
    if output.status.success() {
        return Ok(());
    }
    let said = said(&output);
    let detail = if said.is_empty() {
        "no such revision here (a shallow clone has only the newest: fetch it first)".to_owned()
    } else {
        said
    };
    Err(ManifestsError::Git { revision: revision.to_owned(), detail })
}

/// The manifests' files at a path, in order of their names, and whether nothing at all is there.
fn blobs(revision: &str, path: &str) -> Result<(Vec<Blob>, bool), ManifestsError> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let mut args = vec!["ls-tree", "-r", "-z", revision, "--"];
    if !path.is_empty() {
        args.push(path);
    }
    let output = checked(run(&args)?, revision)?;
    let listing = String::from_utf8_lossy(&output.stdout);
    // `MODE blob ID\tNAME`; links (120000) lead elsewhere and are left out.
    let blob = |entry: &str| {
        let (kind, name) = entry.split_once('\t')?;
        let mut words = kind.split(' ');
        let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
        let is_file = kind == "blob" && mode.starts_with("100");
        let is_wanted = name == path || is_visible_manifest(name);
        (is_file && is_wanted).then(|| Blob { id: id.to_owned(), name: name.to_owned() })
    };
    let found: Vec<Blob> = listing.split('\0').filter_map(blob).take(MAX_FILES).collect();
    Ok((found, listing.is_empty()))
}

fn is_visible_manifest(name: &str) -> bool {
    let is_hidden = name.split('/').any(|part| part.starts_with('.') && part != "..");
    !is_hidden && has_object_extension(std::path::Path::new(name))
}

/// Contents of files, in one run of git.
fn contents(revision: &str, blobs: &[Blob]) -> Result<Vec<Vec<u8>>, ManifestsError> {
    let mut child = command(&["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(ManifestsError::NoGit)?;
    let asked: String = blobs.iter().map(|blob| format!("{}\n", blob.id)).collect();
    // In a thread: git answers while it is still being asked, and would wait for ever for somebody to read.
    let writer = child
        .stdin
        .take()
        .map(|mut stdin| std::thread::spawn(move || stdin.write_all(asked.as_bytes())));
    let output = child.wait_with_output().map_err(ManifestsError::NoGit)?;
    if let Some(writer) = writer {
        // A git that ended early says why below.
        let _ = writer.join();
    }
    let output = checked(output, revision)?;
    split(&output.stdout, blobs.len()).ok_or_else(|| ManifestsError::Git {
        revision: revision.to_owned(),
        detail: "`git cat-file --batch` answered in a way that is not understood".to_owned(),
    })
}

/// `ID blob SIZE\n`, that many bytes, a line break; again and again.
pub(super) fn split(mut rest: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    let mut contents = Vec::with_capacity(count);
    for _ in 0..count {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let size: usize = head.rsplit(' ').next()?.parse().ok()?;
        let body = rest.get(end + 1..end + 1 + size)?;
        contents.push(body.to_vec());
        rest = rest.get(end + 2 + size..)?;
    }
    Some(contents)
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Result<Output, ManifestsError> {
    command(args).output().map_err(ManifestsError::NoGit)
}

fn checked(output: Output, revision: &str) -> Result<Output, ManifestsError> {
    if output.status.success() {
        return Ok(output);
    }
    Err(ManifestsError::Git { revision: revision.to_owned(), detail: said(&output) })
}

/// What git wrote to standard error, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().trim_start_matches("fatal: ").to_owned()
}
