//! Which part of a recording is wanted.

use std::ops::Range;

use super::AudioInfo;
use crate::decode::input::Fault;

/// A part of a recording; what is behind its end is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// By time, rounded to the nearest frame.
    Seconds {
        /// Where to begin.
        offset: f64,
        /// How much to read; `None` reads to the end.
        duration: Option<f64>,
    },
    /// By frames.
    Frames {
        /// The first one.
        first: u64,
        /// How many; `None` reads to the end.
        count: Option<u64>,
    },
}

impl Default for Span {
    fn default() -> Self {
        Self::Frames {
            first: 0,
            count: None,
        }
    }
}

/// Frames of a file, all of which it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    pub(crate) first_frame: u64,
    pub(crate) num_frames: usize,
}

impl Part {
    /// Some frames of the part.
    pub(crate) fn of(self, frames: &Range<usize>) -> Self {
        Self {
            first_frame: self.first_frame + frames.start as u64,
            num_frames: frames.len(),
        }
    }
}

impl Span {
    /// Whether the part begins where the recording does.
    pub(crate) fn starts_at_once(&self) -> bool {
        match self {
            Self::Seconds { offset, .. } => *offset == 0.0,
            Self::Frames { first, .. } => *first == 0,
        }
    }

    /// The part of a file.
    pub(crate) fn part(&self, info: &AudioInfo) -> Result<Part, Fault> {
        let rate = f64::from(info.sample_rate_hz);
        let in_frames = |seconds: f64| (seconds * rate).round() as u64;
        let (first_frame, count) = match *self {
            Self::Seconds { offset, duration } => (in_frames(offset), duration.map(in_frames)),
            Self::Frames { first, count } => (first, count),
        };
        let Some(rest) = info.num_frames.checked_sub(first_frame) else {
            let wanted = match self {
                Self::Seconds { offset, .. } => format!("audio after {offset} s"),
                Self::Frames { first, .. } => format!("audio after {first} samples"),
            };
            return Err(Fault::corrupt(
                wanted,
                format!("{} samples at {rate} Hz", info.num_frames),
            ));
        };
        let wanted = count.map_or(rest, |count| count.min(rest));
        Ok(Part {
            first_frame,
            num_frames: usize::try_from(wanted).unwrap_or(usize::MAX),
        })
    }
}
