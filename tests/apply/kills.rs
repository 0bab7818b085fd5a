//! SIGKILL before and after each write: what is left can be gone on with, and taken back.

use std::process::{Command, Stdio};

use super::{APPLY, RESUME, ROLLBACK, is, on, plan, run, small, two_changes, write};
use crate::apiserver::{ApiServer, Fault, Pick, What};

/// Runs a command that the server kills at a write; whether it was.
pub(super) fn killed(server: &ApiServer, args: &[&str], nth: usize, after: bool) -> bool {
    let what = if after { What::KillAfter } else { What::KillBefore };
    server.misbehave([Fault::at(Pick::Write, nth, what)]);
    let prepared = on(server, args);
    let mut command = Command::new(prepared.get_program());
    command
        .args(prepared.get_args())
        .env_clear()
        .envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(prepared.get_current_dir().expect("a folder"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    server.victim(child.id());
    let status = child.wait().expect("it ends");
    server.misbehave([]);
    status.code().is_none()
}

#[test]
fn killed_at_each_write_and_gone_on_with() {
    for (nth, after) in (1..=4).flat_map(|nth| [(nth, false), (nth, true)]) {
        let server = small();
        let start = server.picture();
        write(&server, &plan(&server, two_changes(&server)));
        assert!(killed(&server, APPLY, nth, after), "write {nth}");
        let resumed = run(&server, RESUME);
        assert_eq!(resumed.code, 0, "write {nth}, {after}: {}", resumed.err);
        is(&resumed, &[("shrink", "applied"), ("stale", "applied")]);
        assert_eq!(server.writes().len(), 4, "each is stored once");
        assert_eq!(run(&server, ROLLBACK).code, 0);
        assert_eq!(server.picture(), start, "write {nth}, {after}");
    }
}

#[test]
fn killed_at_each_write_and_taken_back_and_killed_again() {
    for (nth, after) in (1..=4).flat_map(|nth| [(nth, false), (nth, true)]) {
        let server = small();
        let start = server.picture();
        write(&server, &plan(&server, two_changes(&server)));
        assert!(killed(&server, APPLY, nth, after), "write {nth}");
        // The rollback is killed, too, at its first write where it has one.
        killed(&server, ROLLBACK, 1, !after);
        let back = run(&server, ROLLBACK);
        assert_eq!(back.code, 0, "write {nth}, {after}: {}", back.err);
        assert_eq!(server.picture(), start, "write {nth}, {after}");
        assert_eq!(server.robbed(), [""; 0]);
    }
}
