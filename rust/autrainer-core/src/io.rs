//! Files that appear whole or not at all; every error names the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Distinguishes the temporary files of one process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Write a file through `fill`, so that readers see the old content or the new one, never a part.
///
/// The content goes to a hidden sibling, which is synced to the disk, renamed over `path`, and
/// followed by a sync of the folder. On failure the sibling is removed and `path` is as it was; only
/// where nothing but the last sync fails, the new content stays, and may be lost with the power.
/// A link is followed; the permissions of a file that is replaced are kept.
///
/// # Errors
/// [`Error::Write`] with what the operating system said, [`Error::NotAFile`] for devices and pipes,
/// and whatever `fill` returns.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let failed = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    let (target, permissions) = resolve(path)?;
    let (mut file, sibling) = create_sibling(&target).map_err(failed)?;
    let published = fill(&mut file)
        .and_then(|()| publish(file, permissions, &sibling, &target).map_err(failed));
    if published.is_err() {
        // The first error is the one worth reporting.
        let _ = fs::remove_file(&sibling);
    }
    published
}

/// As [`write_whole`], for who writes files by name: `fill` gets the path of an empty sibling.
///
/// # Errors
/// As [`write_whole`], in the type of the errors of `fill`.
pub fn write_whole_by_name<E: From<Error>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let failed = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    let (target, permissions) = resolve(path)?;
    let (file, sibling) = create_sibling(&target).map_err(failed)?;
    let published = fill(&sibling).and_then(|()| {
        publish(file, permissions, &sibling, &target)
            .map_err(failed)
            .map_err(E::from)
    });
    if published.is_err() {
        // The first error is the one worth reporting.
        let _ = fs::remove_file(&sibling);
    }
    published
}

/// Put a finished sibling in the place of `target`, both of them on the disk before and after.
fn publish(
    file: File,
    permissions: Option<fs::Permissions>,
    sibling: &Path,
    target: &Path,
) -> io::Result<()> {
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(sibling, target)?;
    sync_folder(folder_of(target))
}

/// Write `data` to `path`, whole or not at all.
///
/// # Errors
/// As [`write_whole`].
pub fn write_bytes(path: &Path, data: &[u8]) -> Result<()> {
    write_whole(path, |file| {
        file.write_all(data).map_err(|source| Error::Write {
            path: path.to_path_buf(),
            source,
        })
    })
}

/// Copy the content of `source` to `target`, whole or not at all.
///
/// # Errors
/// [`Error::Read`] where `source` cannot be opened, otherwise as [`write_whole`].
pub fn copy_file(source: &Path, target: &Path) -> Result<()> {
    let unreadable = |error| Error::Read {
        path: source.to_path_buf(),
        source: error,
    };
    let mut input = File::open(source).map_err(unreadable)?;
    if input.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    write_whole(target, |file| {
        io::copy(&mut input, file)
            .map(|_| ())
            .map_err(|error| Error::Write {
                path: target.to_path_buf(),
                source: error,
            })
    })
}

/// Make a folder and those above it, unless they are there. New ones are on the disk afterwards.
///
/// # Errors
/// [`Error::Write`] with what the operating system said.
pub fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = folder_of(path);
    if parent != path {
        make_folder(parent)?;
    }
    let made = match fs::create_dir(path) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent),
    };
    made.map_err(|source| Error::Write {
        path: path.to_path_buf(),
        source,
    })
}

/// Give a folder or file another name in the same folder; it is on the disk afterwards.
///
/// # Errors
/// [`Error::Write`] with what the operating system said, and the new name.
pub fn rename(source: &Path, target: &Path) -> Result<()> {
    fs::rename(source, target)
        .and_then(|()| sync_folder(folder_of(target)))
        .map_err(|source| Error::Write {
            path: target.to_path_buf(),
            source,
        })
}

/// Where the file really goes, and the permissions of the one that is there.
fn resolve(path: &Path) -> Result<(PathBuf, Option<fs::Permissions>)> {
    let Ok(link) = fs::symlink_metadata(path) else {
        return Ok((path.to_path_buf(), None));
    };
    let target = if link.is_symlink() {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
    } else {
        path.to_path_buf()
    };
    match fs::metadata(&target) {
        Ok(found) if found.is_file() => Ok((target, Some(found.permissions()))),
        Ok(found) if found.is_dir() => Err(Error::Write {
            path: path.to_path_buf(),
            source: io::ErrorKind::IsADirectory.into(),
        }),
        Ok(_) => Err(Error::NotAFile {
            path: path.to_path_buf(),
        }),
        Err(_) => Ok((target, None)),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new file beside `path`. Its name does not grow with that of `path`, which may be at the limit.
fn create_sibling(path: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".autrainer-{}-{number}.tmp", std::process::id());
        let sibling = folder_of(path).join(name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&sibling)
        {
            // Left behind by a process of the same number that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, sibling)),
        }
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder, and a folder may be writable but not readable.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
