//! The sizes in which a card can be had: itself, and the MIG instances that it can be cut into.

use crate::attribution::mig::table;
use crate::units::BYTES_PER_GIB;

/// Usable part of the memory slices of an instance, by how many it has, from `nvidia-smi mig -lgip` of an A100
/// 80 GB as in NVIDIA's MIG user guide: 9.50 GiB of 10, 19.50 of 20, 39.25 of 40. Other cards give as much or more.
const USABLE_MEMORY: [(u32, f64); 3] = [(1, 0.95), (3, 0.975), (u32::MAX, 0.98)];

/// A part of a card that can be had by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Profile, or `whole`.
    pub name: String,
    /// Part of the card's compute, 0..1.
    pub compute: f64,
    /// Framebuffer, bytes.
    pub memory_bytes: f64,
    /// Part of the card that it costs, 0..1.
    pub share: f64,
}

impl Size {
    /// The whole card.
    #[must_use]
    pub fn whole(memory_bytes: f64) -> Self {
        Self { name: "whole".to_owned(), compute: 1.0, memory_bytes, share: 1.0 }
    }

    /// Whether it is the whole card.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.share >= 1.0
    }
}

/// Framebuffer of a card of `model` by its largest profile, bytes: of a card that is cut, exporters show its
/// instances' alone.
#[must_use]
pub fn card_bytes(model: &str) -> Option<f64> {
    table::gpu(model)?.memory_gb().map(|gb| f64::from(gb) * BYTES_PER_GIB)
}

/// MIG instances of a card of `model` with `card_bytes` of framebuffer, cheapest first; of two that cost the
/// same, the one with more memory. The card as a whole is last. Only the card, where it cannot be cut.
#[must_use]
pub fn mig_sizes(model: &str, card_bytes: f64) -> Vec<Size> {
    let mut sizes = vec![Size::whole(card_bytes)];
    if let Some(gpu) = table::gpu(model) {
        let part = |slices: u32, of: u32| f64::from(slices) / f64::from(of);
        let rows = gpu.rows.iter().filter(|row| row.max.is_some() && row.compute < gpu.compute);
        sizes.extend(rows.map(|row| {
            let (compute, memory) = (part(row.compute, gpu.compute), part(row.memory, gpu.memory));
            let nominal = f64::from(row.profile.memory_gb()) * BYTES_PER_GIB;
            let usable = USABLE_MEMORY.iter().find(|(slices, _)| row.memory <= *slices);
            Size {
                name: row.profile.to_string(),
                compute,
                // Names round up on some cards: 1g.18gb is an eighth of 141 GB.
                memory_bytes: nominal.min(card_bytes * memory) * usable.map_or(1.0, |(_, u)| *u),
                share: compute.max(memory),
            }
        }));
    }
    sizes.sort_by(|a, b| {
        a.share.total_cmp(&b.share).then_with(|| b.memory_bytes.total_cmp(&a.memory_bytes))
    });
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_a100_from_small_to_whole() {
        let sizes = mig_sizes("NVIDIA A100-SXM4-80GB", 80.0 * BYTES_PER_GIB);
        let names: Vec<&str> = sizes.iter().map(|size| size.name.as_str()).collect();
        assert_eq!(names, ["1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "whole"]);
        let gib: Vec<f64> = sizes.iter().map(|size| size.memory_bytes / BYTES_PER_GIB).collect();
        assert_eq!(gib[..2], [9.5, 19.5]);
        assert!((gib[3] - 39.2).abs() < 1e-9);
        let shares: Vec<f64> = sizes.iter().map(|size| size.share).collect();
        assert_eq!(shares, [1.0 / 7.0, 0.25, 2.0 / 7.0, 0.5, 4.0 / 7.0, 1.0]);
    }

    #[test]
    fn a_name_that_rounds_up_does_not_make_memory() {
        let sizes = mig_sizes("NVIDIA H200", 141.0 * BYTES_PER_GIB);
        assert_eq!(sizes[0].name, "1g.18gb");
        assert!(sizes[0].memory_bytes < 17.0 * BYTES_PER_GIB, "{}", sizes[0].memory_bytes);
    }

    #[test]
    fn what_cannot_be_cut_is_whole() {
        let sizes = mig_sizes("Tesla T4", 16.0 * BYTES_PER_GIB);
        assert_eq!(sizes, [Size::whole(16.0 * BYTES_PER_GIB)]);
        assert_eq!(card_bytes("Tesla T4"), None);
        assert_eq!(card_bytes("NVIDIA A100-SXM4-80GB"), Some(80.0 * BYTES_PER_GIB));
        assert!(sizes[0].is_whole());
    }
}
