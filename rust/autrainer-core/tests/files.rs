//! Files appear whole or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::io::Write;

use autrainer_core::serialize::{
    Array, Column, Floats, Table, TextTable, write_npy, write_results,
};
use autrainer_core::{Error, io};
use proptest::prelude::*;

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_failed_write_leaves_the_old_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    io::write_bytes(&path, b"old").unwrap();
    let failed = io::write_whole(&path, |file| {
        file.write_all(b"ne").unwrap();
        Err(Error::EmptyBatch)
    });
    assert!(matches!(failed, Err(Error::EmptyBatch)));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn a_file_written_by_name_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    io::write_bytes(&path, b"old").unwrap();
    let refused = io::write_whole_by_name(&path, |sibling| {
        std::fs::write(sibling, b"half of the ne").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        Err(Error::EmptyBatch)
    });
    assert!(matches!(refused, Err(Error::EmptyBatch)));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["table.parquet"]);
    io::write_whole_by_name::<Error>(&path, |sibling| {
        std::fs::write(sibling, b"new").unwrap();
        Ok(())
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["table.parquet"]);
}

#[test]
fn every_error_names_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("x");
    assert!(
        matches!(io::write_bytes(&missing, b""), Err(Error::Write { path, .. }) if path == missing)
    );
    assert!(matches!(
        io::write_bytes(folder.path(), b""),
        Err(Error::Write { .. })
    ));
    let target = folder.path().join("y");
    assert!(
        matches!(io::copy_file(&missing, &target), Err(Error::Read { path, .. }) if path == missing)
    );
    assert!(matches!(
        io::copy_file(folder.path(), &target),
        Err(Error::Read { .. })
    ));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn threads_that_write_one_file_leave_one_of_their_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::thread::scope(|scope| {
        for byte in b'a'..b'i' {
            let path = &path;
            scope.spawn(move || io::write_bytes(path, &[byte; 100_000]).unwrap());
        }
    });
    let content = fs::read(&path).unwrap();
    assert!(content.len() == 100_000 && content.iter().all(|&byte| byte == content[0]));
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn an_array_is_its_header_and_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let array = Array {
        dtype: "<f4",
        shape: &[2, 1],
        is_fortran_order: false,
        data: &[1, 2, 3, 4, 5, 6, 7, 8],
    };
    write_npy(&path, &array, true).unwrap();
    let content = fs::read(&path).unwrap();
    assert!(content.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', "));
    assert_eq!(content.len(), 128 + 8);
    assert!(content.ends_with(array.data));
}

fn written(table: &Table<'_>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    write_results(&path, table).unwrap();
    fs::read_to_string(&path).unwrap()
}

