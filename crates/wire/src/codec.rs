//! Plain data as bytes and back, in the wire format of postcard 1 (`https://postcard.jamesmunns.com/wire-format`): whole
//! numbers as varints, signed ones in zigzag, lists behind their length, variants behind their number.
//!
//! By hand because it is read by every page: a decoder that stops at the first mistake drops, at every field, all that
//! was read before it, and that was a quarter of the wasm. This one goes on with zeros and says at the end that there was
//! a mistake. A native test holds it to postcard.

use crate::document::Name;
use crate::time::Timestamp;

/// Data that can be written as bytes and read back.
pub trait Codec: Sized {
    /// Appends the bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a value; after a mistake any value.
    fn decode(from: &mut Decoder<'_>) -> Self;
}

/// Writes a value as bytes.
#[must_use]
pub fn encode(value: &impl Codec) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

/// Reads a value from all of `bytes`; nothing when they hold anything else.
#[must_use]
pub fn decode<T: Codec>(bytes: &[u8]) -> Option<T> {
    let mut from = Decoder { bytes, failed: false };
    let value = T::decode(&mut from);
    (!from.failed && from.bytes.is_empty()).then_some(value)
}

/// Reads a value from the beginning of `bytes`, whatever stands behind it.
#[must_use]
pub fn decode_first<T: Codec>(bytes: &[u8]) -> Option<T> {
    let mut from = Decoder { bytes, failed: false };
    let value = T::decode(&mut from);
    (!from.failed).then_some(value)
}

/// Bytes that are being read. After the first mistake it gives zeros.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    failed: bool,
}

impl<'a> Decoder<'a> {
    /// Notes a mistake.
    #[inline(never)]
    pub fn fail(&mut self) {
        self.failed = true;
        self.bytes = &[];
    }

    /// Takes so many bytes; none when there are fewer.
    #[inline(never)]
    fn take(&mut self, count: usize) -> &'a [u8] {
        match self.bytes.split_at_checked(count) {
            Some((taken, rest)) => {
                self.bytes = rest;
                taken
            }
            None => {
                self.fail();
                &[]
            }
        }
    }

    /// Fills bytes; none when there are fewer.
    #[inline(never)]
    fn fill(&mut self, bytes: &mut [u8]) {
        let taken = self.take(bytes.len());
        if taken.len() == bytes.len() {
            bytes.copy_from_slice(taken);
        }
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Reads a whole number up to `most`.
    #[inline(never)]
    pub fn whole(&mut self, most: u64) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the last bit.
            if shift == 63 && byte > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                if number > most {
                    break;
                }
                return number;
            }
        }
        self.fail();
        0
    }

    /// Reads the number of items of a list: each is a byte at least.
    fn length(&mut self) -> usize {
        let left = self.bytes.len();
        usize::try_from(self.whole(left as u64)).unwrap_or(0)
    }

    /// Reads the number of a variant.
    pub fn variant(&mut self) -> u32 {
        u32::decode(self)
    }
}

#[inline(never)]
fn put(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Writes the codec of whole numbers without a sign, as varints.
macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                put(*self as u64, out);
            }

            fn decode(from: &mut Decoder<'_>) -> Self {
                // At most the largest of the type.
                Self::try_from(from.whole(Self::MAX as u64)).unwrap_or(0)
            }
        }
    )*};
}

unsigned!(u16, u32, u64, usize);

impl Codec for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        put(((self << 1) ^ (self >> 63)).cast_unsigned(), out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let number = from.whole(u64::MAX);
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }
}

impl Codec for u8 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        from.byte()
    }
}

impl Codec for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let byte = from.byte();
        if byte > 1 {
            from.fail();
        }
        byte == 1
    }
}

impl Codec for f64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        from.take(8).try_into().map_or(0.0, Self::from_le_bytes)
    }
}

impl<const N: usize> Codec for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let mut bytes = [0; N];
        from.fill(&mut bytes);
        bytes
    }
}

impl Codec for String {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        out.extend(self.as_bytes());
    }

    #[inline(never)]
    fn decode(from: &mut Decoder<'_>) -> Self {
        let length = from.length();
        let text = Self::from_utf8(from.take(length).to_vec());
        text.unwrap_or_else(|_| {
            from.fail();
            Self::new()
        })
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|item| item.encode(out));
    }

    #[inline(never)]
    fn decode(from: &mut Decoder<'_>) -> Self {
        let length = from.length();
        let mut list = Self::new();
        for _ in 0..length {
            list.push(T::decode(from));
        }
        list
    }
}

impl<T: Codec> Codec for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        bool::decode(from).then(|| T::decode(from))
    }
}

impl<T: Codec> Codec for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::new(T::decode(from))
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let first = A::decode(from);
        (first, B::decode(from))
    }
}

impl<T: Codec, E: Codec> Codec for Result<T, E> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_err().encode(out);
        match self {
            Ok(value) => value.encode(out),
            Err(error) => error.encode(out),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        if bool::decode(from) { Err(E::decode(from)) } else { Ok(T::decode(from)) }
    }
}

impl Codec for Name {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().encode(out);
    }

    #[inline(never)]
    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::parse(&String::decode(from)).unwrap_or_else(|| {
            from.fail();
            Self::none()
        })
    }
}

impl Codec for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        self.millis().encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::from_millis(i64::decode(from)).unwrap_or_else(|| {
            from.fail();
            Self::MIN
        })
    }
}

