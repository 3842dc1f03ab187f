//! Spectrograms in mel bands.

mod framing;
mod level;
mod settings;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use crate::audio::bank::Bank;
use crate::audio::fft::lanes::{plus, times};
use crate::audio::fft::{Complex, LANES, Lane, PowerFft};
use crate::audio::kept::Kept;
use crate::audio::vectors::{Vectors, with_vectors};
use crate::error::{Error, Result, check_length};
pub use framing::Framing;
use framing::{condition, frame, framed_window, side_by_side, weigh};
pub use level::Level;
use level::{level, limit_range};
pub use settings::MelSettings;

thread_local! {
    /// What files that are decoded one by one have in common: a tenth of a millisecond each.
    static KEPT: RefCell<Kept<MelSpectrogram>> = const { RefCell::new(Kept::new()) };
}

/// Everything that has to be known before, for any number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct MelSpectrogram {
    settings: MelSettings,
    fft: PowerFft,
    /// Of the samples of a frame, scaled as the transform wants it.
    window: Vec<f64>,
    bank: Bank,
}

/// Memory of one thread.
#[derive(Debug, Default)]
pub struct Scratch {
    values: Vec<Complex>,
    power: Vec<Lane>,
    bands: Vec<[f32; LANES]>,
    edges: [Vec<f32>; LANES],
    samples: Vec<Lane>,
}

impl MelSpectrogram {
    /// # Errors
    /// Those of [`MelSettings::check`].
    pub fn new(settings: MelSettings) -> Result<Self> {
        settings.check()?;
        let fft = PowerFft::new(settings.bank.fft_len);
        let mut window = framed_window(&settings);
        for value in &mut window {
            *value *= fft.input_scale();
        }
        Ok(Self {
            settings,
            fft,
            window,
            bank: Bank::new(&settings.bank),
        })
    }

