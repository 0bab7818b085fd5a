//! What deserves attention.
