//! Integration tests, as one binary: linking polars once is what takes the time.

#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

mod agents;
mod annotations;
mod apiserver;
mod apply;
mod bad_input;
mod budget;
mod cache;
mod claims;
mod claims_use;
mod cli;
mod cluster;
mod collect;
mod common;
mod demo;
mod demo_fixture;
mod doctor;
mod focus;
mod gate;
mod gentd26;
mod guests;
mod html;
mod install;
mod killed;
mod laws;
mod live;
mod mig_reference;
mod mixed_laws;
mod modes;
mod openmetrics;
mod patch;
mod quirk_metrics;
mod quirks;
mod recommend;
mod reconcile;
mod recorded;
mod remote_read;
mod replay;
mod roll_up;
mod scope;
mod scrapes;
mod settings_reference;
mod store_queries;
mod transports;
mod traps;
