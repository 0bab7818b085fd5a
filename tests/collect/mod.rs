//! Without Prometheus: exporters are scraped, what they show is kept, and the store says what a metric server
//! would have said.

mod crashes;
mod exporters;
mod process;
mod sources;
mod store;
