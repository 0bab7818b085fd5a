//! Standard output for data, standard error for talk.
