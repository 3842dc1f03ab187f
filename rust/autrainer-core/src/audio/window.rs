//! Windows of short-time spectra, in float64.

use std::f64::consts::PI;

/// The shape of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Hann, one period of it: `torch.hann_window` and `scipy.signal.get_window("hann", n)`.
    Hann,
    /// Hann that ends at zero: `numpy.hanning`, and "hanning" of Kaldi.
    SymmetricHann,
    /// That one to the power of 0.85: Kaldi's own.
    Povey,
}

impl Window {
    /// All shapes, with the names that users know.
    pub const ALL: [(&'static str, Self); 3] = [
        ("hann", Self::Hann),
        ("symmetric_hann", Self::SymmetricHann),
        ("povey", Self::Povey),
    ];

    /// Its values at `len` places.
    #[must_use]
    pub fn values(self, len: usize) -> Vec<f64> {
        let period = match self {
            Self::Hann => len,
            Self::SymmetricHann | Self::Povey => len.saturating_sub(1),
        };
        let power = if self == Self::Povey { 0.85 } else { 1.0 };
        let value = |at: usize| {
            let angle = 2.0 * PI * at as f64 / period.max(1) as f64;
            (0.5 - 0.5 * angle.cos()).powf(power)
        };
        (0..len).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_periodic_window_is_a_symmetric_one_without_its_last_value() {
        let symmetric = Window::SymmetricHann.values(9);
        for (a, b) in Window::Hann.values(8).iter().zip(&symmetric) {
            assert!((a - b).abs() < 1e-15);
        }
        assert!(symmetric[8].abs() < 1e-15);
        assert!((symmetric[4] - 1.0).abs() < 1e-15);
    }
}
