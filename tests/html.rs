//! `-o html` in a real browser, where there is one: it is shown whole, asks nobody for anything, and breaks no rule of
//! its own policy.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::{Outcome, gpu_finops};
use crate::roll_up::{WEEK, rolled_up};
use crate::settings_reference::in_repository;

/// Debian's Chromium, or another by the usual names.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    found.into_iter().find(|file| file.is_file())
}

fn page(folder: &Path, args: &[&str]) -> PathBuf {
    let file = folder.join("page.html");
    let mut command = gpu_finops();
    command.args(args).args(["-o", "html", "--output-file"]).arg(&file);
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    file
}

/// What the browser made of a page, and what it said meanwhile, its requests among it.
fn shown(browser: &Path, folder: &Path, page: &Path) -> (String, String, String) {
    let log = folder.join("net.json");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--no-first-run", "--disable-sync", "--disable-component-update"])
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser");
    assert!(output.status.success());
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let requests = std::fs::read_to_string(log).unwrap_or_default();
    (text(output.stdout), text(output.stderr), requests)
}

#[test]
fn a_browser_shows_it_and_has_nothing_to_complain_about() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no Chromium here (apt-get install chromium)");
        return;
    };
    let folder = TempDir::new().expect("temporary folder");
    let file = page(folder.path(), &["demo"]);
    let (dom, said, requests) = shown(&browser, folder.path(), &file);
    for part in ["id=\"over-time\"", "<rect class=\"part busy\"", "class=\"heat", "<footer>"] {
        assert!(dom.contains(part), "{part} is not in: {dom}");
    }
    assert!(!said.contains("CONSOLE") && !said.contains("Content Security Policy"), "{said}");
    assert_eq!(asked(&requests), [""; 0]);
    // The browser does speak of what its policy forbids.
    let text = std::fs::read_to_string(&file).expect("text");
    let broken = folder.path().join("broken.html");
    std::fs::write(
        &broken,
        text.replace("<footer>", "<footer style=\"color: red\"><script>1</script>"),
    )
    .expect("written");
    let (_, said, _) = shown(&browser, folder.path(), &broken);
    assert!(said.contains("CONSOLE") && said.contains("Content Security Policy"), "{said}");
    // And it does ask, where nothing forbids it.
    let free = text.replace("http-equiv", "name");
    std::fs::write(&broken, free.replace("<footer>", "<footer><img src=\"http://127.0.0.1:9/x\">"))
        .expect("written");
    let (_, _, requests) = shown(&browser, folder.path(), &broken);
    assert!(asked(&requests).iter().any(|line| line.contains("127.0.0.1:9/x")), "{requests}");
}

/// Requests over the network that a page made; the browser's own have no origin.
fn asked(log: &str) -> Vec<&str> {
    let of_page = |line: &&str| {
        line.contains("\"url\":\"http")
            && line.contains("\"initiator\":")
            && !line.contains("not an origin")
    };
    log.lines().filter(of_page).collect()
}

#[test]
fn a_page_of_roll_ups_has_days_and_says_that_it_has_no_hours() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "east", WEEK);
    let args = ["report", "--store", store.to_str().expect("UTF-8"), "--window", WEEK];
    let text = std::fs::read_to_string(page(folder.path(), &args)).expect("text");
    assert!(text.contains("in bars of a day (UTC)") && text.contains("roll-ups have no hours"));
    assert!(text.contains("<rect class=\"part idle_warm\""));
}

#[test]
fn hours_are_those_of_the_zone_and_the_same_bytes_come_every_time() {
    let folder = TempDir::new().expect("temporary folder");
    let text = |zone: &str| {
        let demo = in_repository("fixtures/demo");
        let args = ["report", "--snapshot", demo.to_str().expect("UTF-8"), "--timezone", zone];
        std::fs::read_to_string(page(folder.path(), &args)).expect("text")
    };
    let (first, again) = (text("Asia/Kolkata"), text("Asia/Kolkata"));
    assert!(first == again, "two runs differ");
    assert!(first.contains("hours of Asia/Kolkata"));
    let row = |text: &str| {
        let (_, rest) = text.split_once("<th scope=\"row\">Thu</th>").expect("Thursday");
        rest.split_once("</tr>").map(|(cells, _)| cells.to_owned()).expect("an end")
    };
    assert_ne!(row(&first), row(&text("UTC")));
}
