//! MIG profiles, and every spelling of them.
//!
//! The driver writes `1g.24gb+me`. Resource names have a dot for the plus; kube-state-metrics has an
//! underscore for either; names of DRA devices have a dash for the plus and nothing for the dot. What a
//! profile is worth depends on the card too, and is not here (`table`).

use std::fmt;
use std::str::FromStr;

use crate::model::quantity::Shown;

/// A longer text is not a profile: Kubernetes' names end at 253 characters.
const MAX_CHARS: usize = 256;
/// NVML knows instances of up to 8 slices.
const MAX_SLICES: u32 = 8;
/// Largest memory that a profile may name, GB.
const MAX_MEMORY_GB: u32 = 9_999;
/// Most attributes of a profile.
const MAX_ATTRIBUTES: usize = 4;
/// Longest attribute.
const MAX_ATTRIBUTE_CHARS: usize = 16;

/// What GPU feature discovery adds to `nvidia.com/mig-<profile>` to name a label.
const LABEL_FIELDS: &[&str] = &[
    "count",
    "engines.copy",
    "engines.decoder",
    "engines.encoder",
    "engines.jpeg",
    "engines.ofa",
    "memory",
    "multiprocessors",
    "product",
    "replicas",
    "sharing-strategy",
    "slices.ci",
    "slices.gi",
];

/// A MIG profile: a size of GPU instance, or of a compute instance within one.
///
/// Displays as the driver writes it: `1g.10gb`, `1c.3g.40gb`, `1g.24gb+me.all`, `1g.24gb-me`. Ordered by
/// size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    slices: u32,
    memory_gb: u32,
    /// Below `slices`; `None` for the whole GPU instance.
    compute: Option<u32>,
    /// With their sign, sorted: `+gfx`, `+me`, `+me.all`, `-me`.
    attributes: Vec<String>,
}

impl Profile {
    /// Compute slices of the GPU instance: the `3` of `3g.40gb`. 1 to 8.
    #[must_use]
    pub const fn slices(&self) -> u32 {
        self.slices
    }

    /// Memory as the name has it, GB: rounded by the driver, and more than is usable.
    #[must_use]
    pub const fn memory_gb(&self) -> u32 {
        self.memory_gb
    }

    /// Compute slices of a compute instance that is a part of its GPU instance: the `1` of
    /// `1c.3g.40gb`.
    #[must_use]
    pub const fn compute(&self) -> Option<u32> {
        self.compute
    }

    /// Attributes with their signs, as `+me` or `+gfx+me`; empty for a plain profile.
    #[must_use]
    pub fn variant(&self) -> String {
        self.attributes.concat()
    }

    /// The GPU instance that it is (a part of): `3g.40gb` for `1c.3g.40gb`, attributes kept.
    #[must_use]
    pub fn gpu_instance(&self) -> Self {
        Self { compute: None, ..self.clone() }
    }

    /// The smallest compute instance beside this one in its GPU instance; `None` for a whole GPU instance.
    #[must_use]
    pub fn smallest_part(&self) -> Option<Self> {
        self.compute.map(|_| Self { compute: Some(1), ..self.clone() })
    }

    /// The plain profile of the same size, which has the same share: engines are not billed.
    #[must_use]
    pub const fn plain(&self) -> Self {
        Self {
            slices: self.slices,
            memory_gb: self.memory_gb,
            compute: None,
            attributes: Vec::new(),
        }
    }

    /// Whether it claims media engines, of which a card has few sets (`+me`, `+me.all`).
    #[must_use]
    pub fn claims_media(&self) -> bool {
        self.attributes.iter().any(|a| a.starts_with("+me"))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(compute) = self.compute {
            write!(f, "{compute}c.")?;
        }
        write!(f, "{}g.{}gb", self.slices, self.memory_gb)?;
        self.attributes.iter().try_for_each(|a| f.write_str(a))
    }
}