/// Writes the [`Codec`] of a struct, field after field, or of an enum whose variants are numbered from 0 as listed. What a struct
/// is `without` is not written, and read as its default; `then` names what makes it of the rest.
///
/// Zeros must make a value of every enum: its first variant is what a decoder that failed ends with. Each decoder stays a function of its own:
/// one that reads a whole pack has a frame of kilobytes, whose long addresses compress badly.
#[macro_export]
macro_rules! codec {
    (struct $type:ident { $($field:ident),* $(,)? } $(without { $($left:ident),* })? $(then $make:ident)?) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::codec::Codec::encode(&self.$field, out);)*
            }

            #[inline(never)]
            fn decode(from: &mut $crate::codec::Decoder<'_>) -> Self {
                let read = Self { $($field: $crate::codec::Codec::decode(from),)* $($($left: Default::default(),)*)? };
                $(let read = read.$make(from);)?
                read
            }
        }
    };
    (tuple $type:ident) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                $crate::codec::Codec::encode(&self.0, out);
            }

            fn decode(from: &mut $crate::codec::Decoder<'_>) -> Self {
                Self($crate::codec::Codec::decode(from))
            }
        }
    };
    (enum $type:ident { $($(#[$when:meta])* $number:literal => $variant:ident $(($($part:ident),*))? $({$($field:ident),*})?),* $(,)? }) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $($(#[$when])* Self::$variant $(($($part),*))? $({$($field),*})? => {
                        $crate::codec::Codec::encode(&{ let number: u32 = $number; number }, out);
                        $($($crate::codec::Codec::encode($part, out);)*)?
                        $($($crate::codec::Codec::encode($field, out);)*)?
                    })*
                }
            }

            #[inline(never)]
            fn decode(from: &mut $crate::codec::Decoder<'_>) -> Self {
                match from.variant() {
                    $($(#[$when])* $number => Self::$variant
                        $(($({ let $part = $crate::codec::Codec::decode(from); $part }),*))?
                        $({$($field: $crate::codec::Codec::decode(from)),*})?,)*
                    _ => {
                        from.fail();
                        Self::decode(from)
                    }
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[derive(Clone, Debug, PartialEq)]
    #[cfg_attr(not(target_arch = "wasm32"), derive(serde::Serialize))]
    struct Sample {
        flag: bool,
        byte: u8,
        short: u16,
        count: u32,
        long: u64,
        signed: Vec<i64>,
        float: f64,
        text: String,
        hash: [u8; 4],
        maybe: Option<(u32, String)>,
        shape: Shape,
    }

    codec!(struct Sample { flag, byte, short, count, long, signed, float, text, hash, maybe, shape });

    #[derive(Clone, Debug, PartialEq)]
    #[cfg_attr(not(target_arch = "wasm32"), derive(serde::Serialize))]
    enum Shape {
        Nothing,
        Pair(i64, bool),
        Named { inside: Box<Shape> },
    }

    codec!(enum Shape { 0 => Nothing, 1 => Pair(a, b), 2 => Named { inside } });

    fn samples() -> Vec<Sample> {
        let shapes = [
            Shape::Nothing,
            Shape::Pair(-1, true),
            Shape::Named { inside: Box::new(Shape::Pair(i64::MIN, false)) },
        ];
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let sample = |(index, long): (usize, u64)| Sample {
            flag: index % 2 == 0,
            byte: long.to_le_bytes()[0],
            short: u16::try_from(long).unwrap_or(u16::MAX),
            count: u32::try_from(long).unwrap_or(u32::MAX),
            long,
            signed: vec![long.cast_signed(), -long.cast_signed().saturating_abs(), i64::MAX, i64::MIN],
            float: f64::from_bits(long >> 1),
            text: "ä".repeat(index * 20),
            hash: [index.to_le_bytes()[0]; 4],
            maybe: (index % 3 == 0).then(|| (7, "seven".into())),
            shape: shapes[index % 3].clone(),
        };
        numbers.into_iter().enumerate().map(sample).collect()
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_shorter_or_longer_is() {
        for sample in samples() {
            let bytes = encode(&sample);
            let again = decode::<Sample>(&bytes).unwrap();
            assert_eq!((again.float.to_bits(), &again.shape), (sample.float.to_bits(), &sample.shape));
            assert_eq!(encode(&again), bytes);
            for end in 0..bytes.len() {
                assert!(decode::<Sample>(&bytes[..end]).is_none(), "{end}");
            }
            assert!(decode::<Sample>(&[&bytes[..], &[0]].concat()).is_none());
        }
    }

    #[test]
    fn garbage_is_refused_and_asks_for_no_more_memory_than_it_is_long() {
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0x0f][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
            &[3, 0, 0],
            &[0x80],
        ] {
            assert_eq!(decode::<Vec<u64>>(bytes), None);
        }
        assert_eq!(decode::<bool>(&[2]), None);
        assert_eq!(decode::<u32>(&[0x80, 0x80, 0x80, 0x80, 0x10]), None);
        assert_eq!(decode::<String>(&[1, 0xff]), None);
        assert_eq!(decode::<Shape>(&[3]), None);
        assert_eq!(decode::<Shape>(&[2, 2, 2]), None);
        assert_eq!(decode::<Name>(&[1, b'A']), None);
        assert_eq!(decode::<Timestamp>(&[1]), None);
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn the_bytes_are_those_of_postcard() {
        for sample in samples() {
            assert_eq!(encode(&sample), postcard::to_allocvec(&sample).unwrap());
        }
    }
}
