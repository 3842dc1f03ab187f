//! Which memory is being read and written at the moment, by address.
//!
//! One piece of memory may have several readers or one writer, whoever its arrays belong to. What
//! rust-numpy knows of borrowed arrays does not tell that: it compares the owners of arrays first,
//! and torch gives every tensor an owner of its own, however many lie in one memory.

use std::ops::Range;
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// Addresses of bytes.
pub(crate) type Bytes = Range<usize>;

/// Everything that is claimed. Locked for a moment only, and by whoever holds the GIL: whoever
/// forks finds it free.
static CLAIMED: Mutex<Claimed> = Mutex::new(Claimed {
    reading: Slots::new(),
    writing: Slots::new(),
});

struct Claimed {
    reading: Slots,
    writing: Slots,
}

/// Claims by number; numbers are given again.
struct Slots {
    claims: Vec<Option<Entry>>,
    free: Vec<usize>,
}

struct Entry {
    argument: &'static str,
    memory: Memory,
}

enum Memory {
    One(Bytes),
    Many(Vec<Bytes>),
}

/// The right to read some memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct ReadClaim(usize);

/// The right to write to some memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct WriteClaim(usize);

impl ReadClaim {
    /// Claim the memory of one array.
    pub(crate) fn of(bytes: Bytes, argument: &'static str) -> Result<Self> {
        Self::claim(Memory::One(bytes), argument)
    }

    /// Claim the memory of several arrays, which may overlap.
    pub(crate) fn of_all(bytes: Vec<Bytes>, argument: &'static str) -> Result<Self> {
        Self::claim(Memory::Many(bytes), argument)
    }

    fn claim(memory: Memory, argument: &'static str) -> Result<Self> {
        let mut claimed = lock();
        match claimed.writing.conflict(&memory) {
            Some(writer) => Err(Error::MemoryInUse {
                argument,
                other: writer,
                is_written: true,
            }),
            None => Ok(Self(claimed.reading.add(argument, memory))),
        }
    }
}

impl WriteClaim {
    pub(crate) fn of(bytes: Bytes, argument: &'static str) -> Result<Self> {
        let mut claimed = lock();
        let memory = Memory::One(bytes);
        for (slots, is_written) in [(&claimed.writing, true), (&claimed.reading, false)] {
            if let Some(other) = slots.conflict(&memory) {
                return Err(Error::MemoryInUse {
                    argument,
                    other,
                    is_written,
                });
            }
        }
        Ok(Self(claimed.writing.add(argument, memory)))
    }
}

impl Drop for ReadClaim {
    fn drop(&mut self) {
        lock().reading.remove(self.0);
    }
}

impl Drop for WriteClaim {
    fn drop(&mut self) {
        lock().writing.remove(self.0);
    }
}

impl Slots {
    const fn new() -> Self {
        Self {
            claims: Vec::new(),
            free: Vec::new(),
        }
    }

    /// The argument that a claim was made for which has bytes in common with `memory`.
    fn conflict(&self, memory: &Memory) -> Option<&'static str> {
        let conflicts = |entry: &&Entry| {
            let mut ranges = entry.memory.ranges().iter();
            ranges.any(|a| memory.ranges().iter().any(|b| overlap(a, b)))
        };
        let mut entries = self.claims.iter().flatten();
        entries.find(conflicts).map(|entry| entry.argument)
    }

    fn add(&mut self, argument: &'static str, memory: Memory) -> usize {
        let entry = Some(Entry { argument, memory });
        if let Some(number) = self.free.pop() {
            if let Some(slot) = self.claims.get_mut(number) {
                *slot = entry;
                return number;
            }
        }
        self.claims.push(entry);
        self.claims.len() - 1
    }

    fn remove(&mut self, number: usize) {
        if let Some(slot) = self.claims.get_mut(number) {
            *slot = None;
            self.free.push(number);
        }
    }
}

impl Memory {
    fn ranges(&self) -> &[Bytes] {
        match self {
            Self::One(range) => slice::from_ref(range),
            Self::Many(ranges) => ranges,
        }
    }
}

fn overlap(a: &Bytes, b: &Bytes) -> bool {
    !a.is_empty() && !b.is_empty() && a.start < b.end && b.start < a.end
}

fn lock() -> MutexGuard<'static, Claimed> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}
