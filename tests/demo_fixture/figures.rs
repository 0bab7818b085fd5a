//! The figures of `fixtures/demo/README.md`, against plain sums over what was recorded.
//!
//! The constants are worked by hand from the story. The sums know nothing of the program's own way to its
//! figures: they step through the week scrape by scrape and ask who held each GPU and what it showed.

use std::collections::BTreeMap;

use gpu_finops::model::{MetricData, QueryId};

use super::hardware::{BROKEN, GPUS, gpu_uuid};
use super::recorded;
use super::story::{END, Millis, Pod, SCRAPE, START, Story, at};

/// Hours by state.
#[derive(Debug, Default, Clone, Copy)]
struct Hours {
    busy: f64,
    slack: f64,
    idle_warm: f64,
    idle_empty: f64,
    unobserved: f64,
    unallocated: f64,
    stranded: f64,
    unhealthy: f64,
}

impl Hours {
    fn held(busy: f64, slack: f64, idle_warm: f64, idle_empty: f64, unobserved: f64) -> Self {
        Self { busy, slack, idle_warm, idle_empty, unobserved, ..Self::default() }
    }

    fn each(&self) -> [f64; 8] {
        [
            self.busy,
            self.slack,
            self.idle_warm,
            self.idle_empty,
            self.unobserved,
            self.unallocated,
            self.stranded,
            self.unhealthy,
        ]
    }

    fn assert_is(&self, expected: &Self, what: &str) {
        let near = |(a, b): (f64, f64)| (a - b).abs() < 1e-6;
        let same = self.each().into_iter().zip(expected.each()).all(near);
        assert!(same, "{what}: {self:?}, by hand {expected:?}");
    }
}

/// By tenant, worked by hand: busy, slack, idle_warm, idle_empty, unobserved.
fn by_hand() -> BTreeMap<&'static str, Hours> {
    BTreeMap::from([
        ("chat", Hours::held(403.2, 268.8, 168.0, 0.0, 0.0)),
        ("research", Hours::held(302.4, 33.6, 336.0, 168.0, 0.0)),
        ("data", Hours::held(19.95, 1.05, 0.0, 0.0, 0.0)),
        ("media", Hours::held(78.4, 33.6, 212.0, 0.0, 12.0)),
        ("speech", Hours::held(48.45, 113.05, 0.0, 0.0, 6.5)),
        ("vc-agents/agents", Hours::held(16.2, 145.8, 0.0, 0.0, 6.0)),
        ("agent-platform", Hours::held(2.4, 9.6, 0.0, 12.0, 0.0)),
        ("vision", Hours::held(19.4, 19.4, 0.0, 0.2, 0.0)),
    ])
}

/// The whole fleet, worked by hand.
const FLEET: Hours = Hours {
    busy: 890.4,
    slack: 624.9,
    idle_warm: 716.0,
    idle_empty: 180.2,
    unobserved: 24.5,
    unallocated: 1_140.0,
    stranded: 96.0,
    unhealthy: 360.0,
};

/// USD per GPU-hour by node: an eighth of what p5.48xlarge and g6e.48xlarge cost.
const PRICES: [f64; 3] = [55.04 / 8.0, 55.04 / 8.0, 30.131 / 8.0];

fn tenant(pod: &Pod) -> &'static str {
    match pod.namespace {
        "chat-prod" => "chat",
        "data-pipelines" => "data",
        "shared-ml" => "speech",
        "vc-agents" => "vc-agents/agents",
        "agent-sandboxes" => "agent-platform",
        namespace => namespace,
    }
}

/// Value of a query by device and instant; blank samples are none.
fn values(metrics: &[MetricData], query: QueryId) -> BTreeMap<(String, Millis), f64> {
    let metric = metrics.iter().find(|m| m.query == query).unwrap();
    let mut values = BTreeMap::new();
    for series in &metric.series {
        for (t, value) in series.samples().filter(|(_, value)| *value < 2_000_000_000.0) {
            values.insert((series.labels["UUID"].clone(), t), value);
        }
    }
    values
}