    /// The same, kept by each thread for the settings that it has met last.
    ///
    /// # Errors
    /// Those of [`MelSpectrogram::new`].
    pub fn kept(settings: MelSettings) -> Result<Arc<Self>> {
        KEPT.with_borrow_mut(|kept| {
            kept.get(|plan| plan.settings == settings, || Self::new(settings))
        })
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &MelSettings {
        &self.settings
    }

    /// The window as every frame sees it, in float64.
    #[must_use]
    pub fn window(&self) -> Vec<f64> {
        framed_window(&self.settings)
    }

    /// The filter bank.
    #[must_use]
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// Bins of a spectrum.
    #[must_use]
    pub fn num_bins(&self) -> usize {
        self.fft.num_bins()
    }

    /// Bands of a frame.
    #[must_use]
    pub fn num_bands(&self) -> usize {
        self.settings.bank.num_bands
    }

    /// Frames of a signal.
    ///
    /// # Errors
    /// [`Error::SignalTooShort`] where there is no frame, or not enough to reflect.
    pub fn num_frames(&self, num_samples: usize) -> Result<usize> {
        let too_short = |needed| Error::SignalTooShort {
            num_samples,
            needed,
        };
        let (len, hop) = (self.window.len(), self.settings.hop_len);
        if self.settings.framing == Framing::Whole {
            let rest = num_samples.checked_sub(len).ok_or_else(|| too_short(len))?;
            return Ok(1 + rest / hop);
        }
        let reach = len / 2;
        if num_samples <= reach {
            return Err(too_short(reach + 1));
        }
        // Twice the reach is the length, or one less where that is odd.
        let num_frames = 1 + (num_samples - len % 2) / hop;
        match self.settings.framing {
            Framing::CentredWithoutLast if num_frames == 1 => Err(too_short(hop)),
            Framing::CentredWithoutLast => Ok(num_frames - 1),
            _ => Ok(num_frames),
        }
    }

    /// Write the spectrogram of a signal to `out`: (channels, samples) to (channels, frames,
    /// bands), both in the order of C.
    ///
    /// # Errors
    /// [`Error::Length`] where `signal` is not of so many channels, or `out` has another length;
    /// those of [`MelSpectrogram::num_frames`].
    pub fn apply(
        &self,
        signal: &[f32],
        num_channels: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<()> {
        let num_samples = signal.len().checked_div(num_channels).unwrap_or(0);
        check_length("signal", num_samples * num_channels, signal.len())?;
        let channel_len = self.num_frames(num_samples)? * self.num_bands();
        check_length("out", channel_len * num_channels, out.len())?;
        scratch.prepare(self);
        let channels = signal.chunks_exact(num_samples);
        for (channel, out) in channels.zip(out.chunks_exact_mut(channel_len)) {
            fill_channel(self, channel, scratch, out);
        }
        limit_range(self.settings.level, out);
        Ok(())
    }

    fn takes_frames_as_they_are(&self) -> bool {
        let settings = &self.settings;
        let is_untouched = !settings.removes_mean && settings.preemphasis == 0.0;
        is_untouched && self.window.len() == self.fft.len()
    }
}

fn fill_channel(plan: &MelSpectrogram, signal: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
    with_vectors!(
        all_groups,
        (plan: &MelSpectrogram, signal: &[f32], scratch: &mut Scratch, out: &mut [f32])
    );
}

#[inline(always)]
fn all_groups<V: Vectors>(
    plan: &MelSpectrogram,
    signal: &[f32],
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let num_bands = plan.num_bands();
    for (group, rows) in out.chunks_mut(LANES * num_bands).enumerate() {
        let num_frames = rows.len() / num_bands;
        let first = group * LANES;
        transform_group::<V>(plan, signal, first..first + num_frames, scratch);
        for (lane, row) in rows.chunks_exact_mut(num_bands).enumerate() {
            for (place, band) in row.iter_mut().zip(&scratch.bands) {
                *place = band[lane];
            }
        }
    }
}

/// Levels of up to [`LANES`] frames, into `scratch.bands`.
#[inline(always)]
fn transform_group<V: Vectors>(
    plan: &MelSpectrogram,
    signal: &[f32],
    frames: Range<usize>,
    scratch: &mut Scratch,
) {
    let [a, b, c, d] = &mut scratch.edges;
    let last = frames.end - 1;
    let at = |lane: usize| (frames.start + lane).min(last);
    let samples = [
        frame(&plan.settings, signal, at(0), a),
        frame(&plan.settings, signal, at(1), b),
        frame(&plan.settings, signal, at(2), c),
        frame(&plan.settings, signal, at(3), d),
    ];
    let is_plain = plan.takes_frames_as_they_are();
    let (values, power) = (&mut scratch.values, &mut scratch.power);
    if !(is_plain
        && plan
            .fft
            .power_of_frames::<V>(samples, &plan.window, values, power))
    {
        side_by_side::<V>(samples, &mut scratch.samples);
        if !is_plain {
            condition::<V>(&plan.settings, &mut scratch.samples);
        }
        weigh::<V>(&plan.fft, &plan.window, &scratch.samples, values);
        plan.fft.power::<V>(values, power);
    }
    for (band, (first, weights)) in scratch.bands.iter_mut().zip(plan.bank.bands()) {
        *band = weighted_sum::<V>(&scratch.power[*first..], weights);
    }
    level(plan.settings.level, scratch.bands.as_flattened_mut());
}

#[inline(always)]
fn weighted_sum<V: Vectors>(power: &[Lane], weights: &[f64]) -> [f32; LANES] {
    let mut sum = Lane::default();
    for (bin, &weight) in power.iter().zip(weights) {
        sum = plus::<V>(sum, times::<V>(*bin, weight));
    }
    sum.0.map(|value| value as f32)
}

impl Scratch {
    fn prepare(&mut self, plan: &MelSpectrogram) {
        self.values
            .resize(plan.fft.num_values(), Complex::default());
        self.power.resize(plan.fft.num_bins(), Lane::default());
        self.bands.resize(plan.num_bands(), [0.0; LANES]);
        self.samples.resize(plan.window.len(), Lane::default());
        for edge in &mut self.edges {
            edge.resize(plan.window.len(), 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::bank::{BankSettings, MelScale};
    use crate::audio::vectors::Portable;
    use crate::audio::window::Window;

    #[test]
    fn every_processor_gives_the_same_bits() {
        let signal: Vec<f32> = (0..4000_u32)
            .map(|at| (at * 7919 % 1009) as f32 / 504.5 - 1.0)
            .collect();
        for fft_len in [400, 441, 448, 512, 550] {
            for (removes_mean, preemphasis) in [(false, 0.0), (true, 0.97)] {
                let plan = MelSpectrogram::new(MelSettings {
                    bank: BankSettings {
                        sample_rate_hz: 16_000.0,
                        fft_len,
                        fmin_hz: 50.0,
                        fmax_hz: 8_000.0,
                        num_bands: 40,
                        scale: MelScale::Htk,
                        equal_area: false,
                    },
                    window: Window::Hann,
                    window_len: 400,
                    hop_len: 160,
                    framing: Framing::Centred,
                    removes_mean,
                    preemphasis,
                    level: Level::NaturalLog { floor: 1e-10 },
                })
                .unwrap();
                let mut scratch = Scratch::default();
                scratch.prepare(&plan);
                let len = plan.num_frames(signal.len()).unwrap() * plan.num_bands();
                let (mut here, mut anywhere) = (vec![0.0; len], vec![1.0; len]);

                fill_channel(&plan, &signal, &mut scratch, &mut here);
                all_groups::<Portable>(&plan, &signal, &mut scratch, &mut anywhere);

                let pairs = here.iter().zip(&anywhere);
                assert!(pairs.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
