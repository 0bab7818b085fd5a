//! Prices: which row of the price book applies to a device.

pub mod book;
pub mod price;
