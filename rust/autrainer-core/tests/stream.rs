//! Files read by threads: what a batch gives depends on the files alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use autrainer_core::stream::{
    Decode, Files, Outcome, Paths, Reader, Row, checked_rows, rows_per_unit,
};
use autrainer_core::{Error, Result};
use proptest::prelude::*;
use tempfile::TempDir;

/// The bytes of a file as they are; its length is its layout.
#[derive(Default)]
struct Raw {
    gate: Option<Arc<Gate>>,
    num_read: AtomicUsize,
}

/// Holds decoders up until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    num_waiting: AtomicUsize,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.num_waiting.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }
}

impl Raw {
    fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        if let Some(gate) = &self.gate {
            gate.pass();
        }
        self.num_read.fetch_add(1, Ordering::SeqCst);
        let bytes = fs::read(path).map_err(|source| Error::Read {
            path: path.to_path_buf(),
            source,
        })?;
        assert!(bytes != b"panic", "as a decoder with a bug would");
        if bytes == b"other" {
            return Err(Error::Unsupported {
                path: path.to_path_buf(),
                found: "another format".to_owned(),
            });
        }
        Ok(bytes)
    }
}

impl Decode for Raw {
    type Layout = usize;
    type Scratch = ();

    fn layout(&self, path: &Path, _: &mut ()) -> Result<usize> {
        self.bytes(path).map(|bytes| bytes.len())
    }

    fn read_into(
        &self,
        path: &Path,
        _: u64,
        _: &mut (),
        expected: &usize,
        out: &mut [u8],
    ) -> Result<()> {
        let bytes = self.bytes(path)?;
        if bytes.len() != *expected {
            return Err(Error::Length {
                argument: "file",
                expected: *expected,
                found: bytes.len(),
            });
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }

    fn read(&self, path: &Path, _: u64, (): &mut ()) -> Result<(usize, Vec<u8>)> {
        self.bytes(path).map(|bytes| (bytes.len(), bytes))
    }

    fn has_nonfinite(&self, _: &usize, sample: &[u8], (): &()) -> bool {
        sample.first() == Some(&b'n')
    }
}

struct Folder {
    _dir: TempDir,
    paths: Vec<PathBuf>,
}

impl Folder {
    fn of(contents: &[&[u8]]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..contents.len())
            .map(|number| dir.path().join(number.to_string()))
            .collect();
        for (path, content) in paths.iter().zip(contents) {
            fs::write(path, content).unwrap();
        }
        Self { _dir: dir, paths }
    }

    fn reader(&self, decoder: Raw, num_threads: usize) -> Reader<Raw, Vec<u8>> {
        let files = Files {
            paths: self.paths.iter().collect::<Paths>(),
            decoder,
            check_finite: true,
        };
        Reader::new(Arc::new(files), num_threads)
    }
}

/// Files of which nothing is drawn.
fn of(rows: &[usize]) -> Vec<Row> {
    rows.iter().copied().map(Row::from).collect()
}

/// Zeros for `num_rows` samples, in pieces for `per_piece` of them.
fn memory(num_rows: usize, per_piece: usize, sample_bytes: usize) -> Vec<Vec<u8>> {
    let rows: Vec<usize> = (0..num_rows).collect();
    rows.chunks(per_piece)
        .map(|rows| vec![0; rows.len() * sample_bytes])
        .collect()
}

/// Queue files of three bytes each.
fn submit(reader: &Reader<Raw, Vec<u8>>, rows: &[usize]) {
    let memory = memory(rows.len(), 1, 3);
    reader.submit(&of(rows), 3, 1, memory).unwrap();
}

proptest! {
    #[test]
    fn bytes_and_order_do_not_depend_on_threads_units_or_depth(
        rows in prop::collection::vec(prop::collection::vec(0usize..20, 0..40), 0..8),
        num_threads in 0usize..5,
        per_piece in 1usize..20,
        depth in 1usize..5,
        caller_decodes in any::<bool>(),
    ) {
        let contents: Vec<Vec<u8>> = (0..20u8).map(|number| vec![number; 7]).collect();
        let folder = Folder::of(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let reader = folder.reader(Raw::default(), num_threads);
        let mut waiting = rows.iter();
        for (number, batch) in rows.iter().enumerate() {
            while let Some(next) = waiting.as_slice().first() {
                if rows.len() - waiting.len() >= number + depth {
                    break;
                }
                waiting.next();
                let memory = memory(next.len(), per_piece, 7);
                reader.submit(&of(next), 7, per_piece, memory).unwrap();
            }
            let found = reader.wait(None, caller_decodes).unwrap().unwrap();
            prop_assert!(found.result.is_ok());
            let expected: Vec<&[u8]> = batch.iter().map(|&row| contents[row].as_slice()).collect();
            prop_assert_eq!(found.memory.concat(), expected.concat());
        }
        prop_assert!(matches!(reader.wait(None, caller_decodes), Err(Error::NothingSubmitted)));
    }

    #[test]
    fn files_of_any_lengths_are_read_in_order(
        rows in prop::collection::vec(0usize..20, 0..40),
    ) {
        let contents: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; usize::from(n)]).collect();
        let folder = Folder::of(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (samples, _) = folder.reader(Raw::default(), 2).read_each(&of(&rows)).unwrap();
        let expected = rows.iter().map(|&row| Some((row, contents[row].clone())));
        prop_assert_eq!(samples, expected.collect::<Vec<_>>());
    }
}

