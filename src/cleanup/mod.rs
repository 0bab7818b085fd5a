//! Changes that free what is wasted, as values: what is changed, on what evidence, how, and how it is undone.
//!
//! Nothing here talks to a cluster. Reading and writing objects is `source::kubernetes`, the order of steps and what
//! is refused is `commands`.

pub mod contract;
