//! One pseudonym for one name.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::clear;

/// Prefixes of label keys that end in names, as in objects and as in series; what joins words there.
const KEYS_WITH_NAMES: &[(&str, &str)] = &[
    ("runai-gpu-group/", "-"),
    ("vcluster.loft.sh/label-", "-"),
    ("vcluster.loft.sh/ns-label-", "-"),
    ("label_vcluster_loft_sh_label_", "_"),
    ("label_vcluster_loft_sh_ns_label_", "_"),
];

/// What makes pseudonyms unguessable: without it, a list of likely names would undo them.
#[derive(Clone, Copy)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A salt that nobody knows.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// A salt that is known, for tests.
    #[must_use]
    pub const fn fixed(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// Pseudonyms of one snapshot, made as names come up.
#[derive(Debug)]
pub(in crate::source::snapshot) struct Pseudonyms {
    salt: Salt,
    known: RefCell<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_name: HashMap<String, String>,
    taken: HashSet<String>,
    /// Names that others end in, after a `-`.
    endings: HashSet<String>,
}

impl Pseudonyms {
    /// None yet.
    pub(in crate::source::snapshot) fn new(salt: Salt) -> Self {
        Self { salt, known: RefCell::default() }
    }

    /// The pseudonym of a value as a whole: `x-` and ten hexadecimal digits, a valid name and label value.
    pub(super) fn whole(&self, name: &str) -> String {
        if clear::is_no_name(name) {
            return name.to_owned();
        }
        if let Some((head, ending)) = self.split(name) {
            return format!("{}-{}", self.whole(head), self.whole(ending));
        }
        let mut known = self.known.borrow_mut();
        if let Some(pseudonym) = known.by_name.get(name) {
            return pseudonym.clone();
        }
        // Ten digits are not many for a large cluster: two names must never become one.
        let pseudonym = (0_u32..)
            .map(|attempt| self.hash(name, attempt))
            .find(|pseudonym| !known.taken.contains(pseudonym))
            .expect("four thousand million attempts find a free one");
        known.taken.insert(pseudonym.clone());
        known.by_name.insert(name.to_owned(), pseudonym.clone());
        pseudonym
    }

    /// From here on, names that end in `-` and this one have a pseudonym that ends in its pseudonym. To be told
    /// before any of them is replaced.
    pub(super) fn learn_ending(&self, name: &str) {
        if !name.is_empty() {
            self.known.borrow_mut().endings.insert(name.to_owned());
        }
    }

    fn split<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let (head, ending) = name.rsplit_once('-')?;
        let is_known = !head.is_empty() && self.known.borrow().endings.contains(ending);
        is_known.then_some((head, ending))
    }

    /// The pseudonym of a value that may be made of names: `namespace/name`, `host:port`, `GPU-<uuid>`.
    ///
    /// Each name in it is replaced by itself, so that it still joins with the same name elsewhere.
    pub(super) fn parts(&self, value: &str) -> String {
        if !is_name_like(value) {
            return self.whole(value);
        }
        value.split('/').map(|part| self.part(part)).collect::<Vec<_>>().join("/")
    }

    /// A key of a label or annotation: it stays, because tenant rules speak of keys, unless
    /// vcluster made it from the name of a virtual cluster, or KAI from that of a group.
    pub(super) fn label_key(&self, key: &str) -> String {
        for (prefix, joint) in KEYS_WITH_NAMES {
            if let Some(rest) = key.strip_prefix(prefix) {
                return format!("{prefix}{}", self.whole(rest).replace('-', joint));
            }
        }
        key.to_owned()
    }

    fn part(&self, part: &str) -> String {
        for prefix in ["GPU-", "MIG-"] {
            if let Some(rest) = part.strip_prefix(prefix) {
                return format!("{prefix}{}", self.whole(rest));
            }
        }
        match part.rsplit_once(':') {
            Some((host, port)) if is_port(port) && is_host(host) => {
                let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
                format!("{}:{port}", self.whole(host))
            }
            _ => self.whole(part),
        }
    }

    fn hash(&self, name: &str, attempt: u32) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.salt.0);
        hasher.update(attempt.to_be_bytes());
        hasher.update(name.as_bytes());
        hasher
            .finalize()
            .iter()
            .take(5)
            .fold(String::from("x-"), |pseudonym, byte| pseudonym + &format!("{byte:02x}"))
    }
}

/// Whether `value` could be names joined by `/`: free text has other characters.
fn is_name_like(value: &str) -> bool {
    let of_names = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'[' | b']')
    };
    value.len() <= 512 && value.bytes().all(of_names)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// A host before a port: an IPv6 address without brackets ends in something like a port, too.
fn is_host(text: &str) -> bool {
    !text.contains(':') || (text.starts_with('[') && text.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(Salt::fixed([7; 32]))
    }

    #[test]
    fn a_name_has_one_pseudonym_wherever_it_stands() {
        let names = pseudonyms();
        let ns = names.whole("team-red");
        assert_eq!(ns.len(), 12);
        assert!(ns.starts_with("x-"));
        assert_eq!(names.parts("team-red"), ns);
        assert_eq!(names.parts("team-red/web"), format!("{ns}/{}", names.whole("web")));
        assert_ne!(names.whole("team-blue"), ns);
    }

    #[test]
    fn a_name_that_ends_in_another_still_does() {
        let names = pseudonyms();
        let (before, other) = (names.whole("api-5d8f7c"), names.whole("api-77"));
        names.learn_ending("5d8f7d");
        let web = format!("{}-{}", names.whole("web"), names.whole("5d8f7d"));
        assert_eq!(names.whole("web-5d8f7d"), web);
        assert_eq!(names.parts("ns/web-5d8f7d"), format!("{}/{web}", names.whole("ns")));
        assert_eq!((names.whole("api-5d8f7c"), names.whole("api-77")), (before, other));
        assert_eq!(names.whole("-5d8f7d").len(), 12);
    }

    #[test]
    fn an_address_joins_with_and_without_its_port() {
        let names = pseudonyms();
        assert_eq!(names.parts("10.1.2.3:9400"), format!("{}:9400", names.parts("10.1.2.3")));
        assert_eq!(names.parts("[fd00::1]:9400"), format!("{}:9400", names.parts("fd00::1")));
        assert!(!names.parts("fd00::1").contains(':'));
    }

    #[test]
    fn a_uuid_keeps_its_kind() {
        let names = pseudonyms();
        assert_eq!(names.parts("GPU-8d1f"), format!("GPU-{}", names.whole("8d1f")));
    }

    #[test]
    fn another_salt_gives_other_pseudonyms() {
        let other = Pseudonyms::new(Salt::fixed([8; 32]));
        assert_ne!(other.whole("team-red"), pseudonyms().whole("team-red"));
        assert_eq!(format!("{:?}", Salt::fixed([7; 32])), "<secret>");
    }

    #[test]
    fn a_taken_pseudonym_is_not_given_twice() {
        let names = pseudonyms();
        let first_choice = names.hash("web", 0);
        names.known.borrow_mut().taken.insert(first_choice.clone());
        assert_ne!(names.whole("web"), first_choice);
        assert_eq!(names.whole("web"), names.hash("web", 1));
    }
}
