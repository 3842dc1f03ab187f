//! Features of sound: sampling rates, mel spectrograms, cepstra.

use autrainer_core::audio::bank::{BankSettings, MelScale};
use autrainer_core::audio::cepstrum;
use autrainer_core::audio::mel::{self, Framing, Level, MelSettings, Scratch};
use autrainer_core::audio::pipeline::Step;
use autrainer_core::audio::resample;
use autrainer_core::audio::window::Window;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::views::{ReadView, WriteView};

/// The filter from one sampling rate to another.
#[pyclass(frozen, module = "autrainer._core")]
pub(crate) struct Resampler(resample::Resampler);

#[pymethods]
impl Resampler {
    #[new]
    fn new(py: Python<'_>, old_hz: u32, new_hz: u32) -> Result<Self> {
        guarded(py, || {
            let made = py.detach(|| resample::Resampler::new(old_hz, new_hz));
            Ok(Self(made?))
        })
    }

    /// How many samples come out of so many.
    fn num_samples(&self, num_samples: usize) -> usize {
        self.0.num_samples(num_samples)
    }

    /// Resample signals of shape (..., samples) into `out`.
    fn apply(
        &self,
        py: Python<'_>,
        signals: &Bound<'_, PyArrayDyn<f32>>,
        out: &Bound<'_, PyUntypedArray>,
    ) -> Result<()> {
        guarded(py, || {
            let old_len = last_axis(signals.shape(), "signals")?;
            let new_len = self.0.num_samples(old_len);
            check_shape(out, with_last(signals.shape(), new_len))?;
            let signals = ReadView::elements(signals, "signals")?;
            let mut target = WriteView::new(out, "out")?;
            let (signals, out) = (signals.as_slice(), target.as_mut_floats()?);
            py.detach(|| {
                let rows = signals.chunks_exact(old_len.max(1));
                for (signal, out) in rows.zip(out.chunks_exact_mut(new_len.max(1))) {
                    self.0.apply(signal, out)?;
                }
                Ok(())
            })
        })
    }

    /// The taps of every phase, (phases, 2 * width + step), and the width.
    fn kernel<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyArray2<f32>>, usize)> {
        guarded(py, || {
            let (taps, num_columns, width) = py.detach(|| self.0.kernel())?;
            Ok((matrix(py, taps, num_columns)?, width))
        })
    }
}

/// The attributes of `autrainer.features.settings.MelSettings`.
#[derive(FromPyObject)]
pub(crate) struct PyMelSettings {
    sample_rate_hz: f64,
    fft_len: usize,
    window: String,
    window_len: usize,
    hop_len: usize,
    framing: String,
    removes_mean: bool,
    preemphasis: f64,
    fmin_hz: f64,
    fmax_hz: f64,
    num_bands: usize,
    scale: String,
    equal_area: bool,
    level: String,
    reference: f64,
    amin: f64,
    top_db: Option<f64>,
}

impl PyMelSettings {
    fn check(self) -> Result<MelSettings> {
        let level = match self.level.as_str() {
            "power" => Level::Power,
            "decibel" => Level::Decibel {
                reference: self.reference,
                amin: self.amin,
                top_db: self.top_db,
            },
            "natural_log" => Level::NaturalLog { floor: self.amin },
            "whisper" => Level::Whisper,
            _ => return Err(no_such("level", self.level)),
        };
        Ok(MelSettings {
            bank: BankSettings {
                sample_rate_hz: self.sample_rate_hz,
                fft_len: self.fft_len,
                fmin_hz: self.fmin_hz,
                fmax_hz: self.fmax_hz,
                num_bands: self.num_bands,
                scale: named("scale", self.scale, &MelScale::ALL)?,
                equal_area: self.equal_area,
            },
            window: named("window", self.window, &Window::ALL)?,
            window_len: self.window_len,
            hop_len: self.hop_len,
            framing: named("framing", self.framing, &Framing::ALL)?,
            removes_mean: self.removes_mean,
            preemphasis: self.preemphasis,
            level,
        })
    }
}

