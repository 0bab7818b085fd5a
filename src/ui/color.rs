//! Whether to colour, and what the terminal's environment says about it.

use super::ColorChoice;
use crate::settings::layers::Environment;

/// The variables that a terminal program goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TerminalEnvironment {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not 0.
    pub force: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
    /// `COLUMNS`, when it is a number.
    pub columns: Option<usize>,
}

impl TerminalEnvironment {
    /// Picks the variables out of an environment.
    #[must_use]
    pub fn of(environment: &Environment) -> Self {
        let text = |name| environment.get(name).and_then(|v| v.to_str());
        Self {
            no_color: environment.get("NO_COLOR").is_some(),
            force: text("CLICOLOR_FORCE").is_some_and(|v| v != "0"),
            dumb: text("TERM") == Some("dumb"),
            columns: text("COLUMNS").and_then(|v| v.parse().ok()),
        }
    }
}

/// `--color` first, then `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, then whether it is a terminal.
#[must_use]
pub fn decide(choice: ColorChoice, environment: &TerminalEnvironment, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if environment.no_color => false,
        ColorChoice::Auto if environment.force => true,
        ColorChoice::Auto => terminal && !environment.dumb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_then_the_environment_then_the_terminal() {
        let of =
            |no_color, force, dumb| TerminalEnvironment { no_color, force, dumb, columns: None };
        let plain = of(false, false, false);
        assert!(decide(ColorChoice::Auto, &plain, true));
        assert!(!decide(ColorChoice::Auto, &plain, false));
        assert!(decide(ColorChoice::Always, &of(true, false, true), false));
        assert!(!decide(ColorChoice::Never, &of(false, true, false), true));
        assert!(!decide(ColorChoice::Auto, &of(true, true, false), true));
        assert!(decide(ColorChoice::Auto, &of(false, true, false), false));
        assert!(!decide(ColorChoice::Auto, &of(false, false, true), true));
    }

    #[test]
    fn empty_and_zero_do_not_count() {
        let environment = Environment::from_pairs([
            ("NO_COLOR", ""),
            ("CLICOLOR_FORCE", "0"),
            ("TERM", "dumb"),
            ("COLUMNS", "120"),
        ]);
        let expected =
            TerminalEnvironment { no_color: false, force: false, dumb: true, columns: Some(120) };
        assert_eq!(TerminalEnvironment::of(&environment), expected);
    }
}
