//! Vorbis in Ogg: where its samples are, and the packets that a part of it needs.

use super::AudioInfo;
use super::ogg::{self, PAGE_BYTES, Page};
use super::packets::{self, Decoders, Place};
use super::sink::Sink;
use super::source::Source;
use super::vorbis_headers::{Blocks, Identification};
use crate::decode::input::{Fault, Input};

/// More than any packet has; comments with pictures are passed over and may have more.
const PACKET_BYTES: usize = 1 << 20;

/// Pages that a stream has before its first sample, at most: comments may hold pictures.
const HEADER_PAGES: usize = 1 << 14;

/// Bytes between two places of which a search does not halve the distance any more.
const NEAR_BYTES: u64 = 16 << 10;

/// A file whose headers are read and whose end is known.
#[derive(Debug)]
pub(super) struct Vorbis {
    identification: Identification,
    blocks: Blocks,
    /// What the decoder is made of.
    headers: Vec<u8>,
    serial: u32,
    data_start: u64,
    /// The sample behind the first packet, which gives none; before 0 what is left out.
    first_sample: i64,
    /// What granules are greater by.
    offset: i64,
    num_samples: u64,
}

/// A place from where packets can be decoded.
#[derive(Clone, Copy)]
struct Anchor {
    page: u64,
    /// The sample behind the first packet that begins there.
    sample: i64,
}

