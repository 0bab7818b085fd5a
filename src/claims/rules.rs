//! The class of one claim, and why.
//!
//! Rules follow the claim controller of Kubernetes: what holds a device is the allocation, what keeps
//! the allocation is a reservation, and what drops a reservation is the end of its pod. First that
//! applies: admin, zombie, ghost, in use, owner gone, orphan; without an allocation: wanted, owner gone,
//! owned, unused.

use super::class::Class;
use super::classify::{Classified, Surroundings};
use super::contract::HolderRow;
use super::sight::OwnerState;
use super::words::{self, duration};
use crate::model::dra::{ClaimFact, ClaimReference};
use crate::model::objects::PodFact;
use crate::units::Millis;

/// What nobody may do to a claim that hangs.
const NEVER_STRIP: &str = "never strip the finalizer \
     `resource.kubernetes.io/delete-protection`: the device could be given out twice";

/// A claim with everything that its class depends on.
pub(super) struct About<'a> {
    pub(super) around: &'a Surroundings<'a>,
    pub(super) claim: &'a ClaimFact,
    /// Live pods that name it.
    pub(super) users: &'a [&'a PodFact],
    /// Workloads whose templates name it.
    pub(super) references: &'a [&'a ClaimReference],
    pub(super) owner: OwnerState,
    pub(super) since_ms: Option<Millis>,
    pub(super) holders: Vec<HolderRow>,
}

/// A class before it is settled.
struct Found {
    class: Class,
    why: String,
    action: String,
    /// Why it may not be relied upon.
    doubt: Option<&'static str>,
}

impl Found {
    fn new(class: Class, why: impl Into<String>, action: impl Into<String>) -> Self {
        Self { class, why: why.into(), action: action.into(), doubt: None }
    }

    fn doubted(mut self, doubt: Option<&'static str>) -> Self {
        self.doubt = doubt;
        self
    }
}

