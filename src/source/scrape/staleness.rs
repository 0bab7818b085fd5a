//! Where series end: one that is gone from its exporter's text, or whose exporter does not answer, gets a
//! marker at that scrape, as Prometheus sets it.

use std::collections::{BTreeSet, HashMap};

use super::intake::Text;
use crate::model::Labels;
use crate::model::series::STALE_NAN_BITS;
use crate::source::store::{Scraped, TargetName};
use crate::units::Millis;

/// The series that each target showed last.
#[derive(Debug, Default)]
pub struct Staleness(HashMap<TargetName, BTreeSet<Labels>>);

/// When, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The instant of the scrape.
    pub at_ms: Millis,
    /// How long it took.
    pub took_ms: u64,
    /// Size of the text.
    pub bytes: u64,
}

impl Staleness {
    /// A scrape as it is to be kept. Series with instants of their own end without a marker.
    #[must_use]
    pub fn scraped(
        &mut self,
        target: TargetName,
        timing: Timing,
        text: Result<Text, String>,
    ) -> Scraped<Labels> {
        let Timing { at_ms, took_ms, bytes } = timing;
        let (text, error) = match text {
            Ok(text) => (text, None),
            Err(error) => (Text::default(), Some(error)),
        };
        let shown = text.samples.iter().filter(|(_, (_, own, _))| !own);
        let shown: BTreeSet<Labels> = shown.map(|(labels, _)| labels.clone()).collect();
        let known = self.0.insert(target.clone(), shown).unwrap_or_default();
        let gone = known.into_iter().filter(|labels| !text.samples.contains_key(labels));
        let ended = gone.map(|labels| (labels, at_ms, f64::from_bits(STALE_NAN_BITS)));
        let ended: Vec<_> = ended.collect();
        let samples = text.samples.into_iter().map(|(labels, (at, _, value))| (labels, at, value));
        let samples = samples.chain(ended).collect();
        Scraped { target, at_ms, took_ms, bytes, error, samples }
    }

    /// Forgets a target that is not scraped any more, and gives the end of its series, if it had any.
    #[must_use]
    pub fn ended(&mut self, target: &TargetName, at_ms: Millis) -> Option<Scraped<Labels>> {
        let known = self.0.remove(target).filter(|known| !known.is_empty())?;
        let marker = f64::from_bits(STALE_NAN_BITS);
        Some(Scraped {
            target: target.clone(),
            at_ms,
            took_ms: 0,
            bytes: 0,
            error: Some("the target is gone".to_owned()),
            samples: known.into_iter().map(|labels| (labels, at_ms, marker)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(series: &[(&str, bool)]) -> Text {
        let sample = |(name, own): &(&str, bool)| {
            (Labels::from([("__name__".to_owned(), (*name).to_owned())]), (0, *own, 1.0))
        };
        Text { samples: series.iter().map(sample).collect(), ..Text::default() }
    }

    /// Names of the series of a scrape, those that ended in brackets.
    fn shown(scrape: &Scraped<Labels>) -> Vec<String> {
        let one = |(labels, _, value): &(Labels, Millis, f64)| match value.to_bits() {
            STALE_NAN_BITS => format!("[{}]", labels["__name__"]),
            _ => labels["__name__"].clone(),
        };
        scrape.samples.iter().map(one).collect()
    }

    #[test]
    fn series_end_when_they_are_gone_and_when_nobody_answers() {
        let mut staleness = Staleness::default();
        let target = TargetName { job: "j".to_owned(), instance: "i".to_owned() };
        let timing = Timing { at_ms: 5, took_ms: 1, bytes: 1 };
        let mut scrape = |text| staleness.scraped(target.clone(), timing, text);
        assert_eq!(
            shown(&scrape(Ok(text(&[("a", false), ("b", false), ("own", true)])))),
            ["a", "b", "own"]
        );
        // One with instants of its own just is not there any more.
        assert_eq!(shown(&scrape(Ok(text(&[("b", false)])))), ["b", "[a]"]);
        let failed = scrape(Err("refused".to_owned()));
        assert_eq!(
            (shown(&failed), failed.error.as_deref()),
            (vec!["[b]".to_owned()], Some("refused"))
        );
        assert_eq!(failed.samples[0].1, 5);
        // An end is told once.
        assert_eq!(shown(&scrape(Err("refused".to_owned()))), Vec::<String>::new());
        assert_eq!(shown(&scrape(Ok(text(&[("b", false)])))), ["b"]);
        assert_eq!(staleness.ended(&target, 9).map(|s| shown(&s)), Some(vec!["[b]".to_owned()]));
        assert_eq!(staleness.ended(&target, 9), None);
    }
}
