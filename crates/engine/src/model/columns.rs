//! Trees as a compiled pack holds them: one column after the other, of numbers that are alike, so that they compress.
//!
//! The columns are the questions' features, their cuts, the question of each node, the leaves, and how many came to each leaf. A cut is a
//! decimal wherever it is one exactly, `digits / 10^places`: both are floats without an error, and so is what a correctly rounded
//! division makes of them (Clinger, "How to read floating point numbers accurately", 1990). How many nodes a branch has, and where a tree
//! begins, is found by counting.

use keepset_wire::codec::{Codec, Decoder};

use super::trees::{Place, Trees};

/// Powers of ten up to this one are floats without an error.
const MOST_PLACES: u8 = 22;
/// Whole numbers below this one are, too.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// In the place of the number of decimals: the digits are the bits of the float.
const BITS: u8 = MOST_PLACES + 1;

/// A cut as digits and the number of decimals among them.
#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
fn decimal(cut: f64) -> (i64, u8) {
    let exact = |places: &u8| {
        let digits = (cut * power(*places)).round();
        digits.abs() < EXACT && digits / power(*places) == cut
    };
    (0..=MOST_PLACES)
        .find(exact)
        .map_or((cut.to_bits().cast_signed(), BITS), |places| ((cut * power(places)).round() as i64, places))
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53, as they were written")]
fn cut((digits, places): (i64, u8)) -> f64 {
    if places >= BITS { f64::from_bits(digits.cast_unsigned()) } else { digits as f64 / power(places) }
}

fn power(places: u8) -> f64 {
    (0..places).fold(1.0, |power, _| power * 10.0)
}

impl Codec for Trees {
    fn encode(&self, out: &mut Vec<u8>) {
        let asked = || self.nodes.iter().filter(|node| node.ask != 0);
        let mut questions: Vec<(u32, f64)> = asked().map(|node| (node.ask, node.value)).collect();
        questions.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        questions.dedup_by(|a, b| a.0 == b.0 && a.1.to_bits() == b.1.to_bits());
        let number = |node: &Place| {
            let order = |known: &(u32, f64)| known.0.cmp(&node.ask).then(known.1.total_cmp(&node.value));
            // A question is among those it was collected from; a leaf has none.
            if node.ask == 0 { 0 } else { 1 + questions.binary_search_by(order).unwrap_or(0) }
        };
        let (digits, places): (Vec<i64>, Vec<u8>) =
            questions.iter().map(|(_, value)| decimal(*value)).unzip();
        #[expect(clippy::cast_possible_truncation, reason = "a leaf is whole")]
        let leaves: Vec<i64> =
            self.nodes.iter().filter(|node| node.ask == 0).map(|node| node.value as i64).collect();

        self.scale.encode(out);
        questions.iter().map(|(ask, _)| *ask).collect::<Vec<u32>>().encode(out);
        digits.encode(out);
        places.encode(out);
        self.nodes.iter().map(number).collect::<Vec<usize>>().encode(out);
        leaves.encode(out);
        self.covers.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Self {
        let mut trees = Self { scale: f64::decode(from), ..Self::default() };
        let asks = Vec::<u32>::decode(from);
        let digits = Vec::<i64>::decode(from);
        let places = Vec::<u8>::decode(from);
        let numbers = Vec::<usize>::decode(from);
        let leaves = Vec::<i64>::decode(from);
        trees.covers = Vec::decode(from);

        let questions: Vec<(u32, f64)> =
            asks.into_iter().zip(digits.into_iter().zip(places).map(cut)).collect();
        if trees.count(&questions, &numbers, &leaves).is_none() {
            from.fail();
        }
        trees
    }
}

impl Trees {
    /// Puts the nodes together from the last one on; nothing when the columns do not fit each other.
    fn count(&mut self, questions: &[(u32, f64)], numbers: &[usize], leaves: &[i64]) -> Option<()> {
        // How many nodes each branch has that stands behind; the nearest is the last.
        let mut sizes: Vec<u32> = Vec::new();
        let mut leaves = leaves.iter();
        for number in numbers.iter().rev() {
            let node = if let Some(question) = number.checked_sub(1) {
                let (ask, value) = *questions.get(question).filter(|(ask, _)| *ask != 0)?;
                let (left, right) = (sizes.pop()?, sizes.pop()?);
                sizes.push(left + right + 1);
                Place { ask, left, value }
            } else {
                sizes.push(1);
                #[expect(clippy::cast_precision_loss, reason = "the reader keeps leaves below 2^41")]
                Place::leaf(*leaves.next_back()? as f64)
            };
            self.nodes.push(node);
        }
        self.nodes.reverse();
        let mut root = 0;
        while let Some(size) = sizes.pop() {
            self.roots.push(root);
            root += size as usize;
        }
        leaves.next().is_none().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use keepset_wire::codec::{decode, encode};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn split(ask: u32, left: u32, value: f64) -> Place {
        Place { ask, left, value }
    }

    /// Two trees: one with a split on its left, one that is a leaf.
    fn trees(cut: f64) -> Trees {
        let nodes = vec![
            split(3, 3, cut),
            split(2, 1, -1.5),
            Place::leaf(-4.0),
            Place::leaf(2.0),
            Place::leaf(2_199_023_255_552.0),
            Place::leaf(1.0),
        ];
        Trees { scale: 0.25, roots: vec![0, 5], nodes, covers: vec![60, 10, 30, 100] }
    }

    #[test]
    fn trees_are_compiled_and_read_back_to_the_bit_of_every_cut() {
        let cuts = [
            0.0,
            3.0,
            -2.5,
            249.05,
            0.1 + 0.2,
            1e300,
            f64::MIN_POSITIVE,
            1.0 / 3.0,
            -9.007_199_254_740_993e15,
        ];
        for cut in cuts {
            let written = encode(&trees(cut));
            let read: Trees = decode(&written).unwrap();
            assert_eq!(read, trees(cut));
            assert_eq!(read.nodes[0].value.to_bits(), cut.to_bits());
        }
        assert_eq!(encode(&trees(1.0 / 3.0)).len() - encode(&trees(249.05)).len(), 5, "a decimal is short");
    }

    #[test]
    fn columns_that_do_not_fit_each_other_are_no_trees() {
        let good = encode(&trees(3.0));
        for place in 0..good.len() {
            for value in [0, 1, 2, 3, 7, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[place] = value;
                // Whatever is read back can be walked from each root to a leaf.
                let Some(read) = decode::<Trees>(&bad) else { continue };
                for values in [[0.0, 0.0], [f64::NAN, 9.0]] {
                    read.sum(&values);
                }
                assert_eq!(read.roots.first(), Some(&0));
                assert!(read.roots.iter().all(|root| *root < read.nodes.len()));
            }
            assert_eq!(decode::<Trees>(&good[..place]), None);
        }
    }
}
