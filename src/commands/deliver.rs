//! Where a report goes: checked before the work, replaced only once it is complete.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::output::Format;
use crate::settings::View;
use crate::ui::Ui;

/// A report as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// One document.
    Document(Vec<u8>),
    /// Files of a folder, by name.
    Files(Vec<(String, Vec<u8>)>),
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A regular file, written beside its place and renamed into it.
    File(PathBuf),
    /// A pipe or a device that exists, written as it is.
    Special(PathBuf),
    /// A folder, its files written as [`Target::File`].
    Folder(PathBuf),
}

impl Target {
    /// Finds out whether the output can be written, without writing anything.
    ///
    /// # Errors
    ///
    /// A usage error that names the path: no such folder, no permission, a folder where a file is
    /// needed or the other way round; Parquet without a folder.
    pub fn check(view: &View) -> Result<Self> {
        refuse_verdicts(view.format)?;
        Self::place(view)
    }

    /// The same for a command that judges something, of which there are no pages and no metrics.
    ///
    /// # Errors
    ///
    /// As [`Self::check`], and a usage error for those formats.
    pub fn of_check(view: &View) -> Result<Self> {
        refuse_pages(view.format)?;
        Self::place(view)
    }

    /// The same for what is neither a report nor a verdict.
    ///
    /// # Errors
    ///
    /// As [`Self::check`] and [`Self::of_check`].
    pub fn check_answer(view: &View) -> Result<Self> {
        refuse_verdicts(view.format)?;
        refuse_pages(view.format)?;
        Self::place(view)
    }

    fn place(view: &View) -> Result<Self> {
        match (&view.output_file, view.format) {
            (None, Format::Parquet) => Err(Error::usage("Parquet is written into a folder")
                .hinted("name it: `-o parquet --output-file DIR`")),
            (None, _) => Ok(Self::Stdout),
            (Some(path), Format::Parquet) => Self::parquet(path),
            (Some(path), _) => Self::file(path),
        }
    }

    fn file(path: &Path) -> Result<Self> {
        match fs::metadata(path) {
            Ok(at) if at.is_dir() => Err(refusal(path, "is a folder; name a file in it")),
            Ok(at) if at.permissions().readonly() => Err(refusal(path, "is read-only")),
            Ok(at) if at.is_file() => {
                // Through a link, the file it leads to is replaced and not the link.
                let path = fs::canonicalize(path).map_err(|e| unwritable(path, e))?;
                probe(&path)?;
                Ok(Self::File(path))
            }
            Ok(_) => Ok(Self::Special(path.to_owned())),
            Err(_) => {
                probe(path)?;
                Ok(Self::File(path.to_owned()))
            }
        }
    }

    fn parquet(path: &Path) -> Result<Self> {
        match fs::metadata(path) {
            Ok(at) if at.is_dir() => probe(&path.join("table.parquet"))?,
            Ok(_) => return Err(refusal(path, "is a file; Parquet needs a folder")),
            Err(_) => probe(path)?,
        }
        Ok(Self::Folder(path.to_owned()))
    }

    /// A folder for files of several kinds; it need not be there.
    ///
    /// # Errors
    ///
    /// A usage error that names the path: a file, no permission.
    pub fn tree(path: &Path) -> Result<Self> {
        let refused =
            |what: &str| Error::usage(format!("`--output-dir {}` {what}", path.display()));
        match fs::metadata(path) {
            Ok(at) if at.is_dir() => probe(&path.join("README.md"))?,
            Ok(_) => return Err(refused("is a file; name a folder")),
            Err(_) => {
                fs::create_dir_all(path).map_err(|e| refused("cannot be made").caused_by(e))?;
            }
        }
        Ok(Self::Folder(path.to_owned()))
    }

    /// Writes a report.
    ///
    /// # Errors
    ///
    /// The disk is full, a pipe was closed, or the place changed since it was checked.
    pub fn write(&self, rendered: Rendered, ui: &Ui) -> Result<()> {
        match (self, rendered) {
            (Self::Stdout | Self::File(_) | Self::Special(_), Rendered::Document(bytes)) => {
                self.put(ui, |out| out.write_all(&bytes))
            }
            (Self::Folder(path), Rendered::Files(files)) => {
                fs::create_dir_all(path).map_err(|e| unwritable(path, e))?;
                for (name, bytes) in &files {
                    let file = path.join(name);
                    if let Some(folder) = file.parent() {
                        fs::create_dir_all(folder).map_err(|e| unwritable(folder, e))?;
                    }
                    replace(&file, bytes)?;
                }
                ui.note(&format!("{} files written to {}", files.len(), path.display()));
                Ok(())
            }
            (Self::Folder(path), Rendered::Document(_))
            | (Self::File(path) | Self::Special(path), Rendered::Files(_)) => {
                Err(refusal(path, "does not suit the format"))
            }
            (Self::Stdout, Rendered::Files(_)) => {
                Err(Error::usage("several files cannot go to standard output"))
            }
        }
    }