proptest! {
    #[test]
    fn floats_read_back_bit_for_bit(values in prop::collection::vec(any::<f32>(), 1..50)) {
        let indices: Vec<i64> = (0..values.len() as i64).collect();
        let text = written(&Table {
            indices: &indices,
            columns: &[("predictions".to_owned(), Column::Integers(&indices))],
            names: &["p".to_owned()],
            probabilities: Floats::F32(&values),
        });
        for (line, value) in text.lines().skip(1).zip(&values) {
            let cell = line.rsplit(',').next().unwrap();
            prop_assert_eq!(cell.parse::<f32>().unwrap().to_bits(), value.to_bits());
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_chunks() {
    let rows = 200_000;
    let indices: Vec<i64> = (0..rows).collect();
    let values: Vec<f64> = indices.iter().map(|&row| row as f64 / 7.0).collect();
    let text = written(&Table {
        indices: &indices,
        columns: &[(
            "predictions".to_owned(),
            Column::Values(Floats::F64(&values)),
        )],
        names: &["p".to_owned()],
        probabilities: Floats::F64(&values),
    });
    let mut lines = text.lines().skip(1);
    for (row, value) in indices.iter().zip(&values) {
        let cells: Vec<&str> = lines.next().unwrap().split(',').collect();
        assert_eq!(cells[0], row.to_string());
        assert_eq!(cells[1].parse::<f64>().unwrap(), *value);
        assert_eq!(cells[2], cells[1]);
    }
    assert!(lines.next().is_none());
}

#[test]
fn columns_of_other_lengths_and_codes_without_labels_are_refused() {
    let labels = ["a".to_owned()];
    let table = |codes: &'static [i64], values: &'static [f32]| {
        let column = Column::Labels {
            codes,
            labels: &labels,
        };
        let table = Table {
            indices: &[0, 1],
            columns: &[("predictions".to_owned(), column)],
            names: &labels,
            probabilities: Floats::F32(values),
        };
        write_results(std::path::Path::new("/nowhere/at/all"), &table).unwrap_err()
    };
    assert!(matches!(
        table(&[0], &[0.0, 0.0]),
        Error::Length {
            argument: "codes",
            ..
        }
    ));
    assert!(matches!(
        table(&[0, 0], &[0.0]),
        Error::Length {
            argument: "probabilities",
            ..
        }
    ));
    assert!(matches!(
        table(&[0, 1], &[0.0, 0.0]),
        Error::LabelCode {
            row: 1,
            code: 1,
            ..
        }
    ));
}

#[test]
fn texts_are_picked_by_their_position_and_quoted_where_needed() {
    let texts = TextTable {
        data: "aü,bc\"d".as_bytes(),
        offsets: &[0, 1, 5, 8],
    };
    let picked = |codes| Column::CodedTexts { codes, texts };
    let table = Table {
        indices: &[7, 8, 9],
        columns: &[
            ("first".to_owned(), picked(&[2, 0, 1])),
            ("a,b".to_owned(), picked(&[0, 0, 0])),
        ],
        names: &[],
        probabilities: Floats::F32(&[]),
    };
    assert_eq!(
        written(&table),
        "index,first,\"a,b\"\n7,\"c\"\"d\",a\n8,a,a\n9,\"ü,b\",a\n"
    );
}

#[test]
fn a_text_that_is_not_there_is_refused_and_offsets_that_lie_end_in_empty_cells() {
    let refused = |codes: &'static [i64], offsets: &'static [i64]| {
        let texts = TextTable {
            data: b"ab",
            offsets,
        };
        let table = Table {
            indices: &[0],
            columns: &[("file".to_owned(), Column::CodedTexts { codes, texts })],
            names: &[],
            probabilities: Floats::F32(&[]),
        };
        let folder = tempfile::tempdir().unwrap();
        write_results(&folder.path().join("r.csv"), &table).err()
    };
    for (codes, offsets) in [
        (&[2], &[0, 1, 2][..]),
        (&[-1], &[0, 2]),
        (&[0], &[]),
        (&[0], &[0]),
    ] {
        assert!(matches!(
            refused(codes, offsets),
            Some(Error::LabelCode { row: 0, .. })
        ));
    }
    for offsets in [&[0, 3][..], &[2, 1], &[-1, 1], &[0, i64::MAX]] {
        assert!(refused(&[0], offsets).is_none());
    }
}

#[cfg(unix)]
mod on_unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &std::path::Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, b"precious").unwrap();
        for leads_to in ["outside", "nowhere"] {
            let path = folder.path().join("x");
            let _ = fs::remove_file(&path);
            symlink(leads_to, &path).unwrap();
            io::write_bytes(&path, b"new").unwrap();
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
        assert_eq!(names(folder.path()), ["outside", "x"]);
    }

    #[test]
    fn the_permissions_of_a_replaced_file_hold_before_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (kept, meanwhile) in [(0o600, 0o600), (0o440, 0o640), (0o664, 0o664)] {
            let _ = fs::remove_file(&path);
            fs::write(&path, b"old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
            io::write_whole(&path, |file| {
                let found = file.metadata().unwrap().permissions().mode() & 0o7777;
                assert_eq!(found, meanwhile);
                Ok(())
            })
            .unwrap();
            assert_eq!(mode(&path), kept);
        }
    }

    #[test]
    fn a_copy_gives_nobody_more_than_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("x"), folder.path().join("y"));
        fs::write(&source, b"secret").unwrap();
        fs::set_permissions(&source, fs::Permissions::from_mode(0o400)).unwrap();
        io::copy_file(&source, &target).unwrap();
        assert_eq!(mode(&target), 0o600);
        assert_eq!(fs::read(&target).unwrap(), b"secret");
    }

    #[test]
    fn links_and_devices_are_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("x"), folder.path().join("y"));
        fs::write(folder.path().join("outside"), b"secret").unwrap();
        symlink("outside", &source).unwrap();
        assert!(matches!(
            io::copy_file(&source, &target),
            Err(Error::Corrupt { path, found, .. }) if path == source && found == "a link"
        ));
        assert!(matches!(
            io::copy_file(std::path::Path::new("/dev/zero"), &target),
            Err(Error::Corrupt { .. })
        ));
        assert_eq!(names(folder.path()), ["outside", "x"]);
    }
}
