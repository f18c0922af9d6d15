//! The bytes of a file, unpacked when they are gzipped, and how far they were read.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;

/// The first two bytes of every gzip member (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How many bytes of all files were read so far, shared with the sources that count.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    read: Rc<Cell<u64>>,
    size: u64,
}

impl Progress {
    pub(super) fn new(size: u64) -> Self {
        Self { read: Rc::default(), size }
    }

    /// Returns the bytes read and the bytes there are.
    pub(super) fn get(&self) -> (u64, u64) {
        (self.read.get(), self.size)
    }
}

/// A file as plain bytes.
pub(super) struct Source(Box<dyn BufRead>);

impl Source {
    pub(super) fn open(path: &Path, progress: &Progress) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let counted = Counted { inner: file, read: Rc::clone(&progress.read) };
        let mut plain = BufReader::with_capacity(1 << 16, counted);
        let head = plain.fill_buf().with_context(|| format!("cannot read {}", path.display()))?;
        if head.starts_with(&GZIP) {
            return Ok(Self(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain)))));
        }
        Ok(Self(Box::new(plain)))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

struct Counted {
    inner: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}
