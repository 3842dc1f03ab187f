//! Chunks of a file that several threads format and one writes, in order.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Buffers for each thread: one that it fills while another is written.
const BUFFERS_PER_THREAD: usize = 2;

/// Write the chunks from 0 on, as `format` appends them to an empty buffer.
///
/// Threads take the next chunk whenever they are free, so one that shares its core with somebody
/// else does not hold up the rest. There are as many buffers as [`BUFFERS_PER_THREAD`] gives, however
/// many chunks there are.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_chunks(
    writer: &mut impl Write,
    num_chunks: usize,
    num_threads: usize,
    format: &(impl Fn(usize, &mut Vec<u8>) + Sync),
) -> io::Result<()> {
    if num_threads > 1 {
        if let Some(written) = write_by_threads(writer, num_chunks, num_threads, format) {
            return written;
        }
    }
    let mut buffer = Vec::new();
    for chunk in 0..num_chunks {
        buffer.clear();
        format(chunk, &mut buffer);
        writer.write_all(&buffer)?;
    }
    Ok(())
}

/// None where the system gives no thread.
fn write_by_threads(
    writer: &mut impl Write,
    num_chunks: usize,
    num_threads: usize,
    format: &(impl Fn(usize, &mut Vec<u8>) + Sync),
) -> Option<io::Result<()>> {
    let (empty, refill) = sync_channel(BUFFERS_PER_THREAD * num_threads);
    let (fill, full) = channel();
    let queue = Queue {
        next: AtomicUsize::new(0),
        num_chunks,
        refill: Mutex::new(refill),
    };
    thread::scope(|scope| {
        let started = (0..num_threads).filter(|_| {
            let (queue, fill) = (&queue, fill.clone());
            let work = move || queue.work(&fill, format);
            thread::Builder::new().spawn_scoped(scope, work).is_ok()
        });
        if started.count() == 0 {
            return None;
        }
        drop(fill);
        for _ in 0..BUFFERS_PER_THREAD * num_threads {
            // There is room for all of them.
            let _ = empty.try_send(Vec::new());
        }
        // Both channels end with this call, and with them the threads, also after an error.
        Some(write_in_order(writer, num_chunks, full, empty))
    })
}

struct Queue {
    next: AtomicUsize,
    num_chunks: usize,
    refill: Mutex<Receiver<Vec<u8>>>,
}

impl Queue {
    fn work(&self, fill: &Sender<Message>, format: &impl Fn(usize, &mut Vec<u8>)) {
        let _notice = PanicNotice(fill);
        // A buffer first: whoever has taken a chunk can finish it, so the writer never waits for
        // one that waits for a buffer.
        while let Some(mut buffer) = self.buffer() {
            let chunk = self.next.fetch_add(1, Ordering::Relaxed);
            if chunk >= self.num_chunks {
                return;
            }
            buffer.clear();
            format(chunk, &mut buffer);
            if fill.send(Some((chunk, buffer))).is_err() {
                return;
            }
        }
    }

    fn buffer(&self) -> Option<Vec<u8>> {
        self.refill.lock().ok()?.recv().ok()
    }
}

/// A chunk, or nothing from a thread that has died.
type Message = Option<(usize, Vec<u8>)>;

/// Tells the writer of a panic, which would else wait for a chunk that never comes.
struct PanicNotice<'a>(&'a Sender<Message>);

impl Drop for PanicNotice<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(None);
        }
    }
}

fn write_in_order(
    writer: &mut impl Write,
    num_chunks: usize,
    full: Receiver<Message>,
    empty: SyncSender<Vec<u8>>,
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    for due in 0..num_chunks {
        let buffer = loop {
            if let Some(buffer) = early.remove(&due) {
                break buffer;
            }
            let message = full.recv().map_err(io::Error::other)?;
            let (chunk, buffer) =
                message.ok_or_else(|| io::Error::other("a thread that formats has panicked"))?;
            early.insert(chunk, buffer);
        };
        writer.write_all(&buffer)?;
        // Nobody waits for a buffer after the last chunk.
        let _ = empty.try_send(buffer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(chunk: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{chunk};").repeat(chunk % 7).as_bytes());
    }

    fn written(num_chunks: usize, num_threads: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write_chunks(&mut out, num_chunks, num_threads, &text).unwrap();
        out
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        for num_chunks in [0, 1, 2, 7, 300] {
            for num_threads in [2, 3, 16] {
                assert_eq!(written(num_chunks, num_threads), written(num_chunks, 1));
            }
        }
    }

    #[test]
    fn no_more_buffers_are_filled_than_there_are() {
        struct Slow<'a>(&'a AtomicUsize, usize);

        impl Write for Slow<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 += 1;
                let ahead = self.0.load(Ordering::SeqCst) - (self.1 - 1);
                assert!(ahead <= BUFFERS_PER_THREAD * 3, "{ahead} chunks at once");
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let formatted = AtomicUsize::new(0);
        let format = |_: usize, out: &mut Vec<u8>| {
            formatted.fetch_add(1, Ordering::SeqCst);
            out.push(b'x');
        };
        write_chunks(&mut Slow(&formatted, 0), 500, 3, &format).unwrap();
        assert_eq!(formatted.load(Ordering::SeqCst), 500);
    }

    #[test]
    fn a_writer_that_fails_ends_the_threads() {
        struct Full(usize);

        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self
                    .0
                    .checked_sub(bytes.len())
                    .ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let failed = write_chunks(&mut Full(1_000), 1_000, 4, &text).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_thread_that_dies_is_an_error_and_no_endless_wait() {
        let result = std::panic::catch_unwind(|| {
            let format = |chunk: usize, out: &mut Vec<u8>| match chunk {
                5 => panic!("on purpose"),
                _ => text(chunk, out),
            };
            write_chunks(&mut io::sink(), 100, 3, &format)
        });
        // The scope passes the panic on after all threads have ended.
        assert!(result.is_err());
    }
}