#[test]
fn reading_in_line_gives_the_same() {
    let folder = Folder::of(&[b"abc", b"def", b"ghi"]);
    let reader = folder.reader(Raw::default(), 2);
    let batch = reader.read_into(&of(&[2, 0]), 3, vec![0; 6]);
    assert_eq!(batch.memory, [b"ghiabc"]);
    assert!(batch.result.is_ok());
    let (samples, _) = reader.read_each(&of(&[1])).unwrap();
    assert_eq!(samples, [Some((3, b"def".to_vec()))]);
}

#[test]
fn the_first_file_that_fails_is_the_one_that_is_named() {
    let mut contents = vec![b"abc".as_slice(); 64];
    contents[37] = b"ab";
    contents[21] = b"abcd";
    contents[60] = b"panic";
    let folder = Folder::of(&contents);
    let rows: Vec<usize> = (0..64).collect();
    for num_threads in 0..4 {
        for caller_decodes in [true, false].repeat(10) {
            let reader = folder.reader(Raw::default(), num_threads);
            submit(&reader, &rows);
            let error = reader
                .wait(None, caller_decodes)
                .unwrap()
                .unwrap()
                .result
                .unwrap_err();
            assert!(matches!(error, Error::Length { found: 4, .. }), "{error}");
        }
    }
}

#[test]
fn damage_is_found_in_all_files_at_once_by_any_number_of_threads() {
    let mut contents = vec![b"abc".as_slice(); 200];
    contents[3] = b"other";
    contents[150] = b"panic";
    let folder = Folder::of(&contents);
    let mut paths = folder.paths.clone();
    paths[77] = PathBuf::from("missing");
    let files = Files {
        paths: paths.iter().collect::<Paths>(),
        decoder: Raw::default(),
        check_finite: false,
    };
    let rows: Vec<usize> = (0..200).rev().collect();
    for num_threads in [0, 1, 2, 5, 100] {
        let found = files.inspect(&rows, num_threads);
        let positions: Vec<usize> = found.iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, [49, 122, 196]);
        assert!(matches!(&found[0].1, Error::DecoderPanic { .. }));
        assert!(matches!(&found[1].1, Error::Read { path, .. } if path.ends_with("missing")));
        assert!(matches!(&found[2].1, Error::Unsupported { .. }));
    }
    assert!(files.inspect(&[], 4).is_empty());
}

#[test]
fn a_panic_of_a_decoder_is_told_by_its_file_and_its_words_and_later_batches_survive_it() {
    let folder = Folder::of(&[b"abc", b"panic", b"other", b"nan"]);
    let reader = folder.reader(Raw::default(), 2);
    let is_told = |error: &Error| {
        matches!(error, Error::DecoderPanic { path, message }
            if path.ends_with("1") && message == "as a decoder with a bug would")
            && error
                .to_string()
                .contains("this is a bug of autrainer, please report it")
    };
    submit(&reader, &[0, 1]);
    submit(&reader, &[3, 0, 2]);
    let batch = reader.wait(None, true).unwrap().unwrap();
    assert!(is_told(&batch.result.unwrap_err()));
    assert_eq!(batch.memory.len(), 2);
    let batch = reader.wait(None, true).unwrap().unwrap();
    let outcome = Outcome {
        busy: Duration::ZERO,
        ..batch.result.unwrap()
    };
    assert_eq!(outcome.unsupported, [2]);
    assert_eq!(outcome.nonfinite, [0]);
    let in_line = reader.read_into(&of(&[1]), 3, vec![0; 3]);
    assert!(is_told(&in_line.result.unwrap_err()));
    assert!(is_told(&reader.read_each(&of(&[0, 1])).unwrap_err()));
}

