//! Partitions by hand: what is written is what is read, and what is damaged is refused.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::columns::{self as c, file};
use super::*;
use crate::attribution::holder::{Holder, HolderKind, HoldingSource};
use crate::attribution::holding::{Sharing, Speaks};
use crate::attribution::inventory::Device;
use crate::attribution::label_view::LabelView;
use crate::attribution::owners::Workload;
use crate::attribution::resolve::Piece;
use crate::attribution::states::State;
use crate::attribution::tenants::Named;
use crate::attribution::{Attributed, Attribution, Tenure};
use crate::cost::price::Price;
use crate::model::{Interval, IntervalSet, Labels, Window};
use crate::observe::field::Field;
use crate::observe::kube_state::PodKey;
use crate::report::accounts::NodeKind;
use crate::report::coverage::Seen;
use crate::report::fold::Folded;
use crate::source::tables;
use crate::units::MS_PER_DAY;

fn device() -> Device {
    Device {
        cluster: Some("prod".into()),
        id: "GPU-1".into(),
        node: "n1".into(),
        index: Some("0".into()),
        model: "X1".into(),
        presence: IntervalSet::union_of([Interval::new(0, 500), Interval::new(600, 1_000)]),
        sharing: Sharing::Mig,
        observation: None,
        pooled: None,
        memory_bytes: None,
        passthrough: false,
    }
}

fn holder() -> Attributed {
    let time = Interval::new(100, 400);
    Attributed {
        cluster: Some("prod".into()),
        holder: Holder {
            kind: HolderKind::Pod,
            key: PodKey { namespace: "ml".into(), name: "train-0".into(), uid: None },
            node: Some("n1".into()),
            wants: BTreeMap::new(),
            claims: vec![String::new()],
            time,
            since: time.start,
            source: HoldingSource::Objects,
            owner: None,
            labels: LabelView {
                object: BTreeMap::from([("app".into(), "a \"b\"".into())]),
                metric: Labels::from([("label_team".into(), "é".into())]),
            },
            annotations: BTreeMap::new(),
            labelled: BTreeMap::new(),
        },
        workload: Workload { kind: "Job".into(), name: "train".into(), owned: true },
        tenant: Named { tenant: "research".into(), rule: "namespace".into() },
    }
}

fn piece() -> Piece {
    Piece {
        device: 0,
        holder: 0,
        time: Interval::new(100, 400),
        since: 100,
        share: 0.25,
        series_share: 0.25,
        held_beside: 0.25,
        known: true,
        speaks: Speaks::Card,
        is_shared: false,
        grant: None,
    }
}

/// One GPU that is away for a while, and a pod that has a quarter of it.
fn partition() -> Partition {
    let share = |part: f64| part.to_bits();
    let used = (Some(0), State::Active, Some(0.5_f64.to_bits()), Some(Field::GpuUtil), None);
    let held = (used.0, used.1, used.2, used.3, used.4, share(0.25), false);
    let free = |part| (None, State::Unallocated, None, None, None, share(part), false);
    let tenure = Tenure {
        holder: 0,
        device: 0,
        memory_peak: Some(7.0),
        longest_idle_ms: 5,
        leading_idle_ms: 0,
        trailing_idle_ms: 3,
    };
    let price = Price { per_gpu_hour: 2.1, source: "list".into(), built_in: true };
    let accounts = Accounts {
        window: Window::new(0, MS_PER_DAY).expect("a day"),
        now_ms: MS_PER_DAY,
        attribution: Attribution {
            devices: vec![device()],
            holders: vec![holder()],
            pieces: vec![piece()],
            tenures: vec![tenure],
            ..Attribution::default()
        },
        folded: vec![Folded::of_cells([(held, 300), (free(0.75), 300), (free(1.0), 600)])],
        prices: vec![Some(price)],
        currency: "EUR".into(),
        idle_below: 0.01,
        nodes: BTreeMap::from([(
            (Some("prod".into()), "n1".into()),
            NodeKind {
                instance_type: Some("p4d".into()),
                provider_id: Some("aws:///z/i-1".into()),
                ..NodeKind::default()
            },
        )]),
        seen: Seen { samples_seen: 9, ..Seen::default() },
    };
    Partition {
        cluster: "prod".into(),
        accounts,
        assumptions: Vec::new(),
        tool_version: "1".into(),
    }
}

