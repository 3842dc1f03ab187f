//! Vorbis in Ogg: where its samples are, and the packets that a part of it needs.

use super::AudioInfo;
use super::ogg::{self, PAGE_BYTES, Page};
use super::packets::Decoders;
use super::search;
use super::sink::Sink;
use super::source::Source;
use super::vorbis_headers::{Blocks, Identification, read_headers};
use super::vorbis_packets::{Decoding, added};
use crate::decode::input::{Fault, Input};

/// Bytes at the end of a file in which the last page is looked for: some usual ones, then any.
const REACHES_BYTES: [u64; 2] = [16 << 10, 2 * PAGE_BYTES as u64];

/// A file whose headers are read and whose end is known.
#[derive(Debug)]
pub(super) struct Vorbis {
    pub(super) identification: Identification,
    pub(super) blocks: Blocks,
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

impl search::Place for Anchor {
    fn position(&self) -> u64 {
        self.page
    }

    fn sample(&self) -> i64 {
        self.sample
    }
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
        let mut found = None;
        for reach in REACHES_BYTES {
            let start = length.saturating_sub(reach).max(self.data_start);
            if let Some(page) = ogg::page_after(source, start, length, self.serial)? {
                found = Some(self.last_granule(source, page, length)?);
            }
            // Pages in which no packet ends have none.
            if matches!(found, Some(Some(_))) || start == self.data_start {
                break;
            }
        }
        let Some(granule) = found else {
            return match ogg::page(source, self.data_start)? {
                None => Ok(()),
                Some(_) => Err(chained()),
            };
        };
        let granule = granule.unwrap_or_default();
        self.num_samples = u64::try_from(granule - self.offset).unwrap_or_default();
        Ok(())
    }

    /// The last granule from a page on.
    fn last_granule(
        &self,
        source: &mut Source<'_, impl Input>,
        mut page: Page,
        length: u64,
    ) -> Result<Option<i64>, Fault> {
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
        Ok(granule)
    }

    pub(super) fn fill(
        &self,
        source: &mut Source<'_, impl Input>,
        ahead: usize,
        decoders: &mut Decoders,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let anchor = self.anchor(source, sink.first())?;
        source.read_ahead(ahead);
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

    pub(super) fn incomplete(&self, what: &str, sample: i64) -> Fault {
        Fault::corrupt(
            format!("{} samples of Vorbis audio", self.num_samples),
            format!("{what} after {}", sample.max(0)),
        )
    }

    /// A place that is not behind a sample.
    fn anchor(&self, source: &mut Source<'_, impl Input>, sample: i64) -> Result<Anchor, Fault> {
        let first = Anchor {
            page: self.data_start,
            sample: self.first_sample,
        };
        if sample <= self.first_sample.max(0) {
            return Ok(first);
        }
        let num_samples = i64::try_from(self.num_samples).unwrap_or(i64::MAX);
        let end = (source.length()?, num_samples);
        search::before(first, end, sample, |from, to| {
            self.anchor_after(source, from, to)
        })
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
            sample: granule.saturating_sub(self.offset).saturating_sub(samples),
        }))
    }
}

fn chained() -> Fault {
    Fault::Unsupported("several streams one after another in Ogg".to_owned())
}