    /// Writes one document, in which `fill` puts what is in it.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub fn put(&self, ui: &Ui, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        match self {
            Self::Stdout => ui.data_of(fill),
            Self::File(path) => {
                replace_by(path, fill)?;
                ui.note(&format!("written to {}", path.display()));
                Ok(())
            }
            Self::Special(path) => fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| fill(&mut file))
                .map_err(|e| unwritable(path, e)),
            Self::Folder(path) => Err(refusal(path, "does not suit the format")),
        }
    }
}

/// Makes and removes a file beside `path`: whether one can be made there.
fn probe(path: &Path) -> Result<()> {
    temporary(path).map(drop)
}

fn temporary(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() {
        return Err(refusal(path, "names no file"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gpu-finops-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As for any new file: the umask takes its part off this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|e| match folder.is_dir() {
        // The error of the library names a file that the user never heard of.
        true => unwritable(path, e.kind().into()),
        false => refusal(path, "cannot be written: there is no such folder")
            .hinted(format!("make it first: mkdir -p {}", folder.display())),
    })
}

/// Puts a file in its place, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_by(path, |out| out.write_all(bytes))
}

/// The same with what `fill` puts into it.
fn replace_by(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut file = temporary(path)?;
    fill(&mut file).and_then(|()| file.as_file().sync_all()).map_err(|e| unwritable(path, e))?;
    file.persist(path).map_err(|e| unwritable(path, e.error))?;
    Ok(())
}

fn refuse_verdicts(format: Format) -> Result<()> {
    if !format.is_for_checks() {
        return Ok(());
    }
    Err(Error::usage(format!("`-o {format}` is of commands that judge something")).hinted(
        "use it with `diff`, `compare`, `budget check` or `reconcile`, or choose another format",
    ))
}

fn refuse_pages(format: Format) -> Result<()> {
    if !matches!(format, Format::OpenMetrics | Format::Html) {
        return Ok(());
    }
    Err(Error::usage(format!("only `report` and `demo` write `{format}`"))
        .hinted("choose table, wide, json, csv, markdown or parquet with `-o`"))
}

fn refusal(path: &Path, what: &str) -> Error {
    Error::usage(format!("`--output-file {}` {what}", path.display()))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    refusal(path, "cannot be written").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::GroupBy;
    use crate::ui::color::TerminalEnvironment;
    use crate::ui::{UiOptions, Verbosity};

    fn view(path: Option<&Path>, format: Format) -> View {
        let output_file = path.map(Path::to_owned);
        View { by: GroupBy::Tenant, format, output_file, top: None }
    }

    fn quiet() -> Ui {
        let options = UiOptions { verbosity: Verbosity::Quiet, ..UiOptions::default() };
        Ui::new(options, &TerminalEnvironment::default())
    }

    fn entries(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("readable");
        let mut names: Vec<String> =
            names.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_the_work() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, "old").expect("writable");
        let missing = folder.path().join("no/such/report.json");
        for (path, format, part) in [
            (folder.path(), Format::Json, "is a folder"),
            (&missing, Format::Json, "cannot be written"),
            (&file.join("below"), Format::Json, "cannot be written"),
            (&file, Format::Parquet, "is a file"),
            (&missing, Format::Parquet, "cannot be written"),
            (Path::new("/"), Format::Json, "is a folder"),
        ] {
            let error = Target::check(&view(Some(path), format)).expect_err("refused").to_string();
            assert!(error.contains(part) && error.contains("--output-file"), "{error}");
        }
        let error = Target::check(&view(None, Format::Parquet)).expect_err("needs a folder");
        assert_eq!(error.exit_code(), crate::error::exit_code::USAGE);
        // The check leaves nothing behind and touches nothing.
        assert_eq!(entries(folder.path()), ["file"]);
        assert_eq!(fs::read_to_string(&file).expect("readable"), "old");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("report.json");
        for text in ["first", "second"] {
            let target = Target::check(&view(Some(&file), Format::Json)).expect("writable");
            target.write(Rendered::Document(text.into()), &quiet()).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("readable"), text);
        }
        assert_eq!(entries(folder.path()), ["report.json"]);
    }

    #[test]
    fn parquet_fills_a_folder() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let tables = folder.path().join("tables");
        let target = Target::check(&view(Some(&tables), Format::Parquet)).expect("writable");
        assert_eq!(entries(folder.path()), [""; 0]);
        let files = vec![("b.parquet".to_owned(), vec![1]), ("a.parquet".to_owned(), vec![2])];
        target.write(Rendered::Files(files), &quiet()).expect("written");
        assert_eq!(entries(&tables), ["a.parquet", "b.parquet"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_leading_to_the_file_and_a_device_stays_a_device() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&file, "old").expect("writable");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let target = Target::check(&view(Some(&link), Format::Json)).expect("writable");
        target.write(Rendered::Document("new".into()), &quiet()).expect("written");
        assert!(fs::symlink_metadata(&link).expect("still there").is_symlink());
        assert_eq!(fs::read_to_string(&file).expect("readable"), "new");
        let null = Target::check(&view(Some(Path::new("/dev/null")), Format::Json));
        assert_eq!(null.expect("writable"), Target::Special("/dev/null".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("report.json");
        fs::write(&file, "old").expect("writable");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).expect("changed");
        let error = Target::check(&view(Some(&file), Format::Json)).expect_err("refused");
        assert!(error.to_string().contains("is read-only"), "{error}");
    }
}
