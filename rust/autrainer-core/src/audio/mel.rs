//! Spectrograms in mel bands.

use std::f32::consts::LOG10_E;
use std::ops::Range;

use crate::audio::bank::{Bank, BankSettings};
use crate::audio::fft::{Complex, LANES, Lane, PowerFft};
use crate::audio::logarithm::{at_least, ln};
use crate::audio::vectors::with_widest_vectors;
use crate::audio::window::Window;
use crate::error::{Error, Result, check_length};

/// Longest transform, in samples.
const MAX_FFT_LEN: usize = 1 << 16;

/// Most bands.
const MAX_BANDS: usize = 1 << 12;

/// Smallest floor of a logarithm: a normal number of float32.
const MIN_FLOOR: f64 = 1e-37;

/// Where the frames of a signal begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frame t is centred at sample t * hop; the signal is reflected at its ends. torch and librosa.
    Centred,
    /// The same, without the last frame. Whisper.
    CentredWithoutLast,
    /// Frame t begins at sample t * hop, and no frame reaches beyond the end. Kaldi's `snip_edges`.
    Whole,
}

impl Framing {
    /// All of them, with the names that users know.
    pub const ALL: [(&'static str, Self); 3] = [
        ("centred", Self::Centred),
        ("centred_without_last", Self::CentredWithoutLast),
        ("whole", Self::Whole),
    ];
}

/// What is made of the power in a band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// The power itself.
    Power,
    /// `10 log10(max(power, amin)) - 10 log10(max(reference, amin))`, not lower than `top_db` below
    /// the highest level of the whole result.
    Decibel {
        /// Power of 0 dB.
        reference: f64,
        /// Smallest power.
        amin: f64,
        /// Range, if it is limited.
        top_db: Option<f64>,
    },
    /// `ln(max(power, floor))`.
    NaturalLog {
        /// Smallest power.
        floor: f64,
    },
    /// `(max(log10(max(power, 1e-10)), highest - 8) + 4) / 4`: Whisper.
    Whisper,
}

/// What a mel spectrogram is; powers are squared magnitudes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MelSettings {
    /// The bands, and the length of the transform.
    pub bank: BankSettings,
    /// Shape of the window.
    pub window: Window,
    /// Samples of the window: centred within the transform, or at its begin ([`Framing::Whole`]).
    pub window_len: usize,
    /// Samples from one frame to the next.
    pub hop_len: usize,
    /// Where frames lie.
    pub framing: Framing,
    /// Whether the mean of a frame is subtracted from it first.
    pub removes_mean: bool,
    /// Then: how much of the sample before is subtracted from each sample; the first one is its own.
    pub preemphasis: f64,
    /// What is made of the powers.
    pub level: Level,
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

impl MelSettings {
    /// # Errors
    /// [`Error::FeatureSetting`] naming the first setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        let bank = &self.bank;
        let nyquist_hz = bank.sample_rate_hz / 2.0;
        let has_rate = nyquist_hz.is_finite() && nyquist_hz > 0.0;
        check(
            has_rate,
            "sample_rate_hz",
            bank.sample_rate_hz,
            "a positive number of Hz",
        )?;
        let has_transform = (2..=MAX_FFT_LEN).contains(&bank.fft_len);
        check(
            has_transform,
            "fft_size",
            bank.fft_len,
            "from 2 to 65536 samples",
        )?;
        let fits = (1..=bank.fft_len).contains(&self.window_len);
        check(
            fits,
            "window_size",
            self.window_len,
            "from 1 sample to fft_size",
        )?;
        check(
            self.hop_len > 0,
            "hop_size",
            self.hop_len,
            "at least 1 sample",
        )?;
        let has_bands = (1..=MAX_BANDS).contains(&bank.num_bands);
        check(
            has_bands,
            "mel_bins",
            bank.num_bands,
            "from 1 to 4096 bands",
        )?;
        let has_end = bank.fmax_hz > 0.0 && bank.fmax_hz <= nyquist_hz;
        check(
            has_end,
            "fmax",
            bank.fmax_hz,
            "above 0 and at most half of sample_rate",
        )?;
        let has_begin = bank.fmin_hz >= 0.0 && bank.fmin_hz < bank.fmax_hz;
        check(has_begin, "fmin", bank.fmin_hz, "at least 0 and below fmax")?;
        let is_share = (0.0..=1.0).contains(&self.preemphasis);
        check(is_share, "preemphasis", self.preemphasis, "from 0 to 1")?;
        self.level.check()
    }
}

