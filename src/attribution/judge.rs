//! From pieces to the ledger's rows: the state of every part of every device at every instant.
//!
//! Which series speak for a piece is decided here: those of the MIG instance, the pod's own values where
//! the exporter gives them, else the card's. One value for several holders is split by share and marked
//! as an estimate; it moves time between holders and makes none.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::holder::HolderKind;
use super::holding::{EPSILON, Speaks};
use super::inventory::Device;
use super::nodes::Node;
use super::pooled::Cards;
use super::resolve::{Account, Free, Piece, pieces_of};
use super::states::{self, Blind, Judgement, Segment, Signals, State};
use super::{Attributed, Tenure, health};
use crate::model::{Inputs, Interval, IntervalSet, Policy, Window};
use crate::observe::devices::{DeviceObservation, DeviceObservations};
use crate::observe::field::Field;
use crate::observe::reading::{self, Reading};

/// What rows are made from.
pub(super) struct Rows<'a> {
    pub(super) devices: &'a [Device],
    pub(super) nodes: &'a BTreeMap<String, Node>,
    pub(super) seen: &'a DeviceObservations<'a>,
    pub(super) holders: &'a [Attributed],
    pub(super) cards: &'a Cards,
    pub(super) policy: &'a Policy,
    pub(super) window: Window,
}

/// What all pieces of one holder on one device say together.
#[derive(Default)]
struct Chain {
    memory_peak: Option<f64>,
    idle: Vec<Interval>,
}

impl Chain {
    /// A gap or any use ends an idle stretch; where pieces meet it goes on.
    fn tenure(self, holder: usize, device: usize, window: Window) -> Tenure {
        let runs = IntervalSet::union_of(self.idle);
        let length = |run: Option<&Interval>| run.map_or(0, |run| run.length_ms());
        let runs = runs.as_slice();
        Tenure {
            holder,
            device,
            memory_peak: self.memory_peak,
            longest_idle_ms: runs.iter().map(|run| run.length_ms()).max().unwrap_or(0),
            leading_idle_ms: length(runs.first().filter(|run| run.start == window.start())),
            trailing_idle_ms: length(runs.last().filter(|run| run.end == window.end())),
        }
    }
}

/// What is known once all rows are made.
pub(super) struct Judged {
    pub(super) tenures: Vec<Tenure>,
    /// Time that nobody holds in which a device was used all the same, GPU-milliseconds: work outside
    /// Kubernetes, or a holder that no source names.
    pub(super) busy_unheld_ms: i64,
}

/// The rows of one device in order of time, and what they come from while it is at hand: it is as much as there
/// are samples, so it is not kept.
pub struct DeviceTime<'a> {
    /// The rows.
    pub segments: Vec<Segment>,
    rows: &'a Rows<'a>,
    pieces: &'a [Piece],
    seen: Option<&'a DeviceObservation>,
}

/// Framebuffer that one holder used for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryHold {
    /// Position among the holders.
    pub holder: usize,
    /// When.
    pub time: Interval,
    /// How much.
    pub bytes: f64,
}

impl DeviceTime<'_> {
    /// Framebuffer use of each holder over time. What several use together is nobody's own, and left out.
    #[must_use]
    pub fn memory(&self) -> Vec<MemoryHold> {
        let Some(seen) = self.seen else { return Vec::new() };
        let of_piece = |piece: &Piece| {
            let reading = reading_of(piece, seen);
            let own = reading.and_then(|reading| self.rows.own_signals(piece, reading));
            let alone = reading.filter(|_| !piece.is_shared && piece.known);
            let signals = own.or_else(|| Some(&alone?.signals));
            let held = signals.and_then(|signals| signals.get(&Field::FbUsed));
            let (holder, time, since) = (piece.holder, piece.time, piece.since);
            held.into_iter().flatten().filter_map(move |held| {
                let from = held.first_from(since)?.max(time.start);
                let until = held.time.end.min(time.end);
                let time = (from < until).then(|| Interval::new(from, until))?;
                Some(MemoryHold { holder, time, bytes: held.value? })
            })
        };
        self.pieces.iter().flat_map(of_piece).collect()
    }
}

/// The rows of one device, made into something, and what is known besides.
struct OfDevice<T> {
    made: T,
    tenures: Vec<Tenure>,
    busy_unheld_ms: i64,
}

