//! The loop of `collect`: targets are scraped by tasks of their own, and one place writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::{Signals, cannot_write, list};
use crate::commands::scraping::{self, clock};
use crate::error::Result;
use crate::settings::collect::CollectSettings;
use crate::source::kubernetes::Cluster;
use crate::source::objects::RawObjects;
use crate::source::scrape::health::{Fared, Health, Turn};
use crate::source::scrape::round::{self, Answer};
use crate::source::scrape::schedule::Schedule;
use crate::source::scrape::staleness::Staleness;
use crate::source::scrape::{Intake, Target};
use crate::source::store::{StoreWriter, TargetName, Upkeep};
use crate::ui::{Ui, chain};
use crate::units::MS_PER_MINUTE;

/// How often exporters are looked for and objects are listed, or every interval if that is longer.
const REFRESH_MS: i64 = 5 * MS_PER_MINUTE;
/// Answers that may wait to be written.
const WAITING: usize = 1024;

/// What tasks tell.
enum Event {
    Scraped(TargetName, Answer),
    Targets(Result<Vec<Target>>),
    Objects(Result<Option<RawObjects>>),
}

/// The one who writes.
pub(super) struct Collector {
    store: StoreWriter,
    staleness: Staleness,
    health: Health,
    retain_ms: i64,
    ui: Ui,
}

impl Collector {
    pub(super) fn new(
        store: StoreWriter,
        health: Health,
        settings: &CollectSettings,
        ui: Ui,
    ) -> Self {
        let staleness = Staleness::default();
        Self { store, staleness, health, retain_ms: settings.retain_ms, ui }
    }

    /// Keeps what a scrape brought.
    pub(super) fn keep(&mut self, target: &TargetName, answer: Answer) -> Result<()> {
        let Answer { timing, text } = answer;
        let (bad_lines, problem) = match &text {
            Ok(text) => (text.bad_lines, text.problem.clone()),
            Err(_) => (0, None),
        };
        let scrape = self.staleness.scraped(target.clone(), timing, text);
        let failure = scrape.error.clone();
        let fared = Fared {
            at_ms: timing.at_ms,
            ok: failure.is_none(),
            took_ms: timing.took_ms,
            bytes: timing.bytes,
            samples: scrape.samples.len() as u64,
            bad_lines,
        };
        let result = self.store.append(scrape);
        self.health.wrote(result.as_ref().map(|bytes| *bytes).map_err(ToString::to_string));
        result.map_err(|e| cannot_write(&e))?;
        // What is counted is kept.
        match (self.health.scraped(target, fared), failure, problem) {
            (Turn::Failed, Some(reason), _) => self.ui.warn(&format!("{target}: {reason}")),
            (Turn::First | Turn::Recovered, _, Some(problem)) => {
                self.ui.warn(&format!("{target}: lines that are left out: {bad_lines}; {problem}"));
            }
            (Turn::Recovered, _, None) => self.ui.note(&format!("{target} is scraped")),
            _ => {}
        }
        Ok(())
    }

    /// Keeps cluster objects.
    pub(super) fn keep_objects(&self, objects: &RawObjects) -> Result<()> {
        self.store.put_objects(objects).map_err(|e| cannot_write(&e))
    }

    /// Everything on the disk, and old hours in order.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.store.sync().map_err(|e| cannot_write(&e))?;
        self.keep_up()
    }

    fn keep_up(&mut self) -> Result<()> {
        let now = clock();
        let oldest = now - self.retain_ms;
        let upkeep = tokio::task::block_in_place(|| self.store.keep_up(now, oldest));
        let Upkeep { compacted, removed, notes } = upkeep.map_err(|e| cannot_write(&e))?;
        self.health.compacted(compacted);
        notes.iter().for_each(|note| self.ui.warn(note));
        if compacted + removed > 0 {
            self.ui.detail(&format!("{compacted} hours compacted, {removed} removed"));
        }
        Ok(())
    }

    /// Scrapes until a signal arrives.
    pub(super) async fn run(
        mut self,
        settings: &CollectSettings,
        cluster: Option<Cluster>,
        end: Signals,
    ) -> Result<()> {
        let (tell, mut events) = mpsc::channel(WAITING);
        let mut crew = Crew::new(settings, tell.clone());
        let first = scraping::targets(&settings.scrape, cluster.as_ref()).await?;
        self.ui.note(&format!(
            "scraping every {} s into {}; exporters: {}",
            settings.interval_ms / 1_000,
            settings.store.display(),
            first.len()
        ));
        crew.assign(first);
        let refreshing = tokio::spawn(refresh(settings.clone(), cluster, tell));
        let every = Duration::from_millis(settings.interval_ms.unsigned_abs());
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let end = end.arrived();
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                _ = ticks.tick() => self.warned(Self::finish),
                event = events.recv() => match event {
                    Some(event) => self.take(event, &mut crew),
                    None => break,
                },
            }
        }
        refreshing.abort();
        crew.dismiss();
        events.close();
        while let Some(event) = events.recv().await {
            self.take(event, &mut crew);
        }
        self.store.sync().map_err(|e| cannot_write(&e))?;
        self.ui.note("ended; what was scraped is on the disk");
        Ok(())
    }

    fn take(&mut self, event: Event, crew: &mut Crew) {
        match event {
            Event::Scraped(target, answer) => self.warned(|c| c.keep(&target, answer)),
            Event::Objects(Ok(Some(objects))) => self.warned(|c| c.keep_objects(&objects)),
            Event::Objects(Ok(None)) => {}
            Event::Targets(Ok(targets)) => {
                for gone in crew.assign(targets) {
                    self.health.gone(&gone);
                    if let Some(last) = self.staleness.ended(&gone, clock()) {
                        self.warned(|c| {
                            c.store.append(last).map(drop).map_err(|e| cannot_write(&e))
                        });
                    }
                }
            }
            Event::Targets(Err(error)) | Event::Objects(Err(error)) => {
                self.ui.warn(&chain(&error));
            }
        }
    }

    /// A full disk may have room again: what fails is told and tried anew at the next scrape.
    fn warned(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = change(self) {
            self.ui.warn(&chain(&error));
        }
    }
}

