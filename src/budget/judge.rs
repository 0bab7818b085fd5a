//! From what was measured to a verdict, and from all verdicts to the exit code. The one place that decides both.
//!
//! What is not known is never within a budget: data that is too thin gives [`State::Unclear`], and a budget that
//! cannot be evaluated [`State::Error`]. A lower bound that is over the threshold already is over it for certain.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::define::{Action, On};
use crate::error::exit_code;

/// How a rule or a budget stands. Later ones are worse.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not begun yet.
    NotStarted,
    /// Within the budget.
    Ok,
    /// A rule fires, and an exception says that it does not count for now.
    Muted,
    /// Too little is known to say.
    Unclear,
    /// A rule that warns fires.
    Warn,
    /// It could not be evaluated.
    Error,
    /// A rule that fails fires.
    Fail,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::NotStarted,
        Self::Ok,
        Self::Muted,
        Self::Unclear,
        Self::Warn,
        Self::Error,
        Self::Fail,
    ];

    /// Name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::Ok => "ok",
            Self::Muted => "muted",
            Self::Unclear => "unclear",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}

/// What a rule is held against its threshold with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// As far as it is known.
    pub value: Option<f64>,
    /// It is at least as bad as this, whatever is not known.
    pub bound: Option<f64>,
    /// Whether enough is known for `value` to stand.
    pub is_enough: bool,
}

/// Judges one rule. `is_muted`: an exception is in force.
#[must_use]
pub fn judge(on: On, action: Action, threshold: f64, measured: Measured, is_muted: bool) -> State {
    let fires = |value: f64| match on {
        On::Utilization => value < threshold,
        _ => value >= threshold,
    };
    let known = measured.value.filter(|_| measured.is_enough);
    let state = match (known, measured.bound) {
        (Some(value), _) if fires(value) => fired(action),
        (_, Some(bound)) if fires(bound) => fired(action),
        (Some(_), _) => State::Ok,
        (None, _) => State::Unclear,
    };
    match state {
        State::Warn | State::Fail if is_muted => State::Muted,
        state => state,
    }
}

const fn fired(action: Action) -> State {
    match action {
        Action::Warn => State::Warn,
        Action::Fail => State::Fail,
    }
}

/// What is asked of the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strictness {
    /// A budget that is breached is no failure.
    pub warn_only: bool,
    /// Thin data is a failure.
    pub strict: bool,
}

/// What the data is worth as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data {
    /// The ledger balances.
    pub is_balanced: bool,
    /// Nothing that the figures need is missing.
    pub is_complete: bool,
}