impl Rows<'_> {
    /// Makes something of the rows of each device, which come in order of time. What is not made of them is
    /// forgotten: there are as many as samples that differ.
    pub(super) fn all<T: Send>(
        &self,
        account: &Account,
        inputs: &Inputs,
        make: &(impl Fn(DeviceTime<'_>) -> T + Sync),
    ) -> (Judged, Vec<T>) {
        let broken = health::broken_devices(self.devices, self.nodes, account, self.cards, inputs);
        let all: Vec<OfDevice<T>> = broken
            .par_iter()
            .enumerate()
            .map(|(d, broken)| self.of_device(d, account, broken, make))
            .collect();
        let mut out = Judged { tenures: Vec::new(), busy_unheld_ms: 0 };
        let mut made = Vec::with_capacity(all.len());
        for device in all {
            out.busy_unheld_ms += device.busy_unheld_ms;
            out.tenures.extend(device.tenures);
            made.push(device.made);
        }
        out.tenures.sort_by_key(|t| (t.holder, t.device));
        (out, made)
    }

    fn of_device<T>(
        &self,
        d: usize,
        account: &Account,
        broken: &IntervalSet,
        make: &impl Fn(DeviceTime<'_>) -> T,
    ) -> OfDevice<T> {
        let seen = self.devices[d].observation.map(|o| self.seen.full(o));
        let seen = seen.as_deref();
        let mut segments = Vec::new();
        let mut chains: BTreeMap<usize, Chain> = BTreeMap::new();
        let pieces = pieces_of(&account.pieces, d);
        for piece in pieces {
            self.held(piece, seen, &mut segments, chains.entry(piece.holder).or_default());
        }
        for free in account.free_of(d) {
            self.unheld(free, broken, &mut segments);
        }
        segments.sort_by_key(|s| (s.time, s.holder));
        let tenure = |(holder, chain): (usize, Chain)| chain.tenure(holder, d, self.window);
        OfDevice {
            busy_unheld_ms: seen.map_or(0, |seen| self.busy_unheld_ms(d, seen, &segments)),
            made: make(DeviceTime { segments, rows: self, pieces, seen }),
            tenures: chains.into_iter().map(tenure).collect(),
        }
    }

    fn unheld(&self, free: &Free, broken: &IntervalSet, segments: &mut Vec<Segment>) {
        let time = IntervalSet::of(free.time);
        let full = self.nodes.get(&self.devices[free.device].node).map(|n| n.room.full.clone());
        let full = full.unwrap_or_default();
        for (share, full) in [(free.usable, &full), (free.stranded, &time)] {
            if share <= EPSILON {
                continue;
            }
            let states = states::unheld_states(&time, broken, full);
            segments.extend(states.into_iter().map(|(time, state)| Segment {
                device: free.device,
                holder: None,
                time,
                share,
                state,
                utilization: None,
                signal: None,
                blind: None,
                estimated: false,
                grant: None,
            }));
        }
    }

    fn held(
        &self,
        piece: &Piece,
        seen: Option<&DeviceObservation>,
        segments: &mut Vec<Segment>,
        chain: &mut Chain,
    ) {
        let (states, estimated) = self.states(piece, seen, chain);
        for (time, j) in states {
            if matches!(j.state, State::IdleWarm | State::IdleEmpty) {
                chain.idle.push(time);
            }
            segments.push(Segment {
                device: piece.device,
                holder: Some(piece.holder),
                time,
                share: piece.share,
                state: j.state,
                utilization: j.utilization,
                signal: j.signal,
                blind: j.blind,
                estimated: estimated && j.utilization.is_some(),
                grant: piece.grant,
            });
        }
    }

    /// States over a piece, and whether they are an estimate.
    fn states(
        &self,
        piece: &Piece,
        seen: Option<&DeviceObservation>,
        chain: &mut Chain,
    ) -> (Vec<(Interval, Judgement)>, bool) {
        let constant = |judgement| (vec![(piece.time, judgement)], false);
        if self.holders[piece.holder].holder.kind == HolderKind::StaleClaim {
            return constant(Judgement::stale());
        }
        if piece.speaks == Speaks::Nobody {
            return constant(Judgement::blind(Blind::Passthrough));
        }
        let device = &self.devices[piece.device];
        if !piece.known {
            return constant(Judgement::blind(Blind::DeviceUnknown));
        }
        let Some(seen) = seen else {
            return constant(Judgement::blind(Blind::NoSample));
        };
        let Some(reading) = reading_of(piece, seen) else {
            return constant(Judgement::blind(Blind::InstanceUnknown));
        };
        let own = self.own_signals(piece, reading);
        let signals = Signals::new(
            own.unwrap_or(&reading.signals),
            reading.memory_bytes.or(device.memory_bytes),
            self.policy,
        );
        let part = if own.is_some() { piece.share } else { piece.held_beside };
        let mut states = signals.states(piece.time, piece.since);
        scale(&mut states, part / piece.series_share);
        let peak = signals.memory_peak(piece.time, piece.since);
        chain.memory_peak = chain.memory_peak.into_iter().chain(peak).reduce(f64::max);
        (states, own.is_none() && piece.is_shared)
    }

    /// The pod's own values, where the exporter gives them.
    fn own_signals<'a>(&self, piece: &Piece, reading: &'a Reading) -> Option<&'a reading::Signals> {
        let key = &self.holders[piece.holder].holder.key;
        let (_, own) = reading.processes.iter().find(|(pod, _)| pod.names(key))?;
        own.contains_key(&Field::GpuUtil).then_some(own)
    }

    /// Cards only: a free instance has no series of its own.
    fn busy_unheld_ms(&self, d: usize, seen: &DeviceObservation, segments: &[Segment]) -> i64 {
        let (device, reading) = (&self.devices[d], &seen.card);
        let memory = reading.memory_bytes.or(device.memory_bytes);
        let signals = Signals::new(&reading.signals, memory, self.policy);
        let unheld = segments.iter().filter(|s| s.holder.is_none() && s.share >= 1.0 - EPSILON);
        unheld
            .flat_map(|s| signals.states(s.time, s.time.start))
            .filter(|(_, j)| j.state == State::Active)
            .map(|(time, _)| time.length_ms())
            .sum()
    }
}

/// The series that speak for a piece.
fn reading_of<'a>(piece: &Piece, seen: &'a DeviceObservation) -> Option<&'a Reading> {
    match piece.speaks {
        Speaks::Card => Some(&seen.card),
        Speaks::Instance(i) => seen.instances.get(i).map(|instance| &instance.reading),
        Speaks::UnknownInstance | Speaks::Nobody => None,
    }
}

/// Utilization of what the series speak for, as utilization of the part that is held of it. A part can be
/// used beyond itself while its neighbours rest; it is full then, not more.
fn scale(states: &mut [(Interval, Judgement)], part: f64) {
    if part < 1.0 - EPSILON && part > 0.0 {
        for (_, judgement) in states {
            judgement.utilization = judgement.utilization.map(|u| (u / part).min(1.0));
        }
    }
}