/// The tasks that scrape.
struct Crew {
    tasks: HashMap<TargetName, JoinHandle<()>>,
    how: Arc<How>,
    tell: mpsc::Sender<Event>,
}

/// What all of them know.
struct How {
    intake: Arc<Intake>,
    interval_ms: i64,
    limit: Duration,
    room: Semaphore,
}

impl Crew {
    fn new(settings: &CollectSettings, tell: mpsc::Sender<Event>) -> Self {
        let options = &settings.scrape;
        let how = How {
            intake: Arc::new(Intake::new(&settings.gpu_resources, options.honor_labels)),
            interval_ms: settings.interval_ms,
            limit: options.timeout,
            room: Semaphore::new(options.concurrency),
        };
        Self { tasks: HashMap::new(), how: Arc::new(how), tell }
    }

    /// Scrapes these from now on; gives those that were scraped and are not among them.
    fn assign(&mut self, targets: Vec<Target>) -> Vec<TargetName> {
        let is_wanted = |name: &TargetName| targets.iter().any(|target| target.name == *name);
        let gone: Vec<TargetName> =
            self.tasks.keys().filter(|name| !is_wanted(name)).cloned().collect();
        for name in &gone {
            if let Some(task) = self.tasks.remove(name) {
                task.abort();
            }
        }
        for target in targets {
            let (how, tell) = (Arc::clone(&self.how), self.tell.clone());
            self.tasks
                .entry(target.name.clone())
                .or_insert_with(|| tokio::spawn(scrape(target, how, tell)));
        }
        gone
    }

    fn dismiss(&mut self) {
        self.tasks.drain().for_each(|(_, task)| task.abort());
    }
}

/// Scrapes one target for ever.
async fn scrape(target: Target, how: Arc<How>, tell: mpsc::Sender<Event>) {
    let schedule = Schedule::of(&target.name, how.interval_ms);
    let mut before = i64::MIN;
    loop {
        // Waking a little early does not give an instant twice; a clock that was set back is followed.
        let planned = schedule.next(clock().max(before));
        let wait = (planned - clock()).clamp(0, how.interval_ms);
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        let Ok(permit) = how.room.acquire().await else { return };
        let at = schedule.aligned(planned, clock());
        before = if clock() + how.interval_ms < planned { clock() } else { planned };
        let answer = round::one(&target, &how.intake, at, how.limit).await;
        drop(permit);
        if tell.send(Event::Scraped(target.name.clone(), answer)).await.is_err() {
            return;
        }
    }
}

/// Lists objects, and looks for exporters where none are named, again and again.
async fn refresh(settings: CollectSettings, cluster: Option<Cluster>, tell: mpsc::Sender<Event>) {
    let every = Duration::from_millis(REFRESH_MS.max(settings.interval_ms).unsigned_abs());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_first = true;
    loop {
        ticks.tick().await;
        let objects = list(&settings, cluster.as_ref()).await;
        let mut told = tell.send(Event::Objects(objects)).await.is_ok();
        // At the start they were looked for already.
        if settings.scrape.targets.is_empty() && !is_first {
            let targets = scraping::targets(&settings.scrape, cluster.as_ref()).await;
            told &= tell.send(Event::Targets(targets)).await.is_ok();
        }
        is_first = false;
        if !told {
            return;
        }
    }
}