fn files() -> BTreeMap<String, Vec<u8>> {
    encode(&partition()).expect("encodes").into_iter().collect()
}

#[test]
fn what_is_written_is_what_is_read() {
    let (before, after) = (partition(), decode(files()).expect("decodes"));
    let (a, b) = (&before.accounts, &after.accounts);
    assert_eq!(a.attribution.devices, b.attribution.devices);
    assert_eq!(a.attribution.holders, b.attribution.holders);
    assert_eq!(a.attribution.pieces, b.attribution.pieces);
    assert_eq!(a.attribution.tenures, b.attribution.tenures);
    assert_eq!((&a.folded, &a.prices, &a.nodes), (&b.folded, &b.prices, &b.nodes));
    assert_eq!((&a.seen, a.window, &a.currency), (&b.seen, b.window, &b.currency));
    assert_eq!((before.cluster, before.tool_version), (after.cluster, after.tool_version));
}

/// The message of a partition in which a column of a table was replaced.
fn refused(table: &str, column: Series) -> String {
    let mut files = files();
    let name = file(table);
    let mut df: DataFrame = tables::read(&name, files[&name].clone()).expect("a table");
    df.replace(column.name().clone().as_str(), Column::from(column)).expect("a column");
    files.insert(name.clone(), tables::write(&name, df.columns()).expect("encodes"));
    decode(files).expect_err("damaged").to_string()
}

#[test]
fn forged_tables_are_refused_and_named() {
    let rows = |n: usize, value: f64| vec![value; n];
    for (table, column, problem) in [
        (c::LEDGER, Series::new(c::DEVICE.into(), vec![9_u32; 3]), "row 9, of 1 from 0"),
        (c::LEDGER, Series::new(c::HOLDER.into(), vec![Some(1_u32); 3]), "row 1, of 1 from 0"),
        (c::LEDGER, Series::new(c::STATE.into(), vec!["happy"; 3]), "`happy` is not known"),
        (c::LEDGER, Series::new(c::SIGNAL.into(), vec![Some("eyes"); 3]), "`eyes` is not known"),
        (c::LEDGER, Series::new(c::SHARE.into(), rows(3, 1.5)), "a share of 1.5"),
        (c::LEDGER, Series::new(c::SHARE.into(), rows(3, f64::NAN)), "a share of NaN"),
        (c::LEDGER, Series::new(c::UTILIZATION.into(), rows(3, 1.01)), "a utilization of 1.01"),
        (c::DEVICES, Series::new(c::PRICE.into(), rows(2, f64::INFINITY)), "a price of inf"),
        (c::LEDGER, Series::new(c::LENGTH_MS.into(), vec![-1_i64; 3]), "a length of -1 ms"),
        (c::LEDGER, Series::new(c::LENGTH_MS.into(), vec![1_i32; 3]), "ledger/0.parquet"),
        (c::HOLDINGS, Series::new(c::UNTIL_MS.into(), vec![100_i64]), "ends before it begins"),
        (c::HOLDINGS, Series::new(c::HOLDER.into(), vec![None::<u32>]), "value missing"),
        (c::HOLDERS, Series::new(c::HOLDER.into(), vec![3_u32]), "row 3, of 1"),
        (c::HOLDERS, Series::new(c::OBJECT_LABELS.into(), vec!["{"]), "holders/0.parquet"),
        (c::DEVICES, Series::new(c::DEVICE.into(), vec![1_u32, 0]), "row 1, of 1"),
        (c::DEVICES, Series::new(c::PRICE_SOURCE.into(), vec![None::<&str>; 2]), "value missing"),
        (c::TENURES, Series::new(c::DEVICE.into(), vec![2_u32]), "row 2, of 1"),
    ] {
        let name = column.name().clone();
        let message = refused(table, column);
        assert!(message.contains(problem), "{table}, {name}: {message}");
        assert!(message.contains(&file(table)), "{table}, {name}: {message}");
    }
}

#[test]
fn what_is_missing_or_cut_off_is_refused() {
    for name in files().into_keys() {
        let mut without = files();
        without.remove(&name);
        assert_eq!(decode(without).expect_err("missing"), RollupError::Missing(name.clone()));
        let mut cut = files();
        let half = cut[&name].len() / 2;
        cut.get_mut(&name).expect("there").truncate(half);
        assert!(decode(cut).expect_err("cut off").to_string().contains(&name));
    }
}
