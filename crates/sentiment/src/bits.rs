//! Ascending numbers in few bits: the distance of each from the one before, Rice-coded (Rice and Plain 1971).

/// Writes ascending numbers; `low` bits of each distance are written as they are, the rest as so many ones.
pub(crate) fn write(numbers: &[u32], low: u32) -> Vec<u8> {
    let mut out = Writer::default();
    let mut last = 0;
    for number in numbers {
        let distance = number - last;
        last = *number;
        for _ in 0..distance >> low {
            out.push(true);
        }
        out.push(false);
        for bit in (0..low).rev() {
            out.push(distance >> bit & 1 == 1);
        }
    }
    out.bytes
}

/// Reads so many ascending numbers; nothing when the bytes end before, or a number would be too large.
pub(crate) fn read(bytes: &[u8], count: usize, low: u32) -> Option<Vec<u32>> {
    let mut at = 0;
    let mut next = || {
        let byte = bytes.get(at / 8)?;
        at += 1;
        Some(u32::from(byte >> (7 - (at - 1) % 8) & 1))
    };
    let mut numbers = Vec::new();
    let mut last = 0_u32;
    for _ in 0..count {
        let mut distance = 0_u32;
        while next()? == 1 {
            distance = distance.checked_add(1)?;
        }
        for _ in 0..low {
            distance = distance.checked_mul(2)?.checked_add(next()?)?;
        }
        last = last.checked_add(distance)?;
        numbers.push(last);
    }
    Some(numbers)
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: usize,
}

impl Writer {
    fn push(&mut self, bit: bool) {
        if self.bits.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(byte) = self.bytes.last_mut() {
            *byte |= u8::from(bit) << (7 - self.bits % 8);
        }
        self.bits += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read_again(mut numbers in proptest::collection::vec(0_u32..1 << 22, 0..200), low in 0_u32..12) {
            numbers.sort_unstable();
            // Far apart and few low bits would be very many ones.
            let low = low.max(9);
            proptest::prop_assert_eq!(read(&write(&numbers, low), numbers.len(), low), Some(numbers));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0_u8.., 0..60), count in 0_usize..100, low in 0_u32..32) {
            let numbers = read(&bytes, count, low);
            proptest::prop_assert!(numbers.is_none_or(|numbers| numbers.is_sorted()));
        }
    }
}