/// Why a text names no MIG profile. Each names the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not a spelling of a profile.
    #[error("{0} is not a MIG profile (expected one such as 1g.10gb, 1c.3g.40gb or 1g.24gb+me)")]
    Malformed(Shown),
    /// Longer than any name in Kubernetes.
    #[error("{0} is too long for a MIG profile")]
    TooLong(Shown),
    /// No GPU has so many slices, or a compute instance is larger than its GPU instance.
    #[error("{0} names more slices than there are")]
    Slices(Shown),
    /// Not a DRA device of NVIDIA's driver that stands for a MIG instance.
    #[error("{0} is not a MIG device (expected a name such as gpu-0-mig-1g12gb-19-0)")]
    NotADevice(Shown),
}

/// A profile, and what else its spelling says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    /// Profile.
    pub profile: Profile,
    /// The name says that instances are shared by replicas (`.shared`, `-SHARED`).
    pub shared: bool,
}

/// Reads a profile from any text that names exactly one.
///
/// - the driver's: `1g.10gb`, `1g.5gb+me`, `1c.3g.20gb`, `1g.24gb-me`;
/// - resources: `nvidia.com/mig-1g.5gb.me`, `nvidia.com/mig-1g.5gb.shared`;
/// - labels of GPU feature discovery: `nvidia.com/mig-1g.5gb.count`;
/// - resources as kube-state-metrics has them: `nvidia_com_mig_1g_5gb_me_shared`;
/// - products: `NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED`;
/// - DRA devices that name it: `gpu-0-mig-1g12gb-19-0`.
///
/// Where the spelling has lost the sign (kube-state-metrics, DRA), an attribute counts as `+`.
///
/// # Errors
///
/// See [`ProfileError`].
pub fn read(text: &str) -> Result<Spelled, ProfileError> {
    if text.chars().count() > MAX_CHARS {
        return Err(ProfileError::TooLong(Shown::new(text)));
    }
    let malformed = || ProfileError::Malformed(Shown::new(text));
    let lower = text.trim().to_ascii_lowercase();
    if lower.starts_with("gpu-") {
        let profile = device(text)?.profile.ok_or_else(malformed)?;
        return Ok(Spelled { profile, shared: false });
    }
    let (rest, shared) = without_shared(bare(&lower));
    let profile = if rest.contains('_') {
        spelled(&rest.replace('_', "."), text)
    } else {
        spelled(rest, text)
    }?;
    Ok(Spelled { profile, shared })
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        read(text).map(|spelled| spelled.profile)
    }
}

/// What is left of a spelling without what stands before the profile and without a label's field.
fn bare(lower: &str) -> &str {
    for prefix in ["nvidia.com/mig-", "nvidia_com_mig_", "mig-", "mig "] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            let field = LABEL_FIELDS.iter().find_map(|f| rest.strip_suffix(f)?.strip_suffix('.'));
            return field.unwrap_or(rest);
        }
    }
    ["-mig-", " mig "].iter().find_map(|mark| Some(lower.rsplit_once(mark)?.1)).unwrap_or(lower)
}

fn without_shared(text: &str) -> (&str, bool) {
    let shared = text.strip_suffix("shared").and_then(|rest| rest.strip_suffix(['.', '-', '_']));
    shared.map_or((text, false), |rest| (rest, true))
}

/// `[<c>c.]<g>g.<m>gb` with attributes behind `+`, `-`, `.` or `,`.
fn spelled(lower: &str, whole: &str) -> Result<Profile, ProfileError> {
    let malformed = || ProfileError::Malformed(Shown::new(whole));
    let (first, rest) = number_before(lower, "c.").unwrap_or((0, lower));
    let compute = (rest.len() < lower.len()).then_some(first);
    let (slices, rest) = number_before(rest, "g.").ok_or_else(malformed)?;
    let (memory_gb, rest) = number_before(rest, "gb").ok_or_else(malformed)?;
    let attributes = attributes(rest).ok_or_else(malformed)?;
    sized(compute, slices, memory_gb, attributes, whole)
}

fn sized(
    compute: Option<u32>,
    slices: u32,
    memory_gb: u32,
    attributes: Vec<String>,
    whole: &str,
) -> Result<Profile, ProfileError> {
    if memory_gb > MAX_MEMORY_GB || slices == 0 || compute == Some(0) {
        return Err(ProfileError::Malformed(Shown::new(whole)));
    }
    if slices > MAX_SLICES || compute.is_some_and(|c| c > slices) {
        return Err(ProfileError::Slices(Shown::new(whole)));
    }
    Ok(Profile { slices, memory_gb, compute: compute.filter(|c| *c < slices), attributes })
}

