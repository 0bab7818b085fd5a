//! Prices: the built-in list, and which row of a price book applies to a device.

pub mod book;
pub mod price;
