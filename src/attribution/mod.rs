//! Who held what.
