//! What was typed, resolved into what will happen.
