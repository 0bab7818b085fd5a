//! How long a report takes once its inputs are read: decode, attribute, price, sum.
//!
//! `cargo bench`. The cluster is invented here, from a fixed rule, at three sizes, so that what grows with
//! samples and what grows with GPUs can be told apart. Criterion prints samples per second; compare
//! rows of one run, for machines differ.

use std::hint::black_box;

use cluster::cluster;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gpu_finops::model::Policy;
use gpu_finops::report::build::{Stamp, report};

mod cluster;

fn reports(c: &mut Criterion) {
    let mut group = c.benchmark_group("report");
    group.sample_size(10);
    for (gpus, hours) in [(64, 6), (64, 24), (256, 6)] {
        let (inputs, samples) = cluster(gpus, hours);
        group.throughput(Throughput::Elements(samples));
        let id = BenchmarkId::from_parameter(format!("{gpus} GPUs, {hours} h"));
        group.bench_with_input(id, &inputs, |b, inputs| {
            b.iter(|| report(black_box(inputs), &Policy::default(), Stamp::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, reports);
criterion_main!(benches);
