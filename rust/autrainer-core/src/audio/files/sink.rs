//! Where decoded samples go: the frames of a part, channel by channel.

use super::span::Part;
use crate::decode::input::Fault;

/// Memory for a part of a recording, of one row per channel.
pub(super) struct Sink<'a> {
    out: &'a mut [u8],
    num_channels: usize,
    first: i64,
    num_frames: usize,
    /// Frames that were put; packets do not overlap.
    num_put: usize,
}

impl<'a> Sink<'a> {
    pub(super) fn new(out: &'a mut [u8], num_channels: usize, part: Part) -> Self {
        Self {
            out,
            num_channels,
            first: i64::try_from(part.first_frame).unwrap_or(i64::MAX),
            num_frames: part.num_frames,
            num_put: 0,
        }
    }

    /// The first frame that is wanted.
    pub(super) fn first(&self) -> i64 {
        self.first
    }

    /// One past the last frame that is wanted.
    pub(super) fn end(&self) -> i64 {
        self.first.saturating_add_unsigned(self.num_frames as u64)
    }

    /// Whether every frame that is wanted was put.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where some are missing, so that the memory is not whole.
    pub(super) fn check_full(&self, codec: &str) -> Result<(), Fault> {
        if self.num_put == self.num_frames {
            return Ok(());
        }
        Err(Fault::corrupt(
            format!("{} samples of {codec} audio", self.num_frames),
            self.num_put.to_string(),
        ))
    }

    /// Take what is wanted of `count` frames from `position` on; false if a channel lacks some.
    pub(super) fn put<'p, S: Copy + 'p>(
        &mut self,
        position: i64,
        count: usize,
        plane: impl Fn(usize) -> Option<&'p [S]>,
        to_float: impl Fn(S) -> f32,
    ) -> bool {
        let from = position.max(self.first);
        let to = position
            .saturating_add_unsigned(count as u64)
            .min(self.end());
        if from >= to {
            return true;
        }
        let (skipped, len) = ((from - position) as usize, (to - from) as usize);
        let column = (from - self.first) as usize * size_of::<f32>();
        let row_bytes = self.num_frames * size_of::<f32>();
        for (channel, row) in self.out.chunks_exact_mut(row_bytes).enumerate() {
            if channel >= self.num_channels {
                break;
            }
            let samples = plane(channel).and_then(|plane| plane.get(skipped..skipped + len));
            let places = row.get_mut(column..column + len * size_of::<f32>());
            let (Some(samples), Some(places)) = (samples, places) else {
                return false;
            };
            for (place, sample) in places.chunks_exact_mut(size_of::<f32>()).zip(samples) {
                place.copy_from_slice(&to_float(*sample).to_ne_bytes());
            }
        }
        self.num_put += len;
        true
    }
}
