//! What a mel spectrogram is made of, and which values make sense.

use super::framing::Framing;
use super::level::Level;
use crate::audio::bank::BankSettings;
use crate::audio::window::Window;
use crate::error::{Error, Result};

/// Longest transform, in samples.
const MAX_FFT_LEN: usize = 1 << 16;

/// Most bands.
const MAX_BANDS: usize = 1 << 12;

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

pub(super) fn check(
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
