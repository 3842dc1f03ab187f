//! Decoding of whole and of damaged files: the laws of the fuzz targets, for the files that fuzzing
//! begins with and for thousands of damaged copies of them, always the same ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on may panic"
)]

#[path = "../../../fuzz/laws.rs"]
mod laws;

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use autrainer_core::Error;
use autrainer_core::audio::AudioOptions;
use autrainer_core::decode::{DType, Format, Layout, Scratch};

/// Under Miri, a copy takes a thousand times as long.
const DAMAGED_COPIES: usize = if cfg!(miri) { 3 } else { 150 };
const CUTS: usize = if cfg!(miri) { 3 } else { 100 };
const HEADERS: usize = if cfg!(miri) { 1 } else { 250 };
const FEW_CUTS: usize = if cfg!(miri) { 3 } else { 20 };

fn seeds(format: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(format);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Numbers that look random; Marsaglia's xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// One to four damages: a byte, a bit, an extreme number, a piece left out or repeated.
fn damage(file: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        // The first bytes are those that decide.
        let end = if numbers.below(2) == 0 {
            file.len()
        } else {
            file.len().min(160)
        };
        let at = numbers.below(end);
        let len = numbers.below(file.len() - at + 1).min(16);
        match numbers.below(6) {
            0 => file[at] = numbers.below(256) as u8,
            1 => file[at] ^= 1 << numbers.below(8),
            2 => file[at..at + len].fill(0xff),
            3 => file[at..at + len].fill(0),
            4 => drop(file.drain(at..at + len)),
            _ => {
                let piece = file[at..at + len].to_vec();
                file.splice(at..at, piece);
            }
        }
        if file.is_empty() {
            return;
        }
    }
}

fn keep_the_laws(format: &str, laws: fn(&[u8])) {
    for (path, whole) in seeds(format) {
        // Shown where a law is broken.
        eprintln!("{}", path.display());
        laws(&whole);
        let step = (whole.len() / CUTS).max(1);
        for len in (0..whole.len()).step_by(step) {
            laws(&whole[..len]);
        }
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for _ in 0..DAMAGED_COPIES {
            let mut file = whole.clone();
            damage(&mut file, &mut numbers);
            laws(&file);
        }
    }
}

#[test]
fn damaged_arrays_keep_the_laws() {
    keep_the_laws("npy", laws::npy);
}

#[test]
fn damaged_sounds_keep_the_laws() {
    keep_the_laws("audio", laws::audio);
}

/// A walk that looked at the rest of the file for each header would take hours.
#[test]
fn headers_of_flac_without_frames_are_passed_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/audio");
    for (name, head_len, last_len) in [("false_frames.flac", 48, 0), ("false_ends.flac", 51, 13)] {
        let seed = fs::read(folder.join(name)).unwrap();
        let (head, rest) = seed.split_at(head_len);
        let (headers, last) = rest.split_at(rest.len() - last_len);
        let file = [head, &headers.repeat(HEADERS), last].concat();
        let layout = Layout {
            dtype: DType::F32,
            shape: vec![1, 1920 + 192],
        };
        let read = Format::Audio(AudioOptions::default()).read_input_into(
            Path::new(name),
            Cursor::new(&file),
            &mut Scratch::default(),
            &layout,
            &mut vec![0; (1920 + 192) * 4],
        );
        let error = read.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}

#[test]
fn damaged_images_keep_the_laws() {
    keep_the_laws("image", laws::image);
}

/// Gives a byte or two at a time, and is interrupted again and again.
struct Dribble<'a>(Cursor<&'a [u8]>, u8);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = (self.1 + 1) % 3;
        match self.1 {
            0 => Err(io::ErrorKind::Interrupted.into()),
            most => {
                let len = buffer.len().min(usize::from(most));
                self.0.read(&mut buffer[..len])
            }
        }
    }
}

impl Seek for Dribble<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