/// A step of `autrainer.data.native.decode.Step`: its name, and what belongs to it.
#[derive(FromPyObject)]
pub(crate) enum PyStep {
    Settings(String, PyMelSettings),
    Number(String, usize),
    Rates(String, u32, u32),
    Slopes(String, usize, usize, bool),
}

/// The steps of the core.
pub(crate) fn steps(steps: Vec<PyStep>) -> Result<Vec<Step>> {
    steps.into_iter().map(PyStep::check).collect()
}

impl PyStep {
    fn check(self) -> Result<Step> {
        let step = match self {
            Self::Settings(name, settings) if name == "mel" => {
                Ok(Step::Mel(mel::MelSpectrogram::kept(settings.check()?)?))
            }
            Self::Number(name, 1) if name == "mix_down" => Ok(Step::MixDown),
            Self::Number(name, count) if name == "cepstra" => Ok(Step::Cepstra(count)),
            Self::Rates(name, current_hz, target_hz) if name == "resample" => {
                let plan = resample::Resampler::kept(current_hz, target_hz)?;
                Ok(Step::Resample(plan))
            }
            Self::Slopes(name, window_size, derivatives, as_channels) if name == "deltas" => {
                Ok(Step::Deltas {
                    reach: window_size / 2,
                    derivatives,
                    as_channels,
                })
            }
            Self::Settings(name, _)
            | Self::Number(name, _)
            | Self::Rates(name, ..)
            | Self::Slopes(name, ..) => Err(name),
        };
        step.map_err(|name| Error::Argument {
            argument: "steps",
            found: format!("'{name}' among others"),
            expected: "those of autrainer.data.native.decode.Step",
        })
    }
}

/// Spectrograms in mel bands.
#[pyclass(frozen, module = "autrainer._core")]
pub(crate) struct MelSpectrogram(mel::MelSpectrogram);

#[pymethods]
impl MelSpectrogram {
    #[new]
    fn new(py: Python<'_>, settings: PyMelSettings) -> Result<Self> {
        guarded(py, || {
            let settings = settings.check()?;
            let made = py.detach(|| mel::MelSpectrogram::new(settings));
            Ok(Self(made?))
        })
    }

    /// Frames of a signal of so many samples.
    fn num_frames(&self, py: Python<'_>, num_samples: usize) -> Result<usize> {
        guarded(py, || Ok(self.0.num_frames(num_samples)?))
    }

    /// Write spectrograms of signals (items, channels, samples) to `out`, (items, channels, frames,
    /// bands).
    fn apply(
        &self,
        py: Python<'_>,
        signals: &Bound<'_, PyArrayDyn<f32>>,
        out: &Bound<'_, PyUntypedArray>,
    ) -> Result<()> {
        guarded(py, || {
            let &[num_items, num_channels, num_samples] = signals.shape() else {
                return Err(axes(
                    "signals",
                    signals.shape(),
                    "(items, channels, samples)",
                ));
            };
            let num_frames = self.0.num_frames(num_samples)?;
            let num_bands = self.0.num_bands();
            check_shape(out, vec![num_items, num_channels, num_frames, num_bands])?;
            let signals = ReadView::elements(signals, "signals")?;
            let mut target = WriteView::new(out, "out")?;
            let (signals, out) = (signals.as_slice(), target.as_mut_floats()?);
            let item_len = num_channels * num_frames * num_bands;
            py.detach(|| {
                let mut scratch = Scratch::default();
                let items = signals.chunks_exact((num_channels * num_samples).max(1));
                for (signal, out) in items.zip(out.chunks_exact_mut(item_len.max(1))) {
                    self.0.apply(signal, num_channels, &mut scratch, out)?;
                }
                Ok(())
            })
        })
    }

    /// The window as every frame sees it.
    fn window<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>> {
        guarded(py, || Ok(PyArray1::from_vec(py, self.0.window())))
    }

    /// The filter bank, (bins, bands).
    fn filter_bank<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray2<f64>>> {
        guarded(py, || {
            let dense = py.detach(|| self.0.bank().dense(self.0.num_bins()));
            matrix(py, dense, self.0.num_bands())
        })
    }
}

