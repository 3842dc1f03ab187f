//! The samples of frames, as the transform takes them.

use super::settings::MelSettings;
use crate::audio::fft::lanes::{columns, minus, plus, times};
use crate::audio::fft::{Complex, LANES, Lane, PowerFft};
use crate::audio::vectors::Vectors;

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

/// The samples of a frame of so many; in `edge`, where some lie outside of the signal.
#[inline(always)]
pub(super) fn frame<'a>(
    settings: &MelSettings,
    signal: &'a [f32],
    at: usize,
    edge: &'a mut [f32],
) -> &'a [f32] {
    let len = edge.len();
    let reach = match settings.framing {
        Framing::Whole => 0,
        Framing::Centred | Framing::CentredWithoutLast => len / 2,
    };
    let begin = (at * settings.hop_len) as isize - reach as isize;
    let inside = usize::try_from(begin)
        .ok()
        .and_then(|begin| signal.get(begin..begin + len));
    inside.unwrap_or_else(|| {
        reflect(signal, begin, edge);
        edge
    })
}

/// The window of all samples that a frame has.
pub(super) fn framed_window(settings: &MelSettings) -> Vec<f64> {
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

/// Frames as the numbers of one vector after the other.
#[inline(always)]
pub(super) fn side_by_side<V: Vectors>(frames: [&[f32]; LANES], samples: &mut [Lane]) {
    let num_whole = samples.len() / 4 * 4;
    let (whole, rest) = samples.split_at_mut(num_whole);
    for (number, places) in whole.chunks_exact_mut(4).enumerate() {
        places.copy_from_slice(&columns::<V>(&frames, 4 * number));
    }
    for (at, place) in rest.iter_mut().enumerate() {
        for (lane, frame) in frames.iter().enumerate() {
            place.0[lane] = f64::from(frame[num_whole + at]);
        }
    }
}

/// Without the mean, and without most of what is the same as in the sample before.
#[inline(always)]
pub(super) fn condition<V: Vectors>(settings: &MelSettings, samples: &mut [Lane]) {
    let mut mean = Lane::default();
    if settings.removes_mean {
        for sample in samples.iter() {
            mean = plus::<V>(mean, *sample);
        }
        let num_samples = samples.len() as f64;
        for lane in 0..LANES {
            mean.0[lane] /= num_samples;
        }
    }
    let mut before = minus::<V>(samples.first().copied().unwrap_or_default(), mean);
    for sample in samples.iter_mut() {
        let value = minus::<V>(*sample, mean);
        *sample = minus::<V>(value, times::<V>(before, settings.preemphasis));
        before = value;
    }
}

/// Samples times the window, as the transform takes them.
#[inline(always)]
pub(super) fn weigh<V: Vectors>(
    fft: &PowerFft,
    window: &[f64],
    samples: &[Lane],
    values: &mut [Complex],
) {
    let num_filled = if fft.is_packed() {
        let pairs = samples.chunks_exact(2).zip(window.chunks_exact(2));
        for (place, (sample, weight)) in values.iter_mut().zip(pairs) {
            place.re = times::<V>(sample[0], weight[0]);
            place.im = times::<V>(sample[1], weight[1]);
        }
        let is_odd = samples.len() % 2 == 1;
        if let (true, Some(sample), Some(&weight)) = (is_odd, samples.last(), window.last()) {
            values[samples.len() / 2] = Complex {
                re: times::<V>(*sample, weight),
                im: Lane::default(),
            };
        }
        samples.len().div_ceil(2)
    } else {
        for ((place, sample), &weight) in values.iter_mut().zip(samples).zip(window) {
            *place = Complex {
                re: times::<V>(*sample, weight),
                im: Lane::default(),
            };
        }
        samples.len()
    };
    values[num_filled..].fill(Complex::default());
}
