//! Files as arrays: `.npy`, sound (see [`crate::audio`]), PNG and JPEG.
//!
//! Nothing that a file claims is believed before the file is known to hold it, and nothing is
//! allocated for it. What is damaged is an error that names the file, what was expected and what
//! was found; what may be fine for somebody else is [`Error::Unsupported`].
//!
//! ```
//! use std::{io::Cursor, path::Path};
//! use autrainer_core::decode::{DType, Format, Scratch};
//!
//! let mut file = b"\x93NUMPY\x01\x00\x3a\x00".to_vec();
//! file.extend(format!("{:58}", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}").bytes());
//! file.extend([7, 8]);
//! let mut scratch = Scratch::default();
//! let opened = Format::Npy.open_input(Path::new("a.npy"), Cursor::new(file), &mut scratch)?;
//! assert_eq!(opened.layout().dtype, DType::U8);
//! assert_eq!(opened.read()?, [7, 8]);
//! # Ok::<(), autrainer_core::Error>(())
//! ```

mod dtype;
mod finite;
mod image;
pub(crate) mod input;
mod literal;
mod npy;
mod pad;
mod reorder;

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use crate::audio::files::{self, Audio, Memory};
use crate::audio::{AudioInfo, AudioOptions, Crop};
use crate::error::{Error, Result};
pub use dtype::{DType, Layout};
pub use finite::first_nonfinite;
pub use input::Input;
use input::{Fault, Window};
pub use pad::Pad;

/// How a file is written, and which part of it is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// `.npy`: numbers and truths of any type, order of axes and order of bytes.
    Npy,
    /// WAV (PCM of 8, 16, 24, 32 bit, floats of 32, 64 bit), FLAC, MP3 and Vorbis in Ogg, whatever the
    /// name of the file; as float32 (channels, samples), or what is made of these.
    Audio(AudioOptions),
    /// PNG and JPEG of 8 bit a channel: uint8 (channels, height, width).
    Image,
}

/// Memory that one thread uses for one file after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    window: Window,
    spare: Vec<u8>,
    last_header: npy::LastHeader,
    audio: Memory,
}

impl Scratch {
    /// Whether a sample of the last file was infinite or not a number that something was made of.
    pub(crate) fn had_nonfinite(&self) -> bool {
        self.audio.has_nonfinite
    }

    fn begin(&mut self) {
        self.audio.has_nonfinite = false;
        self.window.reset();
        input::shrink(&mut self.spare);
    }
}

/// A file whose header is read and found sound, as far as that can be told before the elements.
#[derive(Debug)]
pub struct Opened<'a, I = File> {
    path: &'a Path,
    input: I,
    scratch: &'a mut Scratch,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Npy(npy::Header),
    Audio(Audio),
    Image(image::Image),
}