/// The exit code of a check. A ledger that does not balance bears no verdict at all; a breach is certain, whatever
/// else could not be evaluated; a budget that could not be evaluated never reads as within, `warn_only` or not.
#[must_use]
pub fn exit_of(states: &[State], data: Data, asked: Strictness) -> u8 {
    let has = |state: State| states.contains(&state);
    if !data.is_balanced {
        return exit_code::INCOMPLETE;
    }
    if has(State::Fail) && !asked.warn_only {
        return exit_code::VIOLATED;
    }
    if has(State::Error) || states.is_empty() {
        return exit_code::FAILED;
    }
    if asked.strict && (has(State::Unclear) || !data.is_complete) {
        return exit_code::INCOMPLETE;
    }
    exit_code::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Data = Data { is_balanced: true, is_complete: true };

    /// What is known of a rule's figure.
    #[derive(Debug, Clone, Copy)]
    enum Known {
        /// All of it, within the threshold.
        Within,
        /// All of it, beyond.
        Beyond,
        /// In part, and what is known is within.
        ThinWithin,
        /// In part, and what is known is beyond, which is certain already.
        ThinBeyond,
        /// In part, beyond, and what is not known could take it back.
        ThinMaybe,
        /// Nothing.
        Nothing,
    }

    fn measured(known: Known, on: On) -> Measured {
        // A threshold of 1 (0.5 of utilization): 0.2 and 2 lie on both sides of either.
        let (good, bad) = if on == On::Utilization { (2.0, 0.2) } else { (0.2, 2.0) };
        let of = |value, bound, is_enough| Measured { value, bound, is_enough };
        match known {
            Known::Within => of(Some(good), None, true),
            Known::Beyond => of(Some(bad), None, true),
            Known::ThinWithin => of(Some(good), Some(good), false),
            Known::ThinBeyond => of(Some(bad), Some(bad), false),
            Known::ThinMaybe => of(Some(bad), None, false),
            Known::Nothing => of(None, None, false),
        }
    }

    /// Every kind of rule, action, coverage and muting, each with every flag, to its state and its exit code.
    #[test]
    fn every_rule_action_coverage_and_flag_to_its_exit_code() {
        use Known::{Beyond, Nothing, ThinBeyond, ThinMaybe, ThinWithin, Within};
        // known, action, muted; state; exit: plain, warn-only, strict, both.
        let (warn, fail) = (Action::Warn, Action::Fail);
        let table = [
            (Within, warn, false, State::Ok, [0, 0, 0, 0]),
            (Within, fail, false, State::Ok, [0, 0, 0, 0]),
            (Within, fail, true, State::Ok, [0, 0, 0, 0]),
            (Beyond, warn, false, State::Warn, [0, 0, 0, 0]),
            (Beyond, fail, false, State::Fail, [3, 0, 3, 0]),
            (Beyond, warn, true, State::Muted, [0, 0, 0, 0]),
            (Beyond, fail, true, State::Muted, [0, 0, 0, 0]),
            (ThinWithin, warn, false, State::Unclear, [0, 0, 4, 4]),
            (ThinWithin, fail, false, State::Unclear, [0, 0, 4, 4]),
            (ThinWithin, fail, true, State::Unclear, [0, 0, 4, 4]),
            (ThinBeyond, warn, false, State::Warn, [0, 0, 0, 0]),
            (ThinBeyond, fail, false, State::Fail, [3, 0, 3, 0]),
            (ThinBeyond, fail, true, State::Muted, [0, 0, 0, 0]),
            (ThinMaybe, warn, false, State::Unclear, [0, 0, 4, 4]),
            (ThinMaybe, fail, false, State::Unclear, [0, 0, 4, 4]),
            (Nothing, warn, false, State::Unclear, [0, 0, 4, 4]),
            (Nothing, fail, false, State::Unclear, [0, 0, 4, 4]),
            (Nothing, fail, true, State::Unclear, [0, 0, 4, 4]),
        ];
        let flags = [(false, false), (true, false), (false, true), (true, true)];
        for on in On::ALL {
            let threshold = if on == On::Utilization { 0.5 } else { 1.0 };
            for (known, action, is_muted, expected, exits) in table {
                let state = judge(on, action, threshold, measured(known, on), is_muted);
                assert_eq!(state, expected, "{on:?} {known:?} {action:?} {is_muted}");
                for ((warn_only, strict), exit) in flags.into_iter().zip(exits) {
                    let asked = Strictness { warn_only, strict };
                    let got = exit_of(&[State::Ok, state], GOOD, asked);
                    assert_eq!(got, exit, "{on:?} {known:?} {action:?} {asked:?}");
                }
            }
        }
    }

    #[test]
    fn what_could_not_be_evaluated_is_never_0() {
        let all = [false, true];
        for (warn_only, strict) in all.into_iter().flat_map(|w| all.map(|s| (w, s))) {
            let asked = Strictness { warn_only, strict };
            for other in State::ALL {
                assert_ne!(exit_of(&[other, State::Error], GOOD, asked), 0, "{other:?} {asked:?}");
                let unbalanced = Data { is_balanced: false, is_complete: true };
                assert_eq!(exit_of(&[other], unbalanced, asked), exit_code::INCOMPLETE);
            }
            assert_eq!(exit_of(&[], GOOD, asked), exit_code::FAILED, "nothing was judged");
        }
        // A breach is certain, whatever else failed.
        let asked = Strictness::default();
        assert_eq!(exit_of(&[State::Error, State::Fail], GOOD, asked), exit_code::VIOLATED);
        let thin = Data { is_balanced: true, is_complete: false };
        assert_eq!(exit_of(&[State::Ok], thin, asked), 0);
        let strict = Strictness { strict: true, ..asked };
        assert_eq!(exit_of(&[State::Ok], thin, strict), exit_code::INCOMPLETE);
    }

    #[test]
    fn the_worst_state_is_the_last() {
        let mut sorted = State::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, State::ALL);
        assert!(State::Fail > State::Error && State::Error > State::Warn);
    }
}