impl Level {
    fn check(&self) -> Result<()> {
        let is_floor = |floor: f64| (MIN_FLOOR..=1e37).contains(&floor);
        match *self {
            Self::Power | Self::Whisper => Ok(()),
            Self::NaturalLog { floor } => {
                check(is_floor(floor), "floor", floor, "from 1e-37 to 1e37")
            }
            Self::Decibel {
                reference,
                amin,
                top_db,
            } => {
                check(is_floor(amin), "amin", amin, "from 1e-37 to 1e37")?;
                check(reference.is_finite(), "ref", reference, "a finite number")?;
                let range = top_db.unwrap_or(0.0);
                check(
                    range >= 0.0,
                    "top_db",
                    range,
                    "a number of decibels from 0 on",
                )
            }
        }
    }
}

fn check(
    holds: bool,
    setting: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::FeatureSetting {
        setting,
        found: found.to_string(),
        expected,
    })
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
        let num_frames = 1 + (num_samples + 2 * reach - len) / hop;
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

    /// The samples of a frame; in `edge`, where some lie outside of the signal.
    #[inline(always)]
    fn frame<'a>(&self, signal: &'a [f32], at: usize, edge: &'a mut [f32]) -> &'a [f32] {
        let len = self.window.len();
        let reach = match self.settings.framing {
            Framing::Whole => 0,
            Framing::Centred | Framing::CentredWithoutLast => len / 2,
        };
        let begin = (at * self.settings.hop_len) as isize - reach as isize;
        let inside = usize::try_from(begin)
            .ok()
            .and_then(|begin| signal.get(begin..begin + len));
        inside.unwrap_or_else(|| {
            reflect(signal, begin, edge);
            edge
        })
    }
}

/// The window of all samples that a frame has.
fn framed_window(settings: &MelSettings) -> Vec<f64> {
    let values = settings.window.values(settings.window_len);
    if settings.framing == Framing::Whole {
        return values;
    }
    let len = settings.bank.fft_len;
    let before = (len - values.len()) / 2;
    let mut framed = vec![0.0; len];
    for (place, value) in framed.iter_mut().skip(before).zip(values) {
        *place = value;
    }
    framed
}

/// Samples from `begin` on, mirrored at both ends of the signal, which are not repeated.
fn reflect(signal: &[f32], begin: isize, out: &mut [f32]) {
    let last = signal.len().saturating_sub(1);
    for (place, at) in out.iter_mut().zip(begin..) {
        let at = at.unsigned_abs();
        let at = if at > last {
            (2 * last).saturating_sub(at)
        } else {
            at
        };
        *place = signal.get(at).copied().unwrap_or(0.0);
    }
}

fn fill_channel(plan: &MelSpectrogram, signal: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
    with_widest_vectors!(
        all_groups,
        (plan: &MelSpectrogram, signal: &[f32], scratch: &mut Scratch, out: &mut [f32])
    );
}

#[inline(always)]
fn all_groups(plan: &MelSpectrogram, signal: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
    let num_bands = plan.num_bands();
    for (group, rows) in out.chunks_mut(LANES * num_bands).enumerate() {
        let num_frames = rows.len() / num_bands;
        let first = group * LANES;
        transform_group(plan, signal, first..first + num_frames, scratch);
        for (lane, row) in rows.chunks_exact_mut(num_bands).enumerate() {
            for (place, band) in row.iter_mut().zip(&scratch.bands) {
                *place = band[lane];
            }
        }
    }
}

/// Levels of up to [`LANES`] frames, into `scratch.bands`.
#[inline(always)]
fn transform_group(
    plan: &MelSpectrogram,
    signal: &[f32],
    frames: Range<usize>,
    scratch: &mut Scratch,
) {
    let [a, b, c, d] = &mut scratch.edges;
    let last = frames.end - 1;
    let at = |lane: usize| (frames.start + lane).min(last);
    let samples = [
        plan.frame(signal, at(0), a),
        plan.frame(signal, at(1), b),
        plan.frame(signal, at(2), c),
        plan.frame(signal, at(3), d),
    ];
    let is_plain = plan.takes_frames_as_they_are();
    let (values, power) = (&mut scratch.values, &mut scratch.power);
    if !(is_plain
        && plan
            .fft
            .power_of_frames(samples, &plan.window, values, power))
    {
        side_by_side(samples, &mut scratch.samples);
        if !is_plain {
            condition(&plan.settings, &mut scratch.samples);
        }
        weigh(plan, &scratch.samples, values);
        plan.fft.power(values, power);
    }
    for (band, (first, weights)) in scratch.bands.iter_mut().zip(plan.bank.bands()) {
        *band = weighted_sum(&scratch.power[*first..], weights);
    }
    level(plan.settings.level, scratch.bands.as_flattened_mut());
}