#[test]
fn what_is_read_does_not_depend_on_how_much_comes_at_a_time() {
    let path = Path::new("file");
    let mut scratch = Scratch::default();
    for (name, format) in [
        ("npy", Format::Npy),
        ("audio", Format::Audio(AudioOptions::default())),
        ("image", Format::Image),
    ] {
        for (_, bytes) in seeds(name) {
            let Ok(opened) = format.open_input(path, Cursor::new(&bytes), &mut scratch) else {
                continue;
            };
            let layout = opened.layout().clone();
            let whole = opened.read().unwrap();
            for _ in 0..2 {
                let mut out = vec![1; whole.len()];
                let input = Dribble(Cursor::new(&bytes), 0);
                format
                    .read_input_into(path, input, &mut scratch, &layout, &mut out)
                    .unwrap();
                assert_eq!(out, whole);
            }
        }
    }
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

#[test]
fn headers_of_any_length_may_alternate() {
    let layout = Layout {
        dtype: DType::U8,
        shape: vec![3],
    };
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}";
    let files: Vec<Vec<u8>> = [60, 118, 118, 300, 9000, 60, 60]
        .iter()
        .zip(0_u8..)
        .map(|(width, number)| npy(&format!("{text:width$}"), &[number, number + 1, number + 2]))
        .collect();
    let mut scratch = Scratch::default();
    for (file, number) in files.iter().zip(0_u8..) {
        let mut out = [0; 3];
        Format::Npy
            .read_input_into(
                Path::new("a"),
                Cursor::new(file),
                &mut scratch,
                &layout,
                &mut out,
            )
            .unwrap();
        assert_eq!(out, [number, number + 1, number + 2]);
    }
}

#[test]
fn another_layout_is_named_beside_the_expected_one() {
    let layout = |dtype, shape: &[usize]| Layout {
        dtype,
        shape: shape.to_vec(),
    };
    let file = npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}",
        &[0; 4],
    );
    let mut scratch = Scratch::default();
    for expected in [
        layout(DType::U8, &[4]),
        layout(DType::I8, &[2, 2]),
        layout(DType::F64, &[9]),
    ] {
        let mut out = vec![0; expected.num_bytes().unwrap()];
        let error = Format::Npy
            .read_input_into(
                Path::new("b.npy"),
                Cursor::new(&file),
                &mut scratch,
                &expected,
                &mut out,
            )
            .unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::SampleLayout { .. }));
        assert!(
            text.starts_with(&format!("b.npy: expected {expected} ")),
            "{text}"
        );
        assert!(text.ends_with("found (2, 2) of uint8"), "{text}");
    }
}

#[test]
fn memory_of_another_size_than_the_layout_is_refused() {
    let layout = Layout {
        dtype: DType::F32,
        shape: vec![2],
    };
    let read = Format::Npy.read_into(
        Path::new("missing"),
        &mut Scratch::default(),
        &layout,
        &mut [0; 7],
    );
    // There is no such file, but the argument is looked at only once it is open.
    assert!(matches!(read, Err(Error::Read { .. })));
    let read = Format::Npy.read_input_into(
        Path::new("a"),
        Cursor::new(b""),
        &mut Scratch::default(),
        &layout,
        &mut [0; 7],
    );
    assert!(matches!(
        read,
        Err(Error::Length {
            argument: "out",
            found: 7,
            ..
        })
    ));
}

#[test]
fn headers_that_claim_too_much_are_errors_before_any_memory_is_taken() {
    for shape in [
        "(18446744073709551615, 2)",
        "(4611686018427387904,)",
        "(1000000000000,)",
    ] {
        let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        let file = npy(&text, &[0; 64]);
        let error = Format::Npy
            .open_input(
                Path::new("lie.npy"),
                Cursor::new(&file),
                &mut Scratch::default(),
            )
            .unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert!(
            error.to_string().starts_with("lie.npy: expected "),
            "{error}"
        );
    }
}

#[test]
fn what_is_sound_at_first_sight_has_a_header_and_all_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut scratch = Scratch::default();
    let options = AudioOptions::default();
    for (name, format) in [
        ("npy", Format::Npy),
        ("audio", Format::Audio(options)),
        ("image", Format::Image),
    ] {
        for (seed, whole) in seeds(name) {
            for cut in 0..=FEW_CUTS {
                let keep = whole.len() * cut / FEW_CUTS;
                // A file that is cut and written again would be waited for by some file systems.
                let path = folder.path().join(cut.to_string());
                fs::write(&path, &whole[..keep]).unwrap();
                let seen = format.inspect(&path, &mut scratch);
                match format.read(&path, &mut scratch) {
                    // No whole file is refused.
                    Ok(_) => assert!(seen.is_ok(), "{} cut at {keep}", seed.display()),
                    // Only its handler knows; of images, an end that is missing is told.
                    Err(Error::Unsupported { .. }) => {
                        assert!(matches!(seen, Ok(()) | Err(Error::Unsupported { .. })));
                    }
                    Err(_) => assert!(seen.is_err(), "{} cut at {keep}", seed.display()),
                }
                fs::remove_file(&path).unwrap();
            }
        }
    }
}
