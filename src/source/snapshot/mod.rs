//! Saving everything that a report needs into a folder, and replaying it as a source.