/// The orthonormal cosine transform of type II, (coefficients, bands).
#[pyfunction]
pub(crate) fn cosine_matrix(
    py: Python<'_>,
    num_coefficients: usize,
    num_bands: usize,
) -> Result<Bound<'_, PyArray2<f64>>> {
    guarded(py, || {
        check_coefficients(num_coefficients, num_bands)?;
        let values = py.detach(|| cepstrum::cosine_matrix(num_coefficients, num_bands));
        matrix(py, values, num_bands)
    })
}

/// Write the first coefficients of a cosine transform along the last axis to `out`.
#[pyfunction]
pub(crate) fn cepstra(
    py: Python<'_>,
    features: &Bound<'_, PyArrayDyn<f32>>,
    num_coefficients: usize,
    out: &Bound<'_, PyUntypedArray>,
) -> Result<()> {
    guarded(py, || {
        let num_bands = last_axis(features.shape(), "features")?;
        check_coefficients(num_coefficients, num_bands)?;
        check_shape(out, with_last(features.shape(), num_coefficients))?;
        let features = ReadView::elements(features, "features")?;
        let mut target = WriteView::new(out, "out")?;
        let (features, out) = (features.as_slice(), target.as_mut_floats()?);
        Ok(py.detach(|| cepstrum::cepstra(features, num_bands, num_coefficients, out))?)
    })
}

/// Write slopes over the last axis but one, of (..., frames, features), to `out`.
#[pyfunction]
pub(crate) fn deltas(
    py: Python<'_>,
    features: &Bound<'_, PyArrayDyn<f32>>,
    reach: usize,
    out: &Bound<'_, PyUntypedArray>,
) -> Result<()> {
    guarded(py, || {
        let &[.., num_frames, num_features] = features.shape() else {
            return Err(axes(
                "features",
                features.shape(),
                "(..., frames, features)",
            ));
        };
        check_shape(out, features.shape().to_vec())?;
        let features = ReadView::elements(features, "features")?;
        let mut target = WriteView::new(out, "out")?;
        let (features, out) = (features.as_slice(), target.as_mut_floats()?);
        let channel_len = (num_frames * num_features).max(1);
        py.detach(|| {
            let channels = features.chunks_exact(channel_len);
            for (channel, out) in channels.zip(out.chunks_exact_mut(channel_len)) {
                cepstrum::deltas(channel, num_features, reach, out)?;
            }
            Ok(())
        })
    })
}

fn check_coefficients(num_coefficients: usize, num_bands: usize) -> Result<()> {
    if (1..=num_bands).contains(&num_coefficients) {
        return Ok(());
    }
    Err(Error::Argument {
        argument: "num_coefficients",
        found: num_coefficients.to_string(),
        expected: "from 1 to the number of bands",
    })
}

fn named<T: Copy>(argument: &'static str, name: String, all: &[(&str, T)]) -> Result<T> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| Err(no_such(argument, name)), |(_, value)| Ok(*value))
}

fn no_such(argument: &'static str, name: String) -> Error {
    Error::Argument {
        argument,
        found: format!("'{name}'"),
        expected: "one of the names in autrainer.features.settings",
    }
}

fn last_axis(shape: &[usize], argument: &'static str) -> Result<usize> {
    let last = shape.last().copied();
    last.ok_or_else(|| axes(argument, shape, "an array with an axis at least"))
}

/// A shape with another last axis.
fn with_last(shape: &[usize], last: usize) -> Vec<usize> {
    let kept = shape.split_last().map_or(&[][..], |(_, kept)| kept);
    [kept, &[last]].concat()
}

fn axes(argument: &'static str, shape: &[usize], expected: &'static str) -> Error {
    Error::Argument {
        argument,
        found: format!("an array of {} axes", shape.len()),
        expected,
    }
}

fn check_shape(out: &Bound<'_, PyUntypedArray>, expected: Vec<usize>) -> Result<()> {
    if out.shape() == expected {
        return Ok(());
    }
    Err(Error::OutputShape {
        expected,
        found: out.shape().to_vec(),
    })
}

fn matrix<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    num_columns: usize,
) -> Result<Bound<'_, PyArray2<T>>> {
    let num_rows = values.len().checked_div(num_columns).unwrap_or(0);
    Ok(PyArray1::from_vec(py, values).reshape([num_rows, num_columns])?)
}
