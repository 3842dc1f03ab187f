//! Frames of MPEG audio, layer III, and the tag that encoders put into the first one.

/// The longest frame with the header of the next one behind it.
pub(super) const FRAME_BYTES: usize = 2881;

/// Samples that a decoder is late, beside what the encoder says of itself.
const DECODER_DELAY: u32 = 529;

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// MPEG-2 and 2.5: low rates, half the samples in a frame.
    is_low: bool,
    pub(super) rate_hz: u32,
    pub(super) num_channels: usize,
    has_checksum: bool,
    /// Bytes of the frame.
    pub(super) size: usize,
}

impl Header {
    /// A header of layer III; none if the bytes are none, or the rate of bits is free.
    pub(super) fn parse(bytes: [u8; 4]) -> Option<Self> {
        let [0xff, b, c, d] = bytes else {
            return None;
        };
        if b & 0xe6 != 0xe2 {
            return None;
        }
        let divisor = match b >> 3 & 0b11 {
            0b11 => 1,
            0b10 => 2,
            0b00 => 4,
            _ => return None,
        };
        let is_low = divisor > 1;
        let rates = if is_low { KBITS_LOW } else { KBITS };
        let kbits = rates.get(usize::from(c >> 4)).copied().filter(|k| *k > 0)?;
        let rate_hz = *RATES_HZ.get(usize::from(c >> 2 & 0b11))? / divisor;
        let factor = if is_low { 72_000 } else { 144_000 };
        let header = Self {
            is_low,
            rate_hz,
            num_channels: if d >> 6 == 0b11 { 1 } else { 2 },
            has_checksum: b & 1 == 0,
            size: (factor * kbits / rate_hz) as usize + usize::from(c >> 1 & 1),
        };
        (header.main_data() > 0).then_some(header)
    }

    /// Frames of sound in a frame of the file.
    pub(super) fn num_samples(&self) -> u64 {
        if self.is_low { 576 } else { 1152 }
    }

    /// Whether both may be in one stream.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_low == other.is_low
            && self.rate_hz == other.rate_hz
            && self.num_channels == other.num_channels
    }

    /// Bytes of coded sound, which later frames may refer to.
    pub(super) fn main_data(&self) -> usize {
        let checksum = if self.has_checksum { 2 } else { 0 };
        self.size.saturating_sub(4 + checksum + self.side_info())
    }

    fn side_info(&self) -> usize {
        match (self.is_low, self.num_channels) {
            (false, 1) | (true, 2) => 17,
            (false, _) => 32,
            (true, _) => 9,
        }
    }

    /// How many frames before one decide about its samples: two granules.
    pub(super) fn num_before(&self) -> u64 {
        if self.is_low { 2 } else { 1 }
    }
}

/// What an encoder says in the first frame, which then holds no sound.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tag {
    /// Frames of the file behind this one.
    pub(super) num_frames: Option<u64>,
    /// Samples to leave out at the beginning and the end.
    pub(super) trim: Option<(u64, u64)>,
}

impl Tag {
    /// The tag of a frame (Xing, Info, VBRI); none if the frame holds sound.
    pub(super) fn read(frame: &[u8], header: &Header) -> Option<Self> {
        let number = |at: usize| {
            let bytes = frame.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes))
        };
        if frame.get(36..40) == Some(b"VBRI") {
            let num_frames = number(50).map(u64::from);
            let trim = None;
            return Some(Self { num_frames, trim });
        }
        let start = 4 + header.side_info();
        if !matches!(frame.get(start..start + 4)?, b"Xing" | b"Info") {
            return None;
        }
        let flags = number(start + 4)?;
        let mut at = start + 8;
        let mut num_frames = None;
        for (bit, size) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            if flags & bit != 0 {
                if bit == 1 {
                    num_frames = number(at).map(u64::from).filter(|count| *count > 0);
                }
                at += size;
            }
        }
        // The extension of LAME: name, ..., and behind 21 bytes twice twelve bits.
        let trim = frame.get(at + 21..at + 24).and_then(|bytes| {
            let &[a, b, c] = bytes else {
                return None;
            };
            let both = u32::from_be_bytes([0, a, b, c]);
            let (delay, padding) = (both >> 12, both & 0xfff);
            let start = delay + DECODER_DELAY;
            let end = padding.saturating_sub(DECODER_DELAY);
            Some((u64::from(start), u64::from(end)))
        });
        Some(Self { num_frames, trim })
    }
}

const KBITS: [u32; 15] = [
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const KBITS_LOW: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES_HZ: [u32; 3] = [44_100, 48_000, 32_000];