/// A number and what follows its unit.
fn number_before<'a>(text: &'a str, unit: &str) -> Option<(u32, &'a str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest.strip_prefix(unit)?))
}

/// Attributes with their signs, sorted; `None` where the text is not a list of them.
fn attributes(text: &str) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(separator) = rest.chars().next() {
        let sign = match separator {
            '+' | '.' | ',' => '+',
            '-' => '-',
            _ => return None,
        };
        let tail = &rest[1..];
        let end = tail.find(['+', '-', '.', ',']).unwrap_or(tail.len());
        let (name, after) = tail.split_at(end);
        rest = after;
        if name == "all" && separator == '.' {
            // `me.all` is one attribute, though resource names have a dot for a plus as well.
            if let Some(me) = found.last_mut().filter(|last| *last == "+me") {
                me.push_str(".all");
                continue;
            }
        }
        // All media engines can be claimed; giving up "all" is no profile.
        let is_odd = name == "meall" && sign == '-';
        if is_odd || !is_attribute(name) || found.len() == MAX_ATTRIBUTES {
            return None;
        }
        found.push(format!("{sign}{}", if name == "meall" { "me.all" } else { name }));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Words that spellings put around a profile are no attributes of it.
fn is_attribute(name: &str) -> bool {
    name.len() <= MAX_ATTRIBUTE_CHARS
        && !["mig", "shared"].contains(&name)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// What the name of a DRA device of `gpu.nvidia.com` says of a MIG instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigDevice {
    /// Minor number of the card on its node.
    pub minor: u32,
    /// Profile, where the name has it; older names have only the profile's id.
    pub profile: Option<Profile>,
    /// NVML's id of the GPU instance profile: `19` is one slice on any card.
    pub profile_id: u32,
    /// First memory slice.
    pub start: u32,
    /// Memory slices, where the name has them: only older ones do.
    pub size: Option<u32>,
}

/// Reads the name of a DRA device: `gpu-0-mig-1g12gb-19-0` (minor, profile, profile id, start) or, of
/// older drivers, `gpu-0-mig-9-4-4` (minor, profile id, start, size).
///
/// # Errors
///
/// [`ProfileError::NotADevice`] for any other name, and the errors of a profile for one that is none.
pub fn device(name: &str) -> Result<MigDevice, ProfileError> {
    if name.chars().count() > MAX_CHARS {
        return Err(ProfileError::TooLong(Shown::new(name)));
    }
    let other = || ProfileError::NotADevice(Shown::new(name));
    let lower = name.trim().to_ascii_lowercase();
    let rest = lower.strip_prefix("gpu-").ok_or_else(other)?;
    let (minor, rest) = rest.split_once("-mig-").ok_or_else(other)?;
    let minor = plain_number(minor).ok_or_else(other)?;
    let mut parts = rest.rsplitn(3, '-');
    let last = parts.next().and_then(plain_number).ok_or_else(other)?;
    let middle = parts.next().and_then(plain_number).ok_or_else(other)?;
    let first = parts.next().ok_or_else(other)?;
    Ok(match plain_number(first) {
        Some(profile_id) => {
            MigDevice { minor, profile: None, profile_id, start: middle, size: Some(last) }
        }
        None => MigDevice {
            minor,
            profile: Some(undotted(first, name)?),
            profile_id: middle,
            start: last,
            size: None,
        },
    })
}

/// `1c3g20gb-me`: no dots, and a dash for the plus.
fn undotted(text: &str, whole: &str) -> Result<Profile, ProfileError> {
    let malformed = || ProfileError::Malformed(Shown::new(whole));
    let (first, rest) = number_before(text, "c").unwrap_or((0, text));
    let compute = (rest.len() < text.len()).then_some(first);
    let (slices, rest) = number_before(rest, "g").ok_or_else(malformed)?;
    let (memory_gb, rest) = number_before(rest, "gb").ok_or_else(malformed)?;
    let attributes = attributes(&rest.replace('-', "+")).ok_or_else(malformed)?;
    sized(compute, slices, memory_gb, attributes, whole)
}

fn plain_number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
