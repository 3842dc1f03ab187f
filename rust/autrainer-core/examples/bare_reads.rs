//! The fastest loop over files: open, read into a buffer that is used again, close.
//!
//! `benches/python/test_stream.py` runs it beside ours. Paths come from the file that the first
//! argument names, one in each line, and are shared out among as many threads as the second one
//! says. Each line on standard input asks for one pass; its end is answered by the bytes read.

#![expect(
    clippy::print_stdout,
    reason = "a program that answers on standard output"
)]

use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::thread;

fn pass(paths: &[&str], num_threads: usize) -> io::Result<usize> {
    let share = paths.len().div_ceil(num_threads).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = paths
            .chunks(share)
            .map(|paths| scope.spawn(|| read(paths)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
            })
            .sum()
    })
}

fn read(paths: &[&str]) -> io::Result<usize> {
    let mut buffer = vec![0; 1 << 20];
    let mut num_bytes = 0;
    for path in paths {
        num_bytes += File::open(Path::new(path))?.read(&mut buffer)?;
    }
    Ok(num_bytes)
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, list, num_threads] = arguments.as_slice() else {
        return Err(io::Error::other("usage: bare_reads LIST NUM_THREADS"));
    };
    let list = fs::read_to_string(list)?;
    let paths: Vec<&str> = list.lines().collect();
    let num_threads = num_threads.parse().map_err(io::Error::other)?;
    for line in io::stdin().lock().lines() {
        line?;
        println!("{}", pass(&paths, num_threads)?);
    }
    Ok(())
}