impl Format {
    /// The same, with other random bits for what is drawn of a file, if anything is.
    #[must_use]
    pub fn with_draw(&self, draw: u64) -> Cow<'_, Self> {
        match self {
            Self::Audio(options) => match options.crop {
                Some(crop) => Cow::Owned(Self::Audio(AudioOptions {
                    crop: Some(Crop { draw, ..crop }),
                    ..options.clone()
                })),
                None => Cow::Borrowed(self),
            },
            Self::Npy | Self::Image => Cow::Borrowed(self),
        }
    }

    /// Open a file and read its header.
    ///
    /// # Errors
    /// [`Error::Read`] if the operating system refuses, [`Error::Corrupt`] if the file is damaged,
    /// [`Error::Unsupported`] if this format is written in a way that is not known here.
    pub fn open<'a>(&self, path: &'a Path, scratch: &'a mut Scratch) -> Result<Opened<'a>> {
        input::with_file(path, |file| self.open_input(path, file, scratch))
    }

    /// The same for an input that stands at its beginning; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn open_input<'a, I: Input>(
        &self,
        path: &'a Path,
        mut input: I,
        scratch: &'a mut Scratch,
    ) -> Result<Opened<'a, I>> {
        scratch.begin();
        let content = self
            .content(&mut input, &mut scratch.window, true)
            .map_err(|fault| fault.at(path, None))?;
        Ok(Opened {
            path,
            input,
            scratch,
            content,
        })
    }

    fn content(
        &self,
        input: &mut impl Input,
        window: &mut Window,
        reads_on: bool,
    ) -> std::result::Result<Content, Fault> {
        Ok(match self {
            Self::Npy => {
                let header = npy::open(input)?;
                npy::check_length(input, &header)?;
                Content::Npy(header)
            }
            Self::Audio(options) => Content::Audio(files::open(input, options, window, reads_on)?),
            Self::Image => Content::Image(image::open(input, window)?),
        })
    }

    /// What a file holds.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn layout(&self, path: &Path, scratch: &mut Scratch) -> Result<Layout> {
        scratch.begin();
        input::with_file(path, |mut file| {
            let content = self.content(&mut file, &mut scratch.window, false);
            let content = content.map_err(|fault| fault.at(path, None))?;
            Ok(content.layout().clone())
        })
    }

    /// What a file says of its sound; of the whole of it, whatever part is wanted.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn audio_info(path: &Path, scratch: &mut Scratch) -> Result<AudioInfo> {
        input::with_file(path, |file| Self::audio_info_of(path, file, scratch))
    }

    /// The same for an input that stands at its beginning; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn audio_info_of(
        path: &Path,
        mut input: impl Input,
        scratch: &mut Scratch,
    ) -> Result<AudioInfo> {
        scratch.begin();
        let options = AudioOptions::default();
        files::open(&mut input, &options, &mut scratch.window, false)
            .map(|audio| audio.info)
            .map_err(|fault| fault.at(path, None))
    }

    /// The name of the sound that a file holds, if it is not decoded here.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn foreign_audio(path: &Path, scratch: &mut Scratch) -> Result<Option<&'static str>> {
        scratch.begin();
        input::with_file(path, |mut file| {
            files::foreign(&mut file, &mut scratch.window).map_err(|fault| fault.at(path, None))
        })
    }

    /// Look for damage in a file without decoding it: its header has to be sound, and the file as
    /// long as it says. An image has to end as images do; what comes before is not read.
    ///
    /// # Errors
    /// As [`Format::open`]; [`Error::Unsupported`] where only decoding the file can tell. What is
    /// written in a way that is not known here is taken for sound.
    pub fn inspect(&self, path: &Path, scratch: &mut Scratch) -> Result<()> {
        if *self == Self::Image {
            return input::with_file(path, |mut file| {
                image::inspect(&mut file).map_err(|fault| fault.at(path, None))
            });
        }
        match self.layout(path, scratch) {
            Ok(_) | Err(Error::Unsupported { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Read a file that has to be of the layout `expected` into `out`: the bytes of this machine,
    /// in the order of C. After an error, `out` holds anything.
    ///
    /// # Errors
    /// As [`Format::open`]; [`Error::SampleLayout`] if the file is of another layout, and
    /// [`Error::Length`] if `out` is.
    pub fn read_into(
        &self,
        path: &Path,
        scratch: &mut Scratch,
        expected: &Layout,
        out: &mut [u8],
    ) -> Result<()> {
        input::with_file(path, |file| {
            self.read_input_into(path, file, scratch, expected, out)
        })
    }

    /// The same for an input that stands at its beginning; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Format::read_into`].
    pub fn read_input_into(
        &self,
        path: &Path,
        mut input: impl Input,
        scratch: &mut Scratch,
        expected: &Layout,
        out: &mut [u8],
    ) -> Result<()> {
        check_size(expected, out)?;
        if *self == Self::Npy {
            return npy::read_into(
                &mut input,
                &mut scratch.last_header,
                &mut scratch.spare,
                expected,
                out,
            )
            .map_err(|fault| fault.at(path, Some(expected)));
        }
        let opened = self.open_input(path, input, scratch)?;
        if opened.layout() != expected {
            let found = opened.layout().clone();
            return Err(Fault::Layout(found).at(path, Some(expected)));
        }
        opened.read_into(out)
    }

    /// As [`Format::read_into`], for a file that may be shorter along an axis, or also longer: zeros
    /// follow its elements, or what is there in `out`, and what is beyond `expected` is left out.
    ///
    /// # Errors
    /// As [`Format::read_into`].
    pub fn read_padded_into(
        &self,
        path: &Path,
        scratch: &mut Scratch,
        expected: &Layout,
        pad: Pad,
        out: &mut [u8],
    ) -> Result<()> {
        check_size(expected, out)?;
        let opened = self.open(path, scratch)?;
        let Some(rows) = pad.rows(opened.layout(), expected) else {
            let found = opened.layout().clone();
            return Err(Fault::Layout(found).at(path, Some(expected)));
        };
        if let Some(place) = rows.whole(out) {
            return opened.read_into(place);
        }
        rows.copy(&opened.read()?, out);
        Ok(())
    }

    /// Read a file, whatever its layout.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn read(&self, path: &Path, scratch: &mut Scratch) -> Result<(Layout, Vec<u8>)> {
        let opened = self.open(path, scratch)?;
        let layout = opened.layout().clone();
        Ok((layout, opened.read()?))
    }
}

impl Content {
    fn layout(&self) -> &Layout {
        match self {
            Self::Npy(header) => &header.layout,
            Self::Audio(audio) => &audio.layout,
            Self::Image(image) => &image.layout,
        }
    }
}

impl<I: Input> Opened<'_, I> {
    /// What the file holds.
    pub fn layout(&self) -> &Layout {
        self.content.layout()
    }

    /// What the file says of its sound, of which the layout may be a part; none for what is no sound.
    pub fn audio_info(&self) -> Option<&AudioInfo> {
        match &self.content {
            Content::Audio(audio) => Some(&audio.info),
            Content::Npy(_) | Content::Image(_) => None,
        }
    }

    /// Read the elements into `out`: the bytes of this machine, in the order of C.
    ///
    /// # Errors
    /// As [`Format::open`]; [`Error::Length`] if `out` has not the size of the layout.
    pub fn read_into(mut self, out: &mut [u8]) -> Result<()> {
        check_size(self.layout(), out)?;
        let Scratch {
            window,
            spare,
            audio: memory,
            ..
        } = self.scratch;
        match &self.content {
            Content::Npy(header) => npy::fill(&mut self.input, header, spare, out),
            Content::Audio(audio) => audio.fill(&mut self.input, window, memory, out),
            Content::Image(image) => image.fill(window, spare, out),
        }
        .map_err(|fault| fault.at(self.path, None))
    }

    /// Read the elements.
    ///
    /// # Errors
    /// As [`Opened::read_into`].
    pub fn read(self) -> Result<Vec<u8>> {
        let count = self.layout().num_bytes().unwrap_or(usize::MAX);
        let mut out = input::zeros(count).map_err(|error| Fault::Io(error).at(self.path, None))?;
        self.read_into(&mut out)?;
        Ok(out)
    }
}

fn check_size(layout: &Layout, out: &[u8]) -> Result<()> {
    if layout.num_bytes() == Some(out.len()) {
        return Ok(());
    }
    Err(Error::Length {
        argument: "out",
        expected: layout.num_bytes().unwrap_or(usize::MAX),
        found: out.len(),
    })
}
