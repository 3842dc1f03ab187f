//! The order of an epoch: a bijection, uniform, and the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use autrainer_core::Error;
use autrainer_core::shuffle::{Order, permutation};
use proptest::prelude::*;

fn whole(num_samples: u64, seed: u64, epoch: u64) -> Vec<i64> {
    permutation(num_samples, seed, epoch, 0, num_samples).unwrap()
}

/// Chi-square of counts against equal expectations, in standard deviations from its mean.
fn deviation(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    assert!(expected >= 5.0, "too few draws for a chi-square test");
    let sum: f64 = counts
        .iter()
        .map(|&count| (count as f64 - expected).powi(2) / expected)
        .sum();
    let degrees = (counts.len() - 1) as f64;
    (sum - degrees) / (2.0 * degrees).sqrt()
}

#[test]
fn every_sample_is_visited_once() {
    let powers = (0..18).flat_map(|k| [(1u64 << k) - 1, 1 << k, (1 << k) + 1]);
    for num_samples in powers.chain([3, 10, 100, 272, 289, 1000, 65_536, 99_999]) {
        if num_samples == 0 {
            continue;
        }
        let mut order = whole(num_samples, 7, 3);
        order.sort_unstable();
        assert!(
            order
                .iter()
                .zip(0..)
                .all(|(&sample, expected)| sample == expected)
        );
        assert_eq!(order.len() as u64, num_samples);
    }
}

#[test]
fn every_sample_of_a_billion_is_visited_once() {
    let order = Order::new(1_000_000_000, 1, 2).unwrap();
    let mut part = vec![0; 100_000];
    for start in [0, 123_456_789, 1_000_000_000 - 100_000] {
        order.fill(start, &mut part).unwrap();
        for (&sample, position) in part.iter().zip(start..) {
            assert!((0..1_000_000_000).contains(&sample));
            assert_eq!(order.position_of(sample as u64).unwrap(), position);
        }
    }
}

proptest! {
    #[test]
    fn a_sample_leads_back_to_its_position(
        num_samples in prop_oneof![1..300u64, 257..100_000u64, 1..=i64::MAX as u64],
        seed: u64,
        epoch: u64,
        position: u64,
    ) {
        let order = Order::new(num_samples, seed, epoch).unwrap();
        let position = position % num_samples;
        let mut sample = [0];
        order.fill(position, &mut sample).unwrap();
        prop_assert!((sample[0] as u64) < num_samples && sample[0] >= 0);
        prop_assert_eq!(order.position_of(sample[0] as u64).unwrap(), position);
    }

    #[test]
    fn a_part_is_a_slice_of_the_whole(
        num_samples in 1..3000u64, seed: u64, epoch: u64, a: u64, b: u64,
    ) {
        let (a, b) = (a % (num_samples + 1), b % (num_samples + 1));
        let (start, stop) = (a.min(b), a.max(b));
        let part = permutation(num_samples, seed, epoch, start, stop).unwrap();
        prop_assert_eq!(&part, &whole(num_samples, seed, epoch)[start as usize..stop as usize]);
    }

    #[test]
    fn what_lies_outside_is_refused(num_samples in 1..3000u64, start: u64, stop: u64) {
        prop_assume!(start > stop || stop > num_samples);
        let refused = permutation(num_samples, 0, 0, start, stop);
        prop_assert!(matches!(refused, Err(Error::Positions { .. })), "{:?}", refused);
    }
}

#[test]
fn the_largest_sets_can_be_ordered() {
    for num_samples in [1 << 62, (1 << 62) + 1, i64::MAX as u64] {
        let order = Order::new(num_samples, 0, 0).unwrap();
        let mut samples = [0; 40];
        order.fill(num_samples - 40, &mut samples).unwrap();
        for (&sample, position) in samples.iter().zip(num_samples - 40..) {
            assert_eq!(order.position_of(sample as u64).unwrap(), position);
        }
    }
}

#[test]
fn no_samples_and_too_many_are_refused() {
    for num_samples in [0, 1 << 63, u64::MAX] {
        assert!(matches!(
            Order::new(num_samples, 0, 0),
            Err(Error::NumSamples { .. })
        ));
    }
}

#[test]
fn neighbouring_seeds_epochs_and_sizes_give_other_orders() {
    for num_samples in [20, 1000, 100_000] {
        let first = whole(num_samples, 1, 2);
        for other in [
            whole(num_samples, 2, 1),
            whole(num_samples, 1, 3),
            whole(num_samples, 2, 2),
            whole(num_samples + 1, 1, 2),
        ] {
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!(same < 12, "{same} of {num_samples} positions agree");
        }
    }
}

#[test]
fn all_orders_of_a_tiny_set_are_equally_likely() {
    for (num_samples, orders) in [(2u64, 2), (3, 6), (4, 24), (5, 120), (6, 720)] {
        let mut counts = std::collections::HashMap::new();
        for draw in 0..orders * 200 {
            // Seeds and epochs as a user counts them.
            *counts
                .entry(whole(num_samples, draw % 20, draw / 20))
                .or_insert(0u64) += 1;
        }
        assert_eq!(counts.len() as u64, orders);
        let counts: Vec<u64> = counts.into_values().collect();
        assert!(deviation(&counts).abs() < 4.5, "{num_samples}: {counts:?}");
    }
}