/// What device `gpu` of `node` was from `t` to the next scrape, and for whom.
fn state<'a>(
    story: &'a Story,
    read: &dyn Fn(QueryId, Millis) -> Option<f64>,
    (node, gpu): (usize, usize),
    t: Millis,
) -> (Option<&'a Pod>, Hours) {
    const STEP: f64 = 1.0 / 30.0;
    let mut hours = Hours::default();
    let holder = story.pods.iter().find(|pod| {
        pod.node == node && pod.gpus.contains(&gpu) && pod.exists(t) && !pod.has_ended(t)
    });
    let Some(pod) = holder else {
        let busy_day = (at(14, 0, 0)..at(15, 0, 0)).contains(&t);
        if (node, gpu) == BROKEN || story.nodes[node].is_cordoned(t) {
            hours.unhealthy = STEP;
        } else if node == 2 && busy_day {
            hours.stranded = STEP;
        } else {
            hours.unallocated = STEP;
        }
        return (None, hours);
    };
    // A sample that is no measurement speaks for its time all the same, and says nothing.
    let read = |query| read(query, t);
    let percent = read(QueryId::GpuUtil);
    let ratio = read(QueryId::GrEngineActive).or(percent.map(|p| p / 100.0));
    match (ratio, read(QueryId::FbUsed)) {
        (Some(ratio), _) if ratio >= 0.01 => {
            hours.busy = ratio * STEP;
            hours.slack = (1.0 - ratio) * STEP;
        }
        (Some(_), Some(mib)) if mib <= 1_024.0 => hours.idle_empty = STEP,
        (Some(_), _) => hours.idle_warm = STEP,
        (None, _) => hours.unobserved = STEP,
    }
    (Some(pod), hours)
}

fn add(to: &mut Hours, more: &Hours) {
    to.busy += more.busy;
    to.slack += more.slack;
    to.idle_warm += more.idle_warm;
    to.idle_empty += more.idle_empty;
    to.unobserved += more.unobserved;
    to.unallocated += more.unallocated;
    to.stranded += more.stranded;
    to.unhealthy += more.unhealthy;
}

#[test]
fn the_hand_worked_figures_are_those_of_the_recording() {
    let (story, snapshot) = (Story::new(), recorded());
    let queries = [QueryId::GpuUtil, QueryId::GrEngineActive, QueryId::FbUsed];
    let read = queries.map(|query| (query, values(&snapshot.metrics, query)));
    let read: BTreeMap<_, _> = read.into_iter().collect();

    let mut fleet = Hours::default();
    let mut tenants: BTreeMap<&str, Hours> = BTreeMap::new();
    let (mut allocated_cost, mut waste_cost) = (0.0, 0.0);
    for (node, price) in PRICES.iter().enumerate() {
        for gpu in 0..GPUS {
            let uuid = gpu_uuid(&story.nodes[node], gpu);
            let at = |query: QueryId, t| read[&query].get(&(uuid.clone(), t)).copied();
            let mut t = START;
            while t < END {
                let (pod, hours) = state(&story, &at, (node, gpu), t);
                add(&mut fleet, &hours);
                if let Some(pod) = pod {
                    add(tenants.entry(tenant(pod)).or_default(), &hours);
                    allocated_cost += price / 30.0;
                    waste_cost += price * (hours.slack + hours.idle_warm + hours.idle_empty);
                }
                t += SCRAPE;
            }
        }
    }

    fleet.assert_is(&FLEET, "fleet");
    let expected = by_hand();
    assert_eq!(tenants.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tenant, hours) in &tenants {
        hours.assert_is(&expected[tenant], tenant);
    }
    // 24 GPUs × 168 h.
    assert!((fleet.each().iter().sum::<f64>() - 4_032.0).abs() < 1e-6);
    // 1,740 h × 6.88 + 696 h × 3.766375.
    assert!((allocated_cost - 14_592.597).abs() < 1e-6, "{allocated_cost}");
    // 995.05 h × 6.88 + 526.05 h × 3.766375.
    assert!((waste_cost - 8_827.245_568_75).abs() < 1e-6, "{waste_cost}");
}
