//! What stands in a frame of the log: series that are new, and one scrape.
//!
//! Series are numbered in the order in which a segment defines them. A value is written as its difference
//! (XOR) to the one before of the same series, bits reversed, so that one that stays costs a byte; the
//! numbers of a target's series only where they are others than at its scrape before. So records can be
//! read in order only, from the beginning of a segment.

use std::collections::HashMap;

use super::scraped::{Scraped, TargetName};
use crate::model::Labels;
use crate::source::exposition::MAX_LABELS;
use crate::units::Millis;

const SERIES: u8 = 1;
const SCRAPE: u8 = 2;

const FAILED: u8 = 1;
const OWN_INSTANTS: u8 = 2;
const SAME_SERIES: u8 = 4;

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// The next numbers, in order.
    Series(Vec<Labels>),
    /// A scrape; of its samples the number of the series, the instant and the value.
    Scrape(Scraped<u32>),
}

/// A frame that cannot be one of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a writer and a reader know of the records before.
#[derive(Debug, Default)]
pub(super) struct Context {
    values: Vec<u64>,
    of_target: HashMap<TargetName, Vec<u32>>,
}

impl Context {
    /// The record as bytes.
    pub(super) fn encode(&mut self, record: &Record) -> Vec<u8> {
        let mut out = Vec::new();
        match record {
            Record::Series(series) => {
                out.push(SERIES);
                put(&mut out, series.len() as u64);
                for labels in series {
                    put(&mut out, labels.len() as u64);
                    for (name, value) in labels {
                        put_text(&mut out, name);
                        put_text(&mut out, value);
                    }
                }
                self.values.resize(self.values.len() + series.len(), 0);
            }
            Record::Scrape(scrape) => self.encode_scrape(scrape, &mut out),
        }
        out
    }

    fn encode_scrape(&mut self, scrape: &Scraped<u32>, out: &mut Vec<u8>) {
        let ids: Vec<u32> = scrape.samples.iter().map(|(id, _, _)| *id).collect();
        let same = self.of_target.get(&scrape.target) == Some(&ids);
        let own = scrape.samples.iter().any(|(_, at, _)| *at != scrape.at_ms);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        out.push(SCRAPE);
        out.push(
            flag(scrape.error.is_some(), FAILED)
                | flag(own, OWN_INSTANTS)
                | flag(same, SAME_SERIES),
        );
        put_text(out, &scrape.target.job);
        put_text(out, &scrape.target.instance);
        put_signed(out, scrape.at_ms);
        put(out, scrape.took_ms);
        put(out, scrape.bytes);
        if let Some(error) = &scrape.error {
            put_text(out, error);
        }
        put(out, ids.len() as u64);
        if !same {
            let mut before = 0;
            for id in &ids {
                put_signed(out, i64::from(*id) - before);
                before = i64::from(*id);
            }
        }
        for (id, at, value) in &scrape.samples {
            let known = &mut self.values[*id as usize];
            put(out, (*known ^ value.to_bits()).reverse_bits());
            *known = value.to_bits();
            if own {
                put_signed(out, at - scrape.at_ms);
            }
        }
        if !same {
            self.of_target.insert(scrape.target.clone(), ids);
        }
    }

    /// The record that these bytes are.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Record, Malformed> {
        let mut rest = Rest(bytes);
        let record = match rest.byte()? {
            SERIES => Record::Series(self.decode_series(&mut rest)?),
            SCRAPE => Record::Scrape(self.decode_scrape(&mut rest)?),
            _ => return Err(Malformed),
        };
        if rest.0.is_empty() { Ok(record) } else { Err(Malformed) }
    }

    fn decode_series(&mut self, rest: &mut Rest<'_>) -> Result<Vec<Labels>, Malformed> {
        let count = rest.count()?;
        let mut series = Vec::new();
        for _ in 0..count {
            let mut labels = Labels::new();
            let pairs = rest.count()?;
            // The target's own labels come on top of what was scraped.
            if pairs > 2 * MAX_LABELS {
                return Err(Malformed);
            }
            for _ in 0..pairs {
                labels.insert(rest.text()?, rest.text()?);
            }
            series.push(labels);
        }
        self.values.resize(self.values.len() + series.len(), 0);
        Ok(series)
    }

    fn decode_scrape(&mut self, rest: &mut Rest<'_>) -> Result<Scraped<u32>, Malformed> {
        let flags = rest.byte()?;
        let target = TargetName { job: rest.text()?, instance: rest.text()? };
        let at_ms = rest.signed()?;
        let (took_ms, bytes) = (rest.number()?, rest.number()?);
        let error = if flags & FAILED == 0 { None } else { Some(rest.text()?) };
        let count = rest.count()?;
        if flags & SAME_SERIES == 0 {
            let mut ids = Vec::new();
            let mut before = 0_i64;
            for _ in 0..count {
                before = before.checked_add(rest.signed()?).ok_or(Malformed)?;
                ids.push(u32::try_from(before).map_err(|_| Malformed)?);
            }
            self.of_target.insert(target.clone(), ids);
        }
        let ids = self.of_target.get(&target).filter(|ids| ids.len() == count).ok_or(Malformed)?;
        let mut samples = Vec::with_capacity(ids.len());
        for id in ids {
            let known = self.values.get_mut(*id as usize).ok_or(Malformed)?;
            *known ^= rest.number()?.reverse_bits();
            let own = if flags & OWN_INSTANTS == 0 { 0 } else { rest.signed()? };
            let at: Millis = at_ms.checked_add(own).ok_or(Malformed)?;
            samples.push((*id, at, f64::from_bits(*known)));
        }
        Ok(Scraped { target, at_ms, took_ms, bytes, error, samples })
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more come.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Small numbers of either sign are short.
fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is left of a record.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// How many of something follow, each of which takes at least a byte.
    fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if count <= self.0.len() { Ok(count) } else { Err(Malformed) }
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| Malformed)
    }
}
