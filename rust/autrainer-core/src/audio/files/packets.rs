//! Symphonia's decoders: one packet in, samples of each channel out.

use std::fmt;

use symphonia_bundle_flac::FlacDecoder;
use symphonia_bundle_mp3::MpaDecoder;
use symphonia_codec_vorbis::VorbisDecoder;
use symphonia_core::audio::{Audio, GenericAudioBufferRef};
use symphonia_core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia_core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia_core::errors::Error;
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use super::sink::Sink;
use crate::decode::input::Fault;

/// Decoders that a thread uses for one file after the other.
#[derive(Default)]
pub(crate) struct Decoders {
    /// With the headers that it was made of: files of one encoder have them in common, and a
    /// decoder takes longer to make than a second of sound to decode.
    vorbis: Option<(Vec<u8>, VorbisDecoder)>,
}

impl fmt::Debug for Decoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoders").finish_non_exhaustive()
    }
}

impl Decoders {
    /// A decoder of Vorbis at the beginning of a stream with these headers.
    pub(super) fn vorbis(&mut self, headers: &[u8]) -> Result<&mut VorbisDecoder, Fault> {
        let is_known = matches!(&self.vorbis, Some((known, _)) if known == headers);
        if !is_known {
            let parameters = parameters(CODEC_ID_VORBIS, headers);
            let decoder = VorbisDecoder::try_new(&parameters, &options());
            let decoder = decoder.map_err(|error| refused("Vorbis", &error))?;
            self.vorbis = Some((headers.to_vec(), decoder));
        }
        let Some((_, decoder)) = &mut self.vorbis else {
            return Err(Fault::Unsupported("Vorbis".to_owned()));
        };
        decoder.reset();
        Ok(decoder)
    }
}

/// Where Symphonia has the channels of Vorbis, whose own order is that of soundfile.
pub(super) fn vorbis_order(num_channels: usize) -> &'static [usize] {
    match num_channels {
        3 => &[0, 2, 1],
        5 => &[0, 2, 1, 3, 4],
        6 => &[0, 2, 1, 4, 5, 3],
        7 => &[0, 2, 1, 5, 6, 4, 3],
        8 => &[0, 2, 1, 6, 7, 4, 5, 3],
        _ => &[],
    }
}

/// A decoder of FLAC for a stream with this STREAMINFO block.
pub(super) fn flac(stream_info: &[u8]) -> Result<FlacDecoder, Fault> {
    let parameters = parameters(CODEC_ID_FLAC, stream_info);
    FlacDecoder::try_new(&parameters, &options()).map_err(|error| refused("FLAC", &error))
}

/// A decoder of MP3.
pub(super) fn mp3() -> Result<MpaDecoder, Fault> {
    let parameters = parameters(CODEC_ID_MP3, &[]);
    MpaDecoder::try_new(&parameters, &options()).map_err(|error| refused("MP3", &error))
}

/// Which frames of a recording a packet holds, as the file tells before it is decoded.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) position: i64,
    pub(super) num_frames: u64,
}

/// Decode a packet, and put its samples where they belong; `None` leaves them out.
///
/// `order` has the decoder's numbers of channels; those that it lacks have the numbers of the file.
///
/// # Errors
/// Where the packet is damaged, or holds other than the expected number of samples.
pub(super) fn decode(
    decoder: &mut dyn AudioDecoder,
    packet: &[u8],
    order: &[usize],
    place: Option<Place>,
    sink: &mut Sink<'_>,
) -> Result<(), PacketError> {
    let number = |channel: usize| order.get(channel).copied().unwrap_or(channel);
    let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
    let decoded = decoder.decode_ref(&packet)?;
    let Some(place) = place else {
        return Ok(());
    };
    let (count, is_whole) = match decoded {
        GenericAudioBufferRef::F32(buffer) => {
            let plane = |channel| buffer.plane(number(channel));
            let count = buffer.frames();
            (
                count,
                sink.put(place.position, count, plane, |sample| sample),
            )
        }
        GenericAudioBufferRef::S32(buffer) => {
            let plane = |channel| buffer.plane(number(channel));
            let count = buffer.frames();
            let to_float = |sample: i32| sample as f32 * (1.0 / 2_147_483_648.0);
            (count, sink.put(place.position, count, plane, to_float))
        }
        _ => return Err(PacketError("samples of an unusual type".to_owned())),
    };
    if !is_whole {
        return Err(PacketError("fewer channels".to_owned()));
    }
    if count as u64 != place.num_frames {
        let expected = place.num_frames;
        return Err(PacketError(format!(
            "a packet of {expected} samples gave {count}"
        )));
    }
    Ok(())
}

/// Why a packet cannot be decoded.
pub(super) struct PacketError(String);

impl From<Error> for PacketError {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl PacketError {
    /// The fault, where the frames from `position` on were to be read.
    pub(super) fn at(self, codec: &str, position: i64) -> Fault {
        Fault::corrupt(
            format!("whole {codec} audio"),
            format!("damage after {} samples ({})", position.max(0), self.0),
        )
    }
}

fn parameters(codec: AudioCodecId, headers: &[u8]) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(codec)
        .with_extra_data(headers.to_vec().into_boxed_slice());
    parameters
}

fn options() -> AudioDecoderOptions {
    AudioDecoderOptions::default().gapless(false)
}

fn refused(codec: &str, error: &Error) -> Fault {
    Fault::Unsupported(format!("{codec} that is damaged or unusual: {error}"))
}
