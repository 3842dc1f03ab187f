//! What holds for any bytes that are taken for a file; shared by the fuzz targets and the tests.

#![allow(dead_code, reason = "each fuzz target uses one of the formats")]

use std::cell::Cell;
use std::io::Cursor;
use std::path::Path;

use autrainer_core::Error;
use autrainer_core::audio::{AudioOptions, Span};
use autrainer_core::decode::{DType, Format, Layout, Scratch, first_nonfinite};

thread_local! {
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// An array takes no more memory than its file.
pub fn npy(data: &[u8]) {
    check(&Format::Npy, data, 1);
}

/// A rate that sound is brought to.
const TARGET_HZ: u32 = 16_000;

/// Larger results of another rate are not computed: most are silence.
const COMPUTED_BYTES: usize = 1 << 16;

/// A part is that part of the whole, where checksums or none stand for what is read.
pub fn audio(data: &[u8]) {
    let options = |first, count| {
        Format::Audio(AudioOptions {
            span: Span::Frames { first, count },
            ..AudioOptions::default()
        })
    };
    // A sample of WAV becomes four bytes, and had at least one; silence elsewhere has fewer.
    let most = if data.starts_with(b"RI") || data.starts_with(b"RF") {
        4
    } else {
        8192
    };
    let whole = check(&options(0, None), data, most);
    let part = check(&options(100, Some(700)), data, most);
    resampled(data, most);
    let Some((layout, bytes)) = whole else {
        return;
    };
    let &[num_channels, num_frames] = layout.shape.as_slice() else {
        panic!("a sound of shape {layout}");
    };
    let expected = num_frames.saturating_sub(100).min(700);
    let Some((part_layout, part_bytes)) = part else {
        assert!(num_frames < 100, "a whole without a part");
        return;
    };
    assert_eq!(part_layout.shape, [num_channels, expected]);
    let rows = bytes.chunks_exact(num_frames * 4);
    let part_rows = part_bytes.chunks_exact(expected.max(1) * 4);
    if !is_mp3(data) {
        for (row, part_row) in rows.zip(part_rows) {
            assert_eq!(row.get(400..400 + expected * 4), Some(part_row));
        }
    }
}

/// Whatever rate a file claims, another one makes it at most 64 times as large.
fn resampled(data: &[u8], most: usize) {
    let format = Format::Audio(AudioOptions {
        sample_rate_hz: Some(TARGET_HZ),
        ..AudioOptions::default()
    });
    let path = Path::new("file");
    let mut scratch = Scratch::default();
    let Ok(info) = Format::audio_info_of(path, Cursor::new(data), &mut scratch) else {
        return;
    };
    // Others grow little, and to resample them all takes most of the time of a test.
    if info.sample_rate_hz >= TARGET_HZ / 4 {
        return;
    }
    let opened = format.open_input(path, Cursor::new(data), &mut scratch);
    if let Ok(Some(size)) = opened.map(|opened| opened.layout().num_bytes()) {
        assert!(size <= data.len().saturating_mul(64 * most));
        if size <= COMPUTED_BYTES {
            check(&format, data, 64 * most);
        }
    }
}

/// Frames of MP3 have no checksum: what a damaged one leaves behind depends on those before it.
fn is_mp3(data: &[u8]) -> bool {
    data.starts_with(b"ID3") || data.first() == Some(&0xff)
}

/// A pixel of one bit in PNG becomes four bytes, after a compression by 1032.
pub fn image(data: &[u8]) {
    check(&Format::Image, data, 1032 * 8 * 4);
}

/// Decode in every way; returns what the file holds.
fn check(format: &Format, data: &[u8], most: usize) -> Option<(Layout, Vec<u8>)> {
    // One memory for all files, as in a thread of a loader.
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let found = decode(format, data, most, &mut scratch);
    SCRATCH.set(Some(scratch));
    found
}

fn decode(
    format: &Format,
    data: &[u8],
    most: usize,
    scratch: &mut Scratch,
) -> Option<(Layout, Vec<u8>)> {
    let path = Path::new("file");
    let opened = match format.open_input(path, Cursor::new(data), scratch) {
        Ok(opened) => opened,
        Err(error) => {
            check_error(&error);
            let any = Layout {
                dtype: DType::U8,
                shape: vec![1],
            };
            let into = format.read_input_into(path, Cursor::new(data), scratch, &any, &mut [0]);
            check_error(&into.expect_err("what cannot be opened cannot be read"));
            return None;
        }
    };
    let layout = opened.layout().clone();
    let size = layout.num_bytes().expect("a layout that can be in memory");
    assert!(
        size <= data.len().saturating_mul(most),
        "{layout} from {} bytes",
        data.len()
    );
    let read = opened.read();
    // Twice: the second time with the header of the first one known.
    for _ in 0..2 {
        let mut out = vec![1; size];
        let into = format.read_input_into(path, Cursor::new(data), scratch, &layout, &mut out);
        match (&read, into) {
            (Ok(bytes), Ok(())) => assert!(*bytes == out, "two ways, two results"),
            (Err(first), Err(second)) => {
                check_error(first);
                assert_eq!(first.to_string(), second.to_string());
            }
            (read, into) => panic!("two ways, two ends: {read:?} and {into:?}"),
        }
    }
    let bytes = read.ok()?;
    first_nonfinite(layout.dtype, &bytes);
    Some((layout, bytes))
}

/// The errors that a file in memory can be the cause of, all of which name it.
fn check_error(error: &Error) {
    assert!(matches!(
        error,
        Error::Corrupt { .. } | Error::Unsupported { .. } | Error::SampleLayout { .. }
    ));
    assert!(error.to_string().starts_with("file: "), "{error}");
}