impl About<'_> {
    /// The class of the claim.
    pub(super) fn classified(self) -> Classified {
        let found = self.class();
        self.settle(found)
    }

    fn class(&self) -> Found {
        let is_allocated = self.claim.allocation.is_some();
        let is_reserved = !self.holders.is_empty();
        let is_ghost = is_reserved && !self.holders.iter().any(|row| row.state.is_alive());
        if is_admin(self.claim) {
            // Trap 29: it would be charged for every GPU of the cluster.
            return Found::new(
                Class::Admin,
                "looks at devices for administration, and holds none",
                "none: it costs nothing",
            );
        }
        match (is_allocated, is_reserved) {
            (true, true) if self.claim.deletion_ms.is_some() => self.zombie(),
            (true, true) if is_ghost => self.ghost(),
            (true, true) => self.in_use(),
            (true, false) if !self.users.is_empty() => self.about_to_be_used(),
            (true, false) if self.owner == OwnerState::Gone => self.owner_gone(),
            (true, false) => self.orphan(),
            (false, _) => self.unallocated(is_reserved && !is_ghost),
        }
    }

    fn zombie(&self) -> Found {
        let who = words::holders(&self.holders.iter().collect::<Vec<_>>());
        let why = format!("being deleted, and still allocated: reserved by {who}");
        let is_in_use = |row: &HolderRow| row.state.is_alive();
        if self.holders.iter().any(is_in_use) {
            let action = format!("look again when what uses it has ended; {NEVER_STRIP}");
            let doubt = Some("something alive still uses it");
            return Found::new(Class::ZombieDeleting, why, action).doubted(doubt);
        }
        let action = format!(
            "find out from kube-controller-manager, and from the kubelet of its node, why the \
             reservation stays; {NEVER_STRIP}"
        );
        Found::new(Class::ZombieDeleting, why, action)
    }

    fn ghost(&self) -> Found {
        let who = words::holders(&self.holders.iter().collect::<Vec<_>>());
        Found::new(
            Class::GhostReserved,
            format!("nothing alive has it: reserved by {who}"),
            "find out first why kube-controller-manager kept the reservation; delete the claim only \
             once the pod is confirmed gone from its node",
        )
    }

    fn in_use(&self) -> Found {
        let (alive, dead): (Vec<&HolderRow>, Vec<&HolderRow>) =
            self.holders.iter().partition(|row| row.state.is_alive());
        let left_over = match dead.as_slice() {
            [] => String::new(),
            dead => format!("; left over is the reservation by {}", words::holders(dead)),
        };
        let why = format!("reserved by {}{left_over}", words::holders(&alive));
        match self.around.usage.idle(self.claim) {
            Some(usage) => Found::new(
                Class::IdleButReserved,
                format!("{why}; {}", words::idle(usage)),
                "right-size what uses it, or scale it down: the claim itself is in order",
            ),
            None => Found::new(Class::Active, why, "none: it is in use"),
        }
    }

    /// Trap 31: a claim is allocated before it is reserved.
    fn about_to_be_used(&self) -> Found {
        let verb = words::verb(self.users.len(), "names", "name");
        let why = format!("allocated, not reserved yet; {} {verb} it", words::pods(self.users));
        Found::new(Class::Active, why, "none: it is about to be used")
    }

    fn orphan(&self) -> Found {
        let why = "allocated, but reserved by nobody, and no live pod names it";
        let action = match (&self.claim.owner, self.references) {
            // Trap 33: what names it would fail, or a GitOps tool would make it anew.
            (_, [_, ..]) => format!(
                "leave it to its user: {} {} it and may use it again",
                words::references(self.references),
                words::verb(self.references.len(), "names", "name")
            ),
            _ if self.claim.deletion_ms.is_some() => "none: its deletion is under way".to_owned(),
            (Some(owner), _) => {
                format!("leave it to its owner, {} {}", owner.this.kind, owner.this.name)
            }
            (None, _) => "delete it, with its UID and resourceVersion as preconditions".to_owned(),
        };
        Found::new(Class::OrphanAllocated, why, action).doubted(self.doubt_about_pods())
    }

    fn owner_gone(&self) -> Found {
        let owner = self.claim.owner.as_ref();
        let name = owner.map(|o| format!("{} {}", o.this.kind, o.this.name)).unwrap_or_default();
        Found::new(
            Class::OwnerGone,
            format!("its owner {name} is gone, and nobody has it reserved"),
            "none by hand: garbage collection removes it; if it stays, look at kube-controller-manager",
        )
        .doubted(self.doubt_about_pods())
    }

    fn unallocated(&self, is_reserved: bool) -> Found {
        let wanted = if is_reserved {
            let alive: Vec<&HolderRow> =
                self.holders.iter().filter(|row| row.state.is_alive()).collect();
            Some(format!("reserved by {}", words::holders(&alive)))
        } else if !self.users.is_empty() {
            let verb = words::verb(self.users.len(), "waits", "wait");
            Some(format!("{} {verb} for it", words::pods(self.users)))
        } else if !self.references.is_empty() {
            let verb = words::verb(self.references.len(), "names", "name");
            Some(format!("{} {verb} it", words::references(self.references)))
        } else {
            None
        };
        match (wanted, &self.claim.owner, self.owner) {
            (Some(wanted), _, _) => Found::new(
                Class::Pending,
                format!("not allocated; {wanted}"),
                "never clean it up: what names it would fail",
            ),
            (None, _, OwnerState::Gone) => self.owner_gone(),
            (None, Some(owner), _) => Found::new(
                Class::Pending,
                format!(
                    "not allocated; its owner {} {} looks after it",
                    owner.this.kind, owner.this.name
                ),
                "never clean it up: it is its owner's",
            ),
            (None, None, _) => Found::new(
                Class::UnusedUnallocated,
                "not allocated; no pod, no workload and no owner names it",
                match self.claim.deletion_ms {
                    Some(_) => "none: its deletion is under way",
                    None => "delete it for tidiness: it holds nothing, so nothing is saved",
                },
            )
            .doubted(
                self.doubt_about_pods()
                    .or(self.around.doubt_about_workloads(&self.claim.namespace)),
            ),
        }
    }

    const fn doubt_about_pods(&self) -> Option<&'static str> {
        match self.around.sight.pods {
            true => None,
            false => Some("pods could not be listed, and one may use it"),
        }
    }

    /// A reservation that could not be read is one all the same.
    fn doubt_about_itself(&self) -> Option<&'static str> {
        let (namespace, name) = (&self.claim.namespace, &self.claim.name);
        let is_partial = self.around.pods.is_unreadable("ResourceClaim", namespace, name);
        is_partial.then_some("a part of it could not be read")
    }

    /// Trap 31: a state that lasts for a moment is no leftover.
    fn settle(self, found: Found) -> Classified {
        let Found { class, why, action, doubt } = found;
        let doubt = match class.is_leftover() {
            true => doubt.or(self.doubt_about_itself()).map(str::to_owned).or_else(|| self.youth()),
            false => None,
        };
        let (why, action) = match &doubt {
            None => (why, action),
            Some(doubt) => (
                format!("{why}; not settled: {doubt}"),
                format!("nothing until that is settled; then: {action}"),
            ),
        };
        Classified { class, settled: doubt.is_none(), why, action, holders: self.holders }
    }

    /// Why a claim is too young to be called a leftover.
    fn youth(&self) -> Option<String> {
        let Some(since) = self.since_ms else {
            return Some("it has no timestamps, so its age is not known".to_owned());
        };
        let least = duration(self.around.min_age_ms);
        match self.around.now_ms.checked_sub(since) {
            Some(age) if age >= self.around.min_age_ms => None,
            Some(age) if age >= 0 => {
                Some(format!("it is like this for {} at most, less than {least}", duration(age)))
            }
            _ => Some("its timestamps are later than now".to_owned()),
        }
    }
}

/// Whether a claim only looks: all that it was given, or all that it asks for while it has nothing.
fn is_admin(claim: &ClaimFact) -> bool {
    match &claim.allocation {
        Some(allocation) if !allocation.devices.is_empty() => {
            allocation.devices.iter().all(|device| device.admin_access)
        }
        _ => !claim.requests.is_empty() && claim.requests.iter().all(|r| r.admin_access),
    }
}