/// Which of `bins` equal parts of the samples one lies in.
fn bin(sample: i64, num_samples: u64, bins: u64) -> usize {
    (sample as u64 * bins / num_samples) as usize
}

#[test]
fn every_sample_is_as_likely_at_every_position() {
    // Divisible by 16, so that all bins are equally large.
    for num_samples in [16, 256, 272, 1008, 70_000] {
        let visited = num_samples.min(64);
        let mut worst = 0f64;
        let mut counts = vec![[0u64; 16]; visited as usize];
        for draw in 0..4000 {
            let order = permutation(num_samples, draw, 5, 0, visited).unwrap();
            for (counts, sample) in counts.iter_mut().zip(order) {
                counts[bin(sample, num_samples, 16)] += 1;
            }
        }
        for counts in &counts {
            worst = worst.max(deviation(counts).abs());
        }
        assert!(worst < 6.0, "{num_samples}: {worst} standard deviations");
    }
}

#[test]
fn every_pair_of_samples_is_as_likely_at_every_pair_of_positions() {
    // Neighbours, and neighbours in the rows of the cipher (17 and 265 columns).
    let distances = [1usize, 2, 16, 17, 18, 31, 32, 264, 265, 266];
    for num_samples in [272u64, 289, 70_000, 1_000_000_000] {
        let visited = num_samples.min(280);
        let mut counts = vec![vec![0u64; 64]; distances.len()];
        for draw in 0..2000 {
            let order = permutation(num_samples, 11, draw, 0, visited).unwrap();
            for (counts, &distance) in counts.iter_mut().zip(&distances) {
                // Positions that share no sample, so that draws are independent.
                let (first, second) = (order[1], order.get(1 + distance));
                if let Some(&second) = second {
                    let cell = bin(first, num_samples, 8) * 8 + bin(second, num_samples, 8);
                    counts[cell] += 1;
                }
            }
        }
        for (counts, distance) in counts.iter().zip(distances) {
            if counts.iter().sum::<u64>() > 0 {
                // Two samples of a small set differ, which takes a few pairs from the diagonal.
                let deviation = deviation(counts);
                assert!(
                    deviation.abs() < 5.5,
                    "{num_samples} {distance}: {deviation}"
                );
            }
        }
    }
}

#[test]
fn steps_between_neighbours_are_uniform_within_one_order() {
    for num_samples in [100_000u64, 1_000_000, 1 << 40] {
        let order = permutation(num_samples, 3, 1, 0, 100_000).unwrap();
        for distance in [1, 2, 317, 1000] {
            let mut counts = vec![0u64; 256];
            for (a, b) in order.iter().zip(&order[distance..]) {
                counts[bin((b - a).rem_euclid(num_samples as i64), num_samples, 256)] += 1;
            }
            let deviation = deviation(&counts);
            assert!(
                deviation.abs() < 5.5,
                "{num_samples} {distance}: {deviation}"
            );
        }
    }
}

#[test]
fn fixed_points_and_ascents_are_as_frequent_as_in_random_orders() {
    let (num_samples, draws) = (400u64, 2000u64);
    let (mut fixed, mut ascents) = (0u64, 0u64);
    for draw in 0..draws {
        let order = whole(num_samples, draw, 0);
        fixed += order.iter().zip(0..).filter(|(a, b)| **a == *b).count() as u64;
        ascents += order.windows(2).filter(|pair| pair[0] < pair[1]).count() as u64;
    }
    // One fixed point on average, variance one; (n - 1) / 2 ascents, variance (n + 1) / 12.
    let fixed = (fixed as f64 - draws as f64) / (draws as f64).sqrt();
    let expected = draws as f64 * (num_samples - 1) as f64 / 2.0;
    let spread = (draws as f64 * (num_samples + 1) as f64 / 12.0).sqrt();
    assert!(fixed.abs() < 4.5, "{fixed}");
    assert!(((ascents as f64 - expected) / spread).abs() < 4.5);
}

#[test]
fn the_order_is_the_same_on_every_platform() {
    let vectors: [(u64, u64, u64, &[i64]); 5] = [
        (5, 0, 0, &[3, 2, 0, 1, 4]),
        (256, 1, 2, &[17, 194, 48, 217, 235, 172, 0, 234]),
        (257, 1, 2, &[115, 138, 66, 209, 52, 109, 234, 135]),
        (100_000, 42, 3, &[27665, 59557, 47892, 105, 42854, 75223]),
        (
            i64::MAX as u64,
            0,
            1,
            &[4021315034836454088, 2674900642900424831],
        ),
    ];
    for (num_samples, seed, epoch, expected) in vectors {
        let stop = expected.len() as u64;
        let order = permutation(num_samples, seed, epoch, 0, stop).unwrap();
        assert_eq!(order, expected);
    }
}
