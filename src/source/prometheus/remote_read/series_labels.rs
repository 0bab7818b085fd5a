//! The labels of one series after the other. Of those of a series nearly all are those of the series before it, byte
//! for byte: these are not read again, and not kept twice.

use std::sync::Arc;

use super::columns::ContentError;
use super::labels::Normaliser;
use super::wire;
use crate::model::Labels;
use crate::model::labels::Label;

/// A label at its place, of the series that was read last.
#[derive(Debug)]
struct Known {
    bytes: Vec<u8>,
    label: Arc<Label>,
    /// The server may have added it.
    is_suspect: bool,
}

/// Reads labels, and remembers those of one series.
#[derive(Debug)]
pub(super) struct LabelReader {
    normaliser: Normaliser,
    known: Vec<Known>,
}

impl LabelReader {
    pub(super) const fn new(normaliser: Normaliser) -> Self {
        Self { normaliser, known: Vec::new() }
    }

    /// Whether `messages` are the labels of the series that was read last.
    pub(super) fn is_same(&self, messages: &[&[u8]]) -> bool {
        self.known.iter().map(|known| known.bytes.as_slice()).eq(messages.iter().copied())
    }

    /// The labels as the query API has them.
    pub(super) fn read(&mut self, messages: &[&[u8]]) -> Result<Labels, ContentError> {
        self.known.truncate(messages.len());
        for (place, message) in messages.iter().enumerate() {
            match self.known.get_mut(place) {
                Some(known) if known.bytes == *message => {}
                Some(known) => *known = Known::of(message, &self.normaliser)?,
                None => self.known.push(Known::of(message, &self.normaliser)?),
            }
        }
        let (suspects, rest): (Vec<&Known>, Vec<&Known>) = self
            .known
            .iter()
            .filter(|known| !known.label.value().is_empty())
            .partition(|known| known.is_suspect);
        let rest: Labels = rest.into_iter().map(|known| Arc::clone(&known.label)).collect();
        Ok(self.normaliser.with_own_of(rest, suspects.into_iter().map(|known| &known.label)))
    }
}

impl Known {
    fn of(message: &[u8], normaliser: &Normaliser) -> Result<Self, ContentError> {
        let (name, value) = wire::label(message)?;
        let is_suspect = normaliser.suspects(name, value);
        Ok(Self { bytes: message.to_vec(), label: Arc::new(Label::new(name, value)), is_suspect })
    }
}
