//! Sound in files, or in bytes that are in memory, as arrays.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use autrainer_core::audio::{AudioInfo, AudioOptions, Span};
use autrainer_core::decode::{DType, Format, Input, Layout, Opened};
use autrainer_core::panics::catch_decoder_panic;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::decode::{check_seconds, dtype, empty, read_into, with_scratch};
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::views::dtype_name;

/// A file, or the content of one.
#[derive(FromPyObject)]
pub(crate) enum Source {
    Bytes(PyBackedBytes),
    File(PathBuf),
}

/// What errors call a file that is in memory.
const IN_MEMORY: &str = "audio in memory";

/// Codec, rate in Hz, number of channels, number of frames.
type Info = (&'static str, u32, usize, u64);

/// Codec, sample rate, number of channels and of frames, from the headers of a file.
#[pyfunction]
pub(crate) fn audio_info(py: Python<'_>, source: Source) -> Result<Info> {
    guarded(py, || {
        let info = py.detach(|| {
            with_scratch(|scratch| match &source {
                Source::File(path) => Ok(catch_decoder_panic(path, scratch, |scratch| {
                    Format::audio_info(path, scratch)
                })?),
                Source::Bytes(bytes) => {
                    let path = Path::new(IN_MEMORY);
                    let input = Cursor::new(&**bytes);
                    Ok(catch_decoder_panic(path, scratch, |scratch| {
                        Format::audio_info_of(path, input, scratch)
                    })?)
                }
            })
        })?;
        let AudioInfo {
            codec,
            sample_rate_hz,
            num_channels,
            num_frames,
        } = info;
        Ok((codec, sample_rate_hz, num_channels, num_frames))
    })
}

/// The name of the sound that a file holds, if it is not decoded here.
#[pyfunction]
pub(crate) fn foreign_audio(py: Python<'_>, path: PathBuf) -> Result<Option<&'static str>> {
    guarded(py, || {
        with_scratch(|scratch| {
            let foreign = || {
                catch_decoder_panic(&path, scratch, |scratch| {
                    Format::foreign_audio(&path, scratch)
                })
            };
            Ok(py.detach(foreign)?)
        })
    })
}

/// Samples of a part of a file, and their rate.
#[pyfunction]
#[pyo3(signature = (source, *, offset_s, duration_s, first_frame, num_frames, out))]
pub(crate) fn decode_audio<'py>(
    py: Python<'py>,
    source: Source,
    offset_s: f64,
    duration_s: Option<f64>,
    first_frame: Option<u64>,
    num_frames: Option<u64>,
    out: Option<Bound<'py, PyUntypedArray>>,
) -> Result<(Bound<'py, PyUntypedArray>, u32)> {
    guarded(py, || {
        let format = Format::Audio(AudioOptions {
            span: span(offset_s, duration_s, first_frame, num_frames)?,
            ..AudioOptions::default()
        });
        with_scratch(|scratch| match &source {
            Source::File(path) => {
                let opened: Opened<'_, File> = py.detach(|| {
                    catch_decoder_panic(path, &mut (), |()| format.open(path, scratch))
                })?;
                read(py, path, opened, out)
            }
            Source::Bytes(bytes) => {
                let path = Path::new(IN_MEMORY);
                let input = Cursor::new(&**bytes);
                let opened = py.detach(|| {
                    catch_decoder_panic(path, &mut (), |()| format.open_input(path, input, scratch))
                })?;
                read(py, path, opened, out)
            }
        })
    })
}

/// By frames where these are given, else by time.
fn span(
    offset: f64,
    duration: Option<f64>,
    first: Option<u64>,
    count: Option<u64>,
) -> Result<Span> {
    if first.is_some() || count.is_some() {
        let first = first.unwrap_or(0);
        return Ok(Span::Frames { first, count });
    }
    check_seconds("offset_s", offset)?;
    if let Some(duration) = duration {
        check_seconds("duration_s", duration)?;
    }
    Ok(Span::Seconds { offset, duration })
}

fn read<'py, I: Input + Send>(
    py: Python<'py>,
    path: &Path,
    opened: Opened<'_, I>,
    out: Option<Bound<'py, PyUntypedArray>>,
) -> Result<(Bound<'py, PyUntypedArray>, u32)> {
    let rate_hz = opened.audio_info().map_or(0, |info| info.sample_rate_hz);
    let array = match out {
        Some(out) => checked(out, opened.layout())?,
        None => empty(py, opened.layout())?,
    };
    read_into(py, path, opened, &array)?;
    Ok((array, rate_hz))
}

/// An array of the caller, if the result fits into it.
fn checked<'py>(
    out: Bound<'py, PyUntypedArray>,
    layout: &Layout,
) -> Result<Bound<'py, PyUntypedArray>> {
    if dtype(&out) != Some(DType::F32) {
        return Err(Error::OutputDtype {
            expected: "float32".to_owned(),
            found: dtype_name(&out.dtype()),
        });
    }
    if out.shape() != layout.shape.as_slice() {
        return Err(Error::OutputShape {
            expected: layout.shape.clone(),
            found: out.shape().to_vec(),
        });
    }
    Ok(out)
}
