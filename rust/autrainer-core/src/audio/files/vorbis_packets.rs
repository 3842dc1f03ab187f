//! Packets of Vorbis on their way from pages to samples.

use super::ogg::Page;
use super::packets::{self, Place};
use super::sink::Sink;
use super::vorbis::Vorbis;
use super::vorbis_headers::PACKET_BYTES;
use crate::decode::input::Fault;

/// Samples that a packet adds: a quarter of its block and of the one before it.
pub(super) fn added(before: &mut Option<u32>, size: Option<u32>) -> i64 {
    let Some(size) = size else {
        return 0;
    };
    let samples = before.map_or(0, |before| (before + size) / 4);
    *before = Some(size);
    i64::from(samples)
}

/// Packets on their way from pages through the decoder.
pub(super) struct Decoding<'a> {
    pub(super) vorbis: &'a Vorbis,
    pub(super) decoder: &'a mut symphonia_codec_vorbis::VorbisDecoder,
    /// The next sample.
    pub(super) sample: i64,
    /// Samples of the block before.
    pub(super) before: Option<u32>,
    /// What pages before have of a packet.
    pub(super) carry: Vec<u8>,
    pub(super) is_under_way: bool,
}

impl Decoding<'_> {
    /// Decode the packets that end in a page.
    pub(super) fn page(
        &mut self,
        page: &Page,
        bytes: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        for (number, piece) in page.pieces().enumerate() {
            let is_rest = number == 0 && page.continues();
            let part = bytes.get(piece.range).unwrap_or_default();
            if !is_rest {
                self.carry.clear();
                self.is_under_way = true;
                if piece.is_end {
                    self.packet(part, sink)?;
                    continue;
                }
            }
            if !self.is_under_way {
                continue;
            }
            if self.carry.len() + part.len() > PACKET_BYTES {
                return Err(self.vorbis.incomplete("a huge packet", self.sample));
            }
            self.carry.extend_from_slice(part);
            if piece.is_end {
                let packet = std::mem::take(&mut self.carry);
                self.packet(&packet, sink)?;
                self.carry = packet;
                self.is_under_way = false;
            }
        }
        Ok(())
    }

    fn packet(&mut self, packet: &[u8], sink: &mut Sink<'_>) -> Result<(), Fault> {
        let size = self.vorbis.blocks.size(packet);
        let is_first = self.before.is_none();
        let count = added(&mut self.before, size);
        if size.is_none() || self.sample >= sink.end() {
            return Ok(());
        }
        // The first one gives no samples; what it leaves behind is a part of the next ones.
        let place = (!is_first).then_some(Place {
            position: self.sample,
            num_frames: count.unsigned_abs(),
        });
        let order = packets::vorbis_order(self.vorbis.identification.num_channels);
        let decoded = packets::decode(self.decoder, packet, order, place, sink);
        decoded.map_err(|error| error.at("Vorbis", self.sample))?;
        self.sample += count;
        Ok(())
    }
}
