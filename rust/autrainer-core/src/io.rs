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
/// A link is replaced, and what it leads to stays as it is; the permissions of a file that is
/// replaced are kept, and hold before the first byte is written.
///
/// # Errors
/// [`Error::Write`] with what the operating system said, [`Error::NotAFile`] for devices and pipes,
/// and whatever `fill` returns.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    write_limited(path, None, fill)
}

/// As [`write_whole`], without waiting for the disk: for who syncs many files later, at once.
///
/// The name leads to the old content or the new one whatever becomes of the process; only where the
/// power is lost before that sync, the file may be empty.
///
/// # Errors
/// As [`write_whole`].
pub fn write_whole_unsynced(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let mut sibling = Sibling::create(path, None)?;
    sibling.syncs = false;
    let filled = fill(&mut sibling.file);
    sibling.end(filled, path)
}

/// As [`write_whole`], for who writes files by name: `fill` gets the path of an empty sibling.
///
/// # Errors
/// As [`write_whole`], in the type of the errors of `fill`.
pub fn write_whole_by_name<E: From<Error>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let sibling = Sibling::create(path, None)?;
    let filled = fill(&sibling.path);
    sibling.end(filled, path)
}

/// As [`write_whole`], with no more permissions than `limit` for anybody but the owner.
fn write_limited(
    path: &Path,
    limit: Option<&fs::Permissions>,
    fill: impl FnOnce(&mut File) -> Result<()>,
) -> Result<()> {
    let mut sibling = Sibling::create(path, limit)?;
    let filled = fill(&mut sibling.file);
    sibling.end(filled, path)
}

/// A new file that will take the place of another one.
struct Sibling {
    file: File,
    path: PathBuf,
    /// What the finished file gets if its owner, who writes to it by name too, may do less then.
    permissions: Option<fs::Permissions>,
    /// Whether the disk is waited for.
    syncs: bool,
}

impl Sibling {
    fn create(target: &Path, limit: Option<&fs::Permissions>) -> Result<Self> {
        let failed = |source| Error::Write {
            path: target.to_path_buf(),
            source,
        };
        let replaced = permissions_of(target)?;
        let (file, path) = create_sibling(target).map_err(failed)?;
        let permitted = file.metadata().and_then(|made| {
            let (first, last) = permitted(&made.permissions(), replaced, limit);
            if let Some(first) = first {
                file.set_permissions(first)?;
            }
            Ok(last)
        });
        match permitted {
            Ok(permissions) => Ok(Self {
                file,
                path,
                permissions,
                syncs: true,
            }),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(failed(error))
            }
        }
    }

    /// Put it in the place of `target` if it was filled; otherwise remove it.
    fn end<E: From<Error>>(
        self,
        filled: std::result::Result<(), E>,
        target: &Path,
    ) -> std::result::Result<(), E> {
        let path = self.path.clone();
        let published = filled.and_then(|()| {
            self.publish(target).map_err(|source| {
                E::from(Error::Write {
                    path: target.to_path_buf(),
                    source,
                })
            })
        });
        if published.is_err() {
            // The first error is the one worth reporting.
            let _ = fs::remove_file(path);
        }
        published
    }

    /// Put it in the place of `target`; if it syncs, both of them are on the disk before and after.
    fn publish(self, target: &Path) -> io::Result<()> {
        if let Some(permissions) = self.permissions {
            self.file.set_permissions(permissions)?;
        }
        if self.syncs {
            self.file.sync_all()?;
        }
        drop(self.file);
        fs::rename(self.path, target)?;
        if self.syncs {
            sync_folder(folder_of(target))?;
        }
        Ok(())
    }
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
/// A link is not followed: what lies behind it may be nothing that the owner of `target` wants to
/// hand on. For the same reason nobody else may do more with the copy than with `source`.
///
/// # Errors
/// [`Error::Read`] where `source` cannot be opened, [`Error::Corrupt`] where it is a link, a pipe or
/// a device, otherwise as [`write_whole`].
pub fn copy_file(source: &Path, target: &Path) -> Result<()> {
    let unreadable = |error| Error::Read {
        path: source.to_path_buf(),
        source: error,
    };
    let not_a_file = |found: &str| Error::Corrupt {
        path: source.to_path_buf(),
        expected: "a file".to_owned(),
        found: found.to_owned(),
    };
    let found = fs::symlink_metadata(source).map_err(unreadable)?;
    if found.is_symlink() {
        return Err(not_a_file("a link"));
    }
    let mut input = open_without_waiting(source).map_err(unreadable)?;
    let found = input.metadata().map_err(unreadable)?;
    if found.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if !found.is_file() {
        return Err(not_a_file("a pipe, a socket or a device"));
    }
    write_limited(target, Some(&found.permissions()), |file| {
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

/// The permissions of the file that is to be replaced; none where there is none, or a link.
fn permissions_of(path: &Path) -> Result<Option<fs::Permissions>> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(None);
    };
    if found.is_symlink() {
        Ok(None)
    } else if found.is_file() {
        Ok(Some(found.permissions()))
    } else if found.is_dir() {
        Err(Error::Write {
            path: path.to_path_buf(),
            source: io::ErrorKind::IsADirectory.into(),
        })
    } else {
        Err(Error::NotAFile {
            path: path.to_path_buf(),
        })
    }
}

/// What to change of the permissions with which a file was made: at once, and when it is finished.
#[cfg(unix)]
fn permitted(
    made: &fs::Permissions,
    replaced: Option<fs::Permissions>,
    limit: Option<&fs::Permissions>,
) -> (Option<fs::Permissions>, Option<fs::Permissions>) {
    use std::os::unix::fs::PermissionsExt;

    const OF_ALL: u32 = 0o7777;
    const OF_OWNER: u32 = 0o600;
    let made = made.mode() & OF_ALL;
    let last = replaced.map_or(made, |replaced| replaced.mode() & OF_ALL);
    let last = limit.map_or(last, |limit| last & (limit.mode() | OF_OWNER));
    let first = last | OF_OWNER;
    let changed = |from: u32, to: u32| (from != to).then(|| fs::Permissions::from_mode(to));
    (changed(made, first), changed(first, last))
}

#[cfg(not(unix))]
fn permitted(
    _made: &fs::Permissions,
    replaced: Option<fs::Permissions>,
    _limit: Option<&fs::Permissions>,
) -> (Option<fs::Permissions>, Option<fs::Permissions>) {
    (None, replaced)
}

/// A link that was put in the place of the file since it was looked at is not followed either.
#[cfg(unix)]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
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