#[inline(always)]
fn side_by_side(frames: [&[f32]; LANES], samples: &mut [Lane]) {
    let [a, b, c, d] = frames;
    for ((((place, &a), &b), &c), &d) in samples.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *place = Lane([a, b, c, d].map(f64::from));
    }
}

/// Without the mean, and without most of what is the same as in the sample before.
#[inline(always)]
fn condition(settings: &MelSettings, samples: &mut [Lane]) {
    let num_samples = samples.len() as f64;
    for lane in 0..LANES {
        let sum: f64 = samples.iter().map(|sample| sample.0[lane]).sum();
        let mean = if settings.removes_mean {
            sum / num_samples
        } else {
            0.0
        };
        let mut before = samples.first().map_or(0.0, |sample| sample.0[lane] - mean);
        for sample in samples.iter_mut() {
            let value = sample.0[lane] - mean;
            sample.0[lane] = value - settings.preemphasis * before;
            before = value;
        }
    }
}

/// Samples times the window, as the transform takes them.
#[inline(always)]
fn weigh(plan: &MelSpectrogram, samples: &[Lane], values: &mut [Complex]) {
    let weighted = |sample: &Lane, weight: f64| Lane(sample.0.map(|value| value * weight));
    if !plan.fft.is_packed() {
        for ((place, sample), &weight) in values.iter_mut().zip(samples).zip(&plan.window) {
            *place = Complex {
                re: weighted(sample, weight),
                im: Lane::default(),
            };
        }
    } else {
        let pairs = samples.chunks_exact(2).zip(plan.window.chunks_exact(2));
        for (place, (sample, weight)) in values.iter_mut().zip(pairs) {
            let (re, im) = (
                weighted(&sample[0], weight[0]),
                weighted(&sample[1], weight[1]),
            );
            *place = Complex { re, im };
        }
        if samples.len() % 2 == 1 {
            let (sample, weight) = (&samples[samples.len() - 1], plan.window[samples.len() - 1]);
            values[samples.len() / 2] = Complex {
                re: weighted(sample, weight),
                im: Lane::default(),
            };
        }
    }
    let num_filled = if plan.fft.is_packed() {
        samples.len().div_ceil(2)
    } else {
        samples.len()
    };
    values[num_filled..].fill(Complex::default());
}

#[inline(always)]
fn weighted_sum(power: &[Lane], weights: &[f64]) -> [f32; LANES] {
    let mut sum = Lane::default();
    for (bin, &weight) in power.iter().zip(weights) {
        for lane in 0..LANES {
            sum.0[lane] += bin.0[lane] * weight;
        }
    }
    sum.0.map(|value| value as f32)
}

#[inline(always)]
fn level(level: Level, powers: &mut [f32]) {
    match level {
        Level::Power => {}
        Level::NaturalLog { floor } => {
            let floor = floor as f32;
            powers
                .iter_mut()
                .for_each(|power| *power = ln(at_least(*power, floor)));
        }
        Level::Decibel {
            reference, amin, ..
        } => {
            let (floor, zero) = (amin as f32, decibel(amin.max(reference) as f32));
            powers
                .iter_mut()
                .for_each(|power| *power = decibel(at_least(*power, floor)) - zero);
        }
        Level::Whisper => {
            powers
                .iter_mut()
                .for_each(|power| *power = ln(at_least(*power, 1e-10)) * LOG10_E);
        }
    }
}

#[inline(always)]
fn decibel(power: f32) -> f32 {
    ln(power) * (10.0 * LOG10_E)
}

/// What needs the highest level of the whole result.
fn limit_range(level: Level, levels: &mut [f32]) {
    let highest = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match level {
        Level::Decibel {
            top_db: Some(range),
            ..
        } => {
            let floor = highest - range as f32;
            levels
                .iter_mut()
                .for_each(|level| *level = at_least(*level, floor));
        }
        Level::Whisper => {
            let floor = highest - 8.0;
            levels
                .iter_mut()
                .for_each(|level| *level = (at_least(*level, floor) + 4.0) / 4.0);
        }
        _ => {}
    }
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
