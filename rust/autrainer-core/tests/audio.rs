//! Resampling and mel spectrograms against their definitions, in float64.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use autrainer_core::Error;
use autrainer_core::audio::bank::{BankSettings, MelScale};
use autrainer_core::audio::cepstrum;
use autrainer_core::audio::mel::{Framing, Level, MelSettings, MelSpectrogram, Scratch};
use autrainer_core::audio::resample::Resampler;
use autrainer_core::audio::window::Window;
use proptest::prelude::*;
use std::f64::consts::PI;

fn noise(num_samples: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..num_samples).map(|_| draw()).collect()
}

fn resampled(old_hz: u32, new_hz: u32, signal: &[f32]) -> Vec<f32> {
    let plan = Resampler::kept(old_hz, new_hz).unwrap();
    let mut out = vec![f32::NAN; plan.num_samples(signal.len())];
    plan.apply(signal, &mut out).unwrap();
    out
}

/// The sum over all input samples; times within a period are rounded, as torchaudio does.
fn direct_sum(old_hz: u32, new_hz: u32, signal: &[f32], at: usize) -> f64 {
    let divisor = (1..=old_hz.min(new_hz))
        .rev()
        .find(|d| old_hz % d == 0 && new_hz % d == 0)
        .unwrap();
    let (old, new) = (old_hz / divisor, new_hz / divisor);
    let cutoff = f64::from(old.min(new)) * 0.99;
    let phase = f64::from((at % new as usize) as f32 / new as f32);
    let begin = (at / new as usize * old as usize) as f64;
    let term = |(n, &sample): (usize, &f32)| {
        let time = ((n as f64 - begin) / f64::from(old) - phase) * cutoff;
        if time.abs() >= 6.0 {
            return 0.0;
        }
        let sinc = if time == 0.0 {
            1.0
        } else {
            (PI * time).sin() / (PI * time)
        };
        f64::from(sample) * sinc * (PI * time / 12.0).cos().powi(2) * cutoff / f64::from(old)
    };
    signal.iter().enumerate().map(term).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_sample_is_the_direct_sum(
        old_hz in 1_u32..400,
        new_hz in 1_u32..400,
        num_samples in 0_usize..300,
        seed: u64,
    ) {
        let signal = noise(num_samples, seed);
        let out = resampled(old_hz, new_hz, &signal);
        prop_assert_eq!(out.len(), (num_samples * new_hz as usize).div_ceil(old_hz as usize));
        for (at, &found) in out.iter().enumerate().step_by(1 + out.len() / 100) {
            let exact = if old_hz == new_hz {
                f64::from(signal[at])
            } else {
                direct_sum(old_hz, new_hz, &signal, at)
            };
            prop_assert!((f64::from(found) - exact).abs() < 5e-7, "{at}: {found} for {exact}");
        }
    }
}

#[test]
fn usual_rates_are_the_direct_sum_too() {
    let signal = noise(3000, 1);
    for (old_hz, new_hz) in [
        (44_100, 16_000),
        (44_100, 32_000),
        (48_000, 16_000),
        (8_000, 44_100),
    ] {
        let out = resampled(old_hz, new_hz, &signal);
        for (at, &found) in out.iter().enumerate().step_by(37) {
            let exact = direct_sum(old_hz, new_hz, &signal, at);
            let error = (f64::from(found) - exact).abs();
            assert!(error < 5e-7, "{old_hz} to {new_hz}, {at}: {error}");
        }
    }
}

#[test]
fn rates_that_would_take_too_much_memory_are_refused() {
    for (old_hz, new_hz) in [
        (0, 16_000),
        (16_000, 0),
        (u32::MAX, 16_000),
        (44_101, 4_294_967_291),
    ] {
        let error = Resampler::new(old_hz, new_hz).unwrap_err();
        assert!(matches!(error, Error::ResampleRates { .. }), "{error}");
    }
    Resampler::new(192_000, 16_001).unwrap();
}

#[test]
fn a_dense_filter_is_made_of_rates_with_a_simple_ratio_only() {
    let signal = noise(2000, 9);
    let odd = Resampler::new(44_101, 44_100).unwrap();
    let mut out = vec![0.0; odd.num_samples(signal.len())];
    odd.apply(&signal, &mut out).unwrap();
    let error = odd.kernel().unwrap_err();
    assert!(
        error.to_string().contains("44101 Hz to 44100 Hz has 1945"),
        "{error}"
    );
    let (taps, num_columns, _) = Resampler::new(44_100, 16_000).unwrap().kernel().unwrap();
    assert_eq!(taps.len(), 160 * num_columns);
}

#[test]
fn cepstra_of_other_sizes_do_not_see_each_other() {
    let features = noise(60, 10);
    let computed = |num_bands, count| {
        let mut out = vec![0.0; 60 / num_bands * count];
        cepstrum::cepstra(&features, num_bands, count, &mut out).unwrap();
        out
    };
    for (num_bands, count) in [(20, 7), (20, 8), (12, 7), (20, 7)] {
        let matrix = cepstrum::cosine_matrix(count, num_bands);
        let rows = features.chunks(num_bands);
        for (row, found) in rows.zip(computed(num_bands, count).chunks(count)) {
            for (weights, &found) in matrix.chunks(num_bands).zip(found) {
                let products = row.iter().zip(weights);
                let exact: f64 = products.map(|(&a, b)| f64::from(a) * b).sum();
                assert!((f64::from(found) - exact).abs() < 1e-6);
            }
        }
    }
}