/// The name of what an Ogg file holds, if it is not Vorbis.
pub(super) fn foreign(source: &mut Source<'_, impl Input>) -> Result<Option<&'static str>, Fault> {
    let Some(first) = ogg::page(source, 0)? else {
        return Ok(None);
    };
    let start = first.pieces().next().map_or(0, |piece| piece.range.start);
    let bytes = source.bytes(0, first.len())?;
    Ok(match bytes.get(start..).unwrap_or_default() {
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => None,
        [b'O', b'p', b'u', b's', ..] => Some("Opus in Ogg"),
        [0x7f, b'F', b'L', b'A', b'C', ..] => Some("FLAC in Ogg"),
        [b'S', b'p', b'e', b'e', b'x', ..] => Some("Speex in Ogg"),
        _ => Some("several streams, or an unusual one, in Ogg"),
    })
}

/// Read the headers of a file, and look for its end.
pub(super) fn open(source: &mut Source<'_, impl Input>) -> Result<Vorbis, Fault> {
    if let Some(name) = foreign(source)? {
        return Err(Fault::Unsupported(name.to_owned()));
    }
    let (serial, data_start, packets) = read_headers(source)?;
    let [identification, setup] = packets;
    let known = Identification::parse(&identification)?;
    let mut vorbis = Vorbis {
        identification: known,
        blocks: Blocks::parse(&known, &setup)?,
        headers: [identification, setup].concat(),
        serial,
        data_start,
        first_sample: 0,
        offset: 0,
        num_samples: 0,
    };
    vorbis.find_start(source)?;
    vorbis.find_end(source)?;
    Ok(vorbis)
}

type HeaderPackets = [Vec<u8>; 2];

/// The stream, where its sound begins, and the packets that describe it and set the decoder up.
fn read_headers(source: &mut Source<'_, impl Input>) -> Result<(u32, u64, HeaderPackets), Fault> {
    let mut kept: [Vec<u8>; 3] = Default::default();
    let mut number = 0;
    let mut position = 0;
    let mut serial = None;
    for _ in 0..HEADER_PAGES {
        let Some(page) = ogg::page(source, position)? else {
            break;
        };
        position = page.end();
        if page.serial != *serial.get_or_insert(page.serial) {
            continue;
        }
        let bytes = source.bytes(page.position, page.len())?;
        for piece in page.pieces() {
            let Some(packet) = kept.get_mut(number) else {
                return Err(Fault::Unsupported(
                    "Vorbis with an unusual header".to_owned(),
                ));
            };
            // Of the comments, nothing is kept.
            if number != 1 {
                let piece_bytes = bytes.get(piece.range).unwrap_or_default();
                if packet.len() + piece_bytes.len() > PACKET_BYTES {
                    return Err(Fault::Unsupported("Vorbis with a huge header".to_owned()));
                }
                packet.extend_from_slice(piece_bytes);
            }
            number += usize::from(piece.is_end);
        }
        if number == 3 {
            let [identification, _, setup] = kept;
            return Ok((page.serial, position, [identification, setup]));
        }
    }
    Err(Fault::corrupt(
        "the three headers of Vorbis",
        number.to_string(),
    ))
}

impl Vorbis {
    pub(super) fn info(&self) -> AudioInfo {
        AudioInfo {
            codec: "Vorbis",
            sample_rate_hz: self.identification.rate_hz,
            num_channels: self.identification.num_channels,
            num_frames: self.num_samples,
        }
    }

    /// What the first granule says: samples to leave out, or that others came before.
    fn find_start(&mut self, source: &mut Source<'_, impl Input>) -> Result<(), Fault> {
        let Some((granule, samples, is_last)) = self.first_granule(source, self.data_start)? else {
            return Ok(());
        };
        let start = granule - samples;
        if start > 0 {
            self.offset = start;
        } else if !is_last {
            self.first_sample = start;
        }
        Ok(())
    }

    /// The granule of the first page from a position on in which a packet ends that begins there or
    /// later, not counting the first such packet; how many samples its packets give but for the
    /// first; and whether the stream ends with it.
    fn first_granule(
        &self,
        source: &mut Source<'_, impl Input>,
        mut position: u64,
    ) -> Result<Option<(i64, i64, bool)>, Fault> {
        let mut before = None;
        let mut samples = 0;
        // The beginning of the packet under way, of which the block size is read.
        let mut head: Option<u8> = None;
        let mut is_under_way = false;
        while let Some(page) = ogg::page(source, position)? {
            position = page.end();
            if page.serial != self.serial {
                continue;
            }
            let bytes = source.bytes(page.position, page.len())?;
            let mut num_ended = 0;
            for (number, piece) in page.pieces().enumerate() {
                let is_rest = number == 0 && page.continues();
                if !is_rest {
                    head = bytes
                        .get(piece.range.clone())
                        .and_then(|piece| piece.first().copied());
                    is_under_way = true;
                }
                if piece.is_end && is_under_way {
                    let size = head.and_then(|head| self.blocks.size(&[head]));
                    samples += added(&mut before, size);
                    num_ended += 1;
                    is_under_way = false;
                }
            }
            if let (Some(granule), true) = (page.granule(), num_ended > 0) {
                return Ok(Some((granule, samples, page.is_last())));
            }
        }
        Ok(None)
    }

    /// The granule of the last page.
    fn find_end(&mut self, source: &mut Source<'_, impl Input>) -> Result<(), Fault> {
        let length = source.length()?;
        let start = length
            .saturating_sub(2 * PAGE_BYTES as u64)
            .max(self.data_start);
        let Some(mut page) = ogg::page_after(source, start, length, self.serial)? else {
            return match ogg::page(source, self.data_start)? {
                None => Ok(()),
                Some(_) => Err(chained()),
            };
        };
        let mut granule = page.granule();
        while !(page.is_last() && page.serial == self.serial) {
            let Some(next) = ogg::page(source, page.end())? else {
                break;
            };
            if next.serial == self.serial {
                granule = next.granule().or(granule);
            } else if next.is_first() {
                return Err(chained());
            }
            page = next;
        }
        if page.end() < length && ogg::page(source, page.end()).is_ok_and(|next| next.is_some()) {
            return Err(chained());
        }
        let granule = granule.unwrap_or_default();
        self.num_samples = u64::try_from(granule - self.offset).unwrap_or_default();
        Ok(())
    }

    pub(super) fn fill(
        &self,
        source: &mut Source<'_, impl Input>,
        decoders: &mut Decoders,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let anchor = self.anchor(source, sink.first())?;
        let mut decoding = Decoding {
            vorbis: self,
            decoder: decoders.vorbis(&self.headers)?,
            sample: anchor.sample,
            before: None,
            carry: Vec::new(),
            is_under_way: false,
        };
        let mut position = anchor.page;
        let mut sequence = None;
        while decoding.sample < sink.end() {
            let Some(page) = ogg::page(source, position)? else {
                break;
            };
            position = page.end();
            if page.serial != self.serial {
                continue;
            }
            if sequence.is_some_and(|before: u32| before.wrapping_add(1) != page.sequence) {
                return Err(self.incomplete("a gap", decoding.sample));
            }
            sequence = Some(page.sequence);
            let bytes = source.bytes(page.position, page.len())?;
            decoding.page(&page, bytes, sink)?;
            if page.is_last() {
                break;
            }
        }
        if decoding.sample < sink.end() {
            return Err(self.incomplete("the end", decoding.sample));
        }
        Ok(())
    }

    fn incomplete(&self, what: &str, sample: i64) -> Fault {
        Fault::corrupt(
            format!("{} samples of Vorbis audio", self.num_samples),
            format!("{what} after {}", sample.max(0)),
        )
    }

    /// A place that is not behind a sample, found by halving the distance.
    fn anchor(&self, source: &mut Source<'_, impl Input>, sample: i64) -> Result<Anchor, Fault> {
        let mut low = Anchor {
            page: self.data_start,
            sample: self.first_sample,
        };
        if sample <= self.first_sample.max(0) {
            return Ok(low);
        }
        let mut high = source.length()?;
        while high.saturating_sub(low.page) > NEAR_BYTES {
            let middle = low.page + (high - low.page) / 2;
            match self.anchor_after(source, middle, high)? {
                Some(anchor) if anchor.sample <= sample && anchor.page > low.page => low = anchor,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn anchor_after(
        &self,
        source: &mut Source<'_, impl Input>,
        from: u64,
        to: u64,
    ) -> Result<Option<Anchor>, Fault> {
        let Some(page) = ogg::page_after(source, from, to, self.serial)? else {
            return Ok(None);
        };
        let found = self.first_granule(source, page.position)?;
        // The last page may leave samples out at its end.
        let found = found.filter(|(_, _, is_last)| !is_last);
        Ok(found.map(|(granule, samples, _)| Anchor {
            page: page.position,
            sample: granule - self.offset - samples,
        }))
    }
}

/// Samples that a packet adds: a quarter of its block and of the one before it.
fn added(before: &mut Option<u32>, size: Option<u32>) -> i64 {
    let Some(size) = size else {
        return 0;
    };
    let samples = before.map_or(0, |before| (before + size) / 4);
    *before = Some(size);
    i64::from(samples)
}

fn chained() -> Fault {
    Fault::Unsupported("several streams one after another in Ogg".to_owned())
}

/// Packets on their way from pages through the decoder.
struct Decoding<'a> {
    vorbis: &'a Vorbis,
    decoder: &'a mut symphonia_codec_vorbis::VorbisDecoder,
    /// The next sample.
    sample: i64,
    /// Samples of the block before.
    before: Option<u32>,
    /// What pages before have of a packet.
    carry: Vec<u8>,
    is_under_way: bool,
}

impl Decoding<'_> {
    /// Decode the packets that end in a page.
    fn page(&mut self, page: &Page, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Fault> {
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
