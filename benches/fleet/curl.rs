//! `curl` with the requests of a recorded run, several at once.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::record::Exchange;

/// As many at once as a report asks.
const AT_ONCE: &str = "4";
/// Headers that decide what is answered. That an answer may be compressed is left out: on loopback a report
/// does not ask for that either.
const HEADERS: [&str; 3] = ["content-type", "content-encoding", "x-prometheus-remote-read-version"];

/// A command that asks the same of `url`. Answers go to `folder`, as `0`, `1`, …, or nowhere.
pub(crate) fn replay(
    exchanges: &[Exchange],
    url: &str,
    requests: &Path,
    folder: Option<&Path>,
) -> std::io::Result<Command> {
    let mut config = String::new();
    for (number, exchange) in exchanges.iter().enumerate() {
        if number > 0 {
            config.push_str("next\n");
        }
        config.push_str("silent\nshow-error\nfail\n");
        let mut line = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            writeln!(config, "{name} = \"{value}\"").expect("a string takes all");
        };
        line("url", &format!("{url}{}", exchange.target));
        for (name, value) in exchange.headers.iter().filter(|(n, _)| HEADERS.contains(&n.as_str()))
        {
            line("header", &format!("{name}: {value}"));
        }
        if exchange.method == "POST" {
            let body = requests.join(format!("{number}.request"));
            std::fs::write(&body, &exchange.body)?;
            line("data-binary", &format!("@{}", body.display()));
        }
        let out = folder.map(|folder| folder.join(number.to_string()).display().to_string());
        line("output", out.as_deref().unwrap_or("/dev/null"));
    }
    let file = requests.join("curl.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new("curl");
    command.args(["--no-progress-meter", "--parallel", "--parallel-max", AT_ONCE, "--config"]);
    command.arg(file);
    Ok(command)
}