#[test]
fn what_is_not_supported_has_its_place_among_samples_of_any_length() {
    let folder = Folder::of(&[b"abc", b"other", b"nanny"]);
    let reader = folder.reader(Raw::default(), 0);
    let (samples, outcome) = reader.read_each(&of(&[1, 0, 1, 2, 1])).unwrap();
    let lengths: Vec<_> = samples.iter().map(|s| s.as_ref().map(|s| s.0)).collect();
    assert_eq!(lengths, [None, Some(3), None, Some(5), None]);
    assert_eq!(outcome.unsupported, [0, 2, 4]);
    assert_eq!(outcome.nonfinite, [3]);
}

#[test]
fn waiting_for_nothing_is_refused_and_waiting_ends_in_time() {
    let folder = Folder::of(&[b"abc"]);
    let gate = Arc::new(Gate::default());
    let decoder = Raw {
        gate: Some(Arc::clone(&gate)),
        ..Raw::default()
    };
    let reader = folder.reader(decoder, 1);
    assert!(matches!(
        reader.wait(None, true),
        Err(Error::NothingSubmitted)
    ));
    submit(&reader, &[0]);
    while gate.num_waiting.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert!(
        reader
            .wait(Some(Duration::from_millis(5)), false)
            .unwrap()
            .is_none()
    );
    gate.open();
    assert!(reader.wait(None, true).unwrap().is_some());
}

#[test]
fn a_cancelled_reader_gives_all_memory_back_and_goes_on() {
    let folder = Folder::of(&[b"abc", b"def"]);
    let gate = Arc::new(Gate::default());
    let decoder = Raw {
        gate: Some(Arc::clone(&gate)),
        ..Raw::default()
    };
    let reader = folder.reader(decoder, 2);
    for _ in 0..3 {
        let rows = [0, 1, 0, 1];
        reader.submit(&of(&rows), 3, 2, memory(4, 2, 3)).unwrap();
    }
    while gate.num_waiting.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    let given_back = std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| reader.cancel());
        while !cancelled.is_finished() {
            gate.open();
            std::thread::yield_now();
        }
        cancelled.join().unwrap()
    });
    assert_eq!(given_back.len(), 6);
    submit(&reader, &[1]);
    let batch = reader.wait(None, true).unwrap().unwrap();
    assert_eq!(batch.memory, [b"def"]);
}

#[test]
fn a_reader_that_is_dropped_half_way_reads_no_further() {
    let folder = Folder::of(&[b"abc".as_slice(); 8]);
    let gate = Arc::new(Gate::default());
    let decoder = Raw {
        gate: Some(Arc::clone(&gate)),
        ..Raw::default()
    };
    let files = Arc::new(Files {
        paths: folder.paths.iter().collect(),
        decoder,
        check_finite: false,
    });
    let reader: Reader<Raw, Vec<u8>> = Reader::new(Arc::clone(&files), 2);
    for _ in 0..100 {
        submit(&reader, &[0, 1, 2, 3, 4, 5, 6, 7]);
    }
    while gate.num_waiting.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        let dropped = scope.spawn(move || drop(reader));
        // The queue is emptied before the two that are at work are waited for.
        std::thread::sleep(Duration::from_millis(20));
        gate.open();
        dropped.join().unwrap();
    });
    assert!(files.decoder.num_read.load(Ordering::SeqCst) < 100);
    assert_eq!(Arc::strong_count(&files), 1);
}

#[test]
fn memory_has_to_fit_the_rows() {
    let folder = Folder::of(&[b"abc"]);
    let reader = folder.reader(Raw::default(), 0);
    assert!(
        reader
            .submit(&of(&[0, 0, 0]), 3, 2, memory(2, 2, 3))
            .is_err()
    );
    assert!(matches!(
        reader.wait(None, true),
        Err(Error::NothingSubmitted)
    ));
}

#[test]
fn rows_that_are_not_there_are_named() {
    assert_eq!(checked_rows(&[2, 0], 3).unwrap(), [2, 0]);
    for (rows, at) in [([0, 3], 1), ([-1, 0], 0)] {
        let error = checked_rows(&rows, 3).unwrap_err();
        assert!(matches!(error, Error::RowIndex { position, num_rows: 3, .. } if position == at));
    }
    let folder = Folder::of(&[b"abc"]);
    let read = folder.reader(Raw::default(), 0).read_each(&of(&[1]));
    assert!(matches!(read, Err(Error::RowIndex { index: 1, .. })));
}

#[test]
fn units_are_neither_large_nor_few() {
    assert_eq!(rows_per_unit(32, 128 << 10, 2), 2);
    assert_eq!(rows_per_unit(32, 352, 2), 16);
    assert_eq!(rows_per_unit(8, 352, 2), 4);
    assert_eq!(rows_per_unit(8, 352, 0), 8);
    assert_eq!(rows_per_unit(32, 1 << 30, 2), 1);
    assert_eq!(rows_per_unit(0, 0, 1), 1);
}