fn settings(framing: Framing) -> MelSettings {
    MelSettings {
        bank: BankSettings {
            sample_rate_hz: 16_000.0,
            fft_len: 512,
            fmin_hz: 50.0,
            fmax_hz: 8_000.0,
            num_bands: 64,
            scale: MelScale::Slaney,
            equal_area: true,
        },
        window: Window::Hann,
        window_len: 512,
        hop_len: 160,
        framing,
        removes_mean: false,
        preemphasis: 0.0,
        level: Level::Decibel {
            reference: 1.0,
            amin: 1e-10,
            top_db: None,
        },
    }
}

fn levels(settings: MelSettings, signal: &[f32], num_channels: usize) -> Vec<f32> {
    let plan = MelSpectrogram::new(settings).unwrap();
    let num_frames = plan.num_frames(signal.len() / num_channels).unwrap();
    let mut out = vec![f32::NAN; num_channels * num_frames * plan.num_bands()];
    let mut scratch = Scratch::default();
    plan.apply(signal, num_channels, &mut scratch, &mut out)
        .unwrap();
    out
}

#[test]
fn a_frame_has_the_same_bits_wherever_it_lies_in_a_group() {
    let signal = noise(4000, 3);
    let whole = levels(settings(Framing::Whole), &signal, 1);
    for first in [1, 2, 3, 5] {
        let rest = levels(settings(Framing::Whole), &signal[first * 160..], 1);
        assert_eq!(whole[first * 64..], rest);
    }
}

#[test]
fn frames_that_go_straight_into_the_transform_have_the_bits_of_those_that_do_not() {
    let signal = noise(4000, 8);
    let straight = levels(settings(Framing::Centred), &signal, 1);
    let mut conditioned = settings(Framing::Centred);
    conditioned.preemphasis = 1e-300;
    assert_eq!(straight, levels(conditioned, &signal, 1));
}

/// Frames of Kaldi: each without its mean, then `y[n] = x[n] - 0.97 x[n - 1]`, in numbers of this size.
#[test]
fn conditioned_frames_are_those_of_the_definition() {
    let signal: Vec<f32> = noise(4000, 11).iter().map(|x| 0.5 + x).collect();
    let mut conditioned = settings(Framing::Whole);
    (conditioned.removes_mean, conditioned.preemphasis) = (true, 0.97);
    let found = levels(conditioned, &signal, 1);
    for (at, found) in found.chunks(64).enumerate() {
        let frame = &signal[at * 160..at * 160 + 512];
        let mean = frame.iter().copied().map(f64::from).sum::<f64>() / 512.0;
        let centred: Vec<f64> = frame.iter().map(|&x| f64::from(x) - mean).collect();
        let first = [centred[0] * (1.0 - 0.97)];
        let others = centred.windows(2).map(|pair| pair[1] - 0.97 * pair[0]);
        let exact: Vec<f32> = first.into_iter().chain(others).map(|x| x as f32).collect();
        let expected = levels(settings(Framing::Whole), &exact, 1);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-3, "{at}: {found} {expected}");
        }
    }
}

#[test]
fn channels_do_not_see_each_other() {
    let (a, b) = (noise(2000, 4), noise(2000, 5));
    let both = levels(
        settings(Framing::Centred),
        &[a.clone(), b.clone()].concat(),
        2,
    );
    let each = [a, b]
        .map(|signal| levels(settings(Framing::Centred), &signal, 1))
        .concat();
    assert_eq!(both, each);
}

#[test]
fn samples_that_are_no_numbers_reach_the_levels_of_their_frames_only() {
    let mut signal = noise(4000, 6);
    let sound = levels(settings(Framing::Centred), &signal, 1);
    signal[2000] = f32::NAN;
    let damaged = levels(settings(Framing::Centred), &signal, 1);
    let frames = sound.chunks(64).zip(damaged.chunks(64)).enumerate();
    for (frame, (sound, damaged)) in frames {
        if (frame * 160).abs_diff(2000) < 256 {
            assert!(damaged.iter().all(|level| level.is_nan()), "frame {frame}");
        } else {
            assert_eq!(sound, damaged, "frame {frame}");
        }
    }
}

#[test]
fn signals_that_are_too_short_are_errors() {
    let plan = MelSpectrogram::new(settings(Framing::Centred)).unwrap();
    assert!(matches!(
        plan.num_frames(256).unwrap_err(),
        Error::SignalTooShort {
            num_samples: 256,
            needed: 257
        }
    ));
    assert_eq!(plan.num_frames(257).unwrap(), 2);
    assert_eq!(plan.num_frames(usize::MAX).unwrap(), 1 + usize::MAX / 160);
    let plan = MelSpectrogram::new(settings(Framing::Whole)).unwrap();
    assert!(plan.num_frames(511).is_err());
    assert_eq!(plan.num_frames(512).unwrap(), 1);
    let plan = MelSpectrogram::new(settings(Framing::CentredWithoutLast)).unwrap();
    assert_eq!(plan.num_frames(16_000).unwrap(), 100);
}
