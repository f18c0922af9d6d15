//! A set of cells as a bitmap: it has no order to leak and one length for every content.

/// A set of cells `0..cells`, kept as a bitmap, lowest cell in the lowest bit of the first byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subset {
    cells: u16,
    bits: Vec<u8>,
}

impl Subset {
    /// Makes the empty set over `cells` cells.
    #[must_use]
    pub fn empty(cells: u16) -> Self {
        Self { cells, bits: vec![0; Self::bytes_for(cells)] }
    }

    /// Reads a bitmap of exactly the length `cells` needs, whose unused bits are 0.
    #[must_use]
    pub fn from_bits(cells: u16, bits: &[u8]) -> Option<Self> {
        let spare = Self::bytes_for(cells) * 8 - usize::from(cells);
        let unused_are_zero = spare == 0 || bits.last().is_some_and(|last| last >> (8 - spare) == 0);
        (bits.len() == Self::bytes_for(cells) && unused_are_zero).then(|| Self { cells, bits: bits.to_vec() })
    }

    /// Returns how many bytes the bitmap of `cells` cells takes.
    #[must_use]
    pub fn bytes_for(cells: u16) -> usize {
        usize::from(cells).div_ceil(8)
    }

    /// Adds `cell`; a cell outside the set's range changes nothing.
    pub fn insert(&mut self, cell: u16) {
        if cell < self.cells {
            self.bits[usize::from(cell / 8)] |= 1 << (cell % 8);
        }
    }

    /// Tells whether `cell` is in the set.
    #[must_use]
    pub fn contains(&self, cell: u16) -> bool {
        cell < self.cells && self.bits[usize::from(cell / 8)] >> (cell % 8) & 1 == 1
    }

    /// Returns how many cells are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Tells whether no cell is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many cells the set ranges over.
    #[must_use]
    pub fn cells(&self) -> u16 {
        self.cells
    }

    /// Lists the cells in the set, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..self.cells).filter(|cell| self.contains(*cell))
    }

    /// Returns the bitmap.
    #[must_use]
    pub fn as_bits(&self) -> &[u8] {
        &self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn a_bitmap_with_a_bit_beyond_its_cells_is_refused() {
        assert!(Subset::from_bits(9, &[0, 2]).is_none());
        assert!(Subset::from_bits(9, &[0]).is_none());
        assert!(Subset::from_bits(9, &[0, 0, 0]).is_none());
        let set = Subset::from_bits(9, &[5, 1]).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 2, 8]);
        assert_eq!(set.len(), 3);
        assert!(Subset::from_bits(8, &[0xff]).is_some());
    }
}
