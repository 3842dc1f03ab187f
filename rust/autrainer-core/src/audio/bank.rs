//! Filter banks of triangles on a mel scale, stored without their zeros.

/// How mel is computed from Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelScale {
    /// Linear up to 1 kHz, logarithmic beyond: Malcolm Slaney, "Auditory Toolbox", 1998; the default
    /// of librosa and what PANNs were trained with.
    Slaney,
    /// 2595 log10(1 + f / 700): O'Shaughnessy 1987; the default of torchaudio.
    Htk,
    /// 1127 ln(1 + f / 700), and triangles that are straight in mel, not in Hz: Kaldi.
    Kaldi,
}

/// Hz at which Slaney's scale turns logarithmic.
const KNEE_HZ: f64 = 1000.0;

/// Hz that a mel of Slaney's has below.
const HZ_PER_MEL: f64 = 200.0 / 3.0;

/// What its logarithm grows by with every mel beyond: ln(6.4) / 27.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

impl MelScale {
    /// All scales, with the names that users know.
    pub const ALL: [(&'static str, Self); 3] = [
        ("slaney", Self::Slaney),
        ("htk", Self::Htk),
        ("kaldi", Self::Kaldi),
    ];

    /// Mel of a frequency in Hz.
    #[must_use]
    pub fn mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < KNEE_HZ => hz / HZ_PER_MEL,
            Self::Slaney => KNEE_HZ / HZ_PER_MEL + (hz / KNEE_HZ).ln() / log_step(),
            Self::Htk => 2595.0 * (hz / 700.0).ln_1p() / std::f64::consts::LN_10,
            Self::Kaldi => 1127.0 * (hz / 700.0).ln_1p(),
        }
    }

    /// Hz of a mel.
    #[must_use]
    pub fn hz(self, mel: f64) -> f64 {
        let knee = KNEE_HZ / HZ_PER_MEL;
        match self {
            Self::Slaney if mel < knee => mel * HZ_PER_MEL,
            Self::Slaney => KNEE_HZ * ((mel - knee) * log_step()).exp(),
            Self::Htk => 700.0 * (mel * std::f64::consts::LN_10 / 2595.0).exp_m1(),
            Self::Kaldi => 700.0 * (mel / 1127.0).exp_m1(),
        }
    }
}

/// Where the triangles of a bank lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BankSettings {
    /// Sampling rate in Hz.
    pub sample_rate_hz: f64,
    /// Samples of the transform; it has half as many bins, and one.
    pub fft_len: usize,
    /// Where the first triangle begins, in Hz.
    pub fmin_hz: f64,
    /// Where the last triangle ends, in Hz.
    pub fmax_hz: f64,
    /// Number of triangles.
    pub num_bands: usize,
    /// Scale on which they are equally wide.
    pub scale: MelScale,
    /// Whether all have the same area (2 / width in Hz) and not the same height (Slaney).
    pub equal_area: bool,
}

/// A filter bank: for each band its first bin and its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    bands: Vec<(usize, Vec<f64>)>,
}

impl Bank {
    /// The bank of some settings, which have been checked (`mel::MelSettings`).
    #[must_use]
    pub fn new(settings: &BankSettings) -> Self {
        let edges = edges_hz(settings);
        let bands = edges.windows(3).map(|edges| band(settings, edges));
        Self {
            bands: bands.collect(),
        }
    }

    /// Of each band its first bin and its weights.
    #[must_use]
    pub fn bands(&self) -> &[(usize, Vec<f64>)] {
        &self.bands
    }

    /// The same as a dense matrix, (bins, bands) in the order of C.
    #[must_use]
    pub fn dense(&self, num_bins: usize) -> Vec<f64> {
        let mut matrix = vec![0.0; num_bins * self.bands.len()];
        let mut rows: Vec<_> = matrix.chunks_exact_mut(self.bands.len()).collect();
        for (column, (first, weights)) in self.bands.iter().enumerate() {
            for (row, &weight) in rows.iter_mut().skip(*first).zip(weights) {
                if let Some(place) = row.get_mut(column) {
                    *place = weight;
                }
            }
        }
        matrix
    }
}

/// Corners of the triangles, two more than there are triangles.
fn edges_hz(settings: &BankSettings) -> Vec<f64> {
    let scale = settings.scale;
    let (low, high) = (scale.mel(settings.fmin_hz), scale.mel(settings.fmax_hz));
    let step = (high - low) / (settings.num_bands + 1) as f64;
    (0..settings.num_bands + 2)
        .map(|edge| scale.hz(low + edge as f64 * step))
        .collect()
}

fn band(settings: &BankSettings, edges_hz: &[f64]) -> (usize, Vec<f64>) {
    let &[left, center, right] = edges_hz else {
        return (0, Vec::new());
    };
    let along = |hz: f64| match settings.scale {
        MelScale::Kaldi => settings.scale.mel(hz),
        MelScale::Slaney | MelScale::Htk => hz,
    };
    let height = if settings.equal_area {
        2.0 / (right - left)
    } else {
        1.0
    };
    let (l, c, r) = (along(left), along(center), along(right));
    let weight = |bin: usize| {
        let at = along(settings.sample_rate_hz * bin as f64 / settings.fft_len as f64);
        let rising = (at - l) / (c - l);
        let falling = (r - at) / (r - c);
        height * rising.min(falling).max(0.0)
    };
    let weights: Vec<f64> = (0..=settings.fft_len / 2).map(weight).collect();
    let first = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
    let end = weights
        .iter()
        .rposition(|&weight| weight > 0.0)
        .map_or(0, |at| at + 1);
    (first, weights.get(first..end).unwrap_or(&[]).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_turned_back() {
        for (name, scale) in MelScale::ALL {
            for hz in [0.0, 50.0, 999.0, 1000.0, 1001.0, 8000.0, 22050.0] {
                let back = scale.hz(scale.mel(hz));
                assert!(
                    (back - hz).abs() < 1e-9 * (1.0 + hz),
                    "{name}: {hz} Hz is {back}"
                );
            }
        }
    }

    #[test]
    fn known_points_of_the_scales() {
        assert!((MelScale::Slaney.mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((MelScale::Slaney.mel(6400.0) - 42.0).abs() < 1e-12);
        assert!((MelScale::Htk.mel(1000.0) - 999.985_5).abs() < 1e-3);
    }

    #[test]
    fn bands_of_equal_area_weigh_white_noise_equally() {
        let bank = Bank::new(&BankSettings {
            sample_rate_hz: 16000.0,
            fft_len: 8192,
            fmin_hz: 50.0,
            fmax_hz: 8000.0,
            num_bands: 40,
            scale: MelScale::Slaney,
            equal_area: true,
        });
        for (_, weights) in bank.bands() {
            let area = weights.iter().sum::<f64>() * 16000.0 / 8192.0;
            assert!((area - 1.0).abs() < 0.01, "{area}");
        }
    }
}
