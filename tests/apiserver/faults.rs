//! What goes wrong, and at which request.

use super::Logged;
use super::store::Store;

/// Which requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Writes to what is cleaned up.
    Write,
    /// The same of this verb on this resource, only tried.
    Tried(&'static str, &'static str),
    /// Any of this verb on this resource, tried ones left out.
    Verb(&'static str, &'static str),
}

/// What happens then.
pub(crate) enum What {
    /// This answer: code, reason, message, Retry-After.
    Status(u16, &'static str, &'static str, Option<u32>),
    /// The connection is cut before anything is stored.
    DropBefore,
    /// The connection is cut after it is stored.
    DropAfter,
    /// It is stored, and the answer is 500.
    FailAfter,
    /// The process is killed before anything is stored.
    KillBefore,
    /// The process is killed after it is stored.
    KillAfter,
    /// Somebody else is faster.
    Meanwhile(Box<dyn Fn(&mut Store) + Send>),
}

/// Something that goes wrong.
pub(crate) struct Fault {
    pub pick: Pick,
    /// At the request with this number, from 1; 0 is each of them.
    pub nth: usize,
    pub what: What,
    seen: usize,
}

impl Fault {
    pub(crate) fn at(pick: Pick, nth: usize, what: What) -> Self {
        Self { pick, nth, what, seen: 0 }
    }
}

/// What goes wrong at this request; one that is over is taken away.
pub(super) fn due(faults: &mut Vec<Fault>, request: &Logged) -> Option<What> {
    let mut due = None;
    for (index, fault) in faults.iter_mut().enumerate() {
        let counts = match fault.pick {
            Pick::Write => request.is_write(),
            Pick::Tried(verb, resource) => {
                request.verb == verb && request.resource == resource && request.dry_run
            }
            Pick::Verb(verb, resource) => {
                request.verb == verb && request.resource == resource && !request.dry_run
            }
        };
        if !counts {
            continue;
        }
        fault.seen += 1;
        if fault.nth == 0
            && let What::Status(code, reason, message, retry) = fault.what
        {
            return Some(What::Status(code, reason, message, retry));
        }
        if fault.seen == fault.nth {
            due = Some(index);
        }
    }
    due.map(|index| faults.remove(index).what)
}
