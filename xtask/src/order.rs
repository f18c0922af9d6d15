//! The order of a module's functions: those that read alike stand next to each other, for gzip looks back 32 kB and no further.

use std::collections::{BTreeSet, HashMap, VecDeque};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Functions are alike that share runs of so many bytes. Of the lengths from 3 to 8 this one made the core smallest.
const RUN: usize = 4;
/// So many bytes before a function are what it is to be like; fewer or more made the core larger.
const BEFORE: usize = 6_000;

const IMPORTS: u8 = 2;
const FUNCTIONS: u8 = 3;
const EXPORTS: u8 = 7;
const START: u8 = 8;
const ELEMENTS: u8 = 9;
const CODE: u8 = 10;
const CUSTOM: u8 = 0;

/// Returns the same module with its functions in that order.
pub(crate) fn by_likeness(module: &[u8]) -> Result<Vec<u8>> {
    let sections = sections(module)?;
    let section =
        |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map_or(&[][..], |(_, body)| body);
    let imported = imported(section(IMPORTS))?;
    let bodies = bodies(section(CODE))?;
    let order = order(&bodies);
    // Where each function is from now on, by where it was.
    let mut places: Vec<usize> = (0..imported).collect();
    places.resize(imported + bodies.len(), 0);
    order.iter().enumerate().for_each(|(place, was)| places[imported + was] = imported + place);
    let mut out = module.get(..8).context("a module begins with eight bytes")?.to_vec();
    for (id, body) in &sections {
        let moved = match *id {
            FUNCTIONS => functions(body, &order)?,
            EXPORTS => exports(body, &places)?,
            START => put(vec![], *places.get(Reader(body).number()?).context("no such function")?),
            ELEMENTS => elements(body, &places)?,
            CODE => code(&bodies, &order, &places)?,
            CUSTOM => bail!("a module with names, or whatever else tells functions by their numbers"),
            _ => body.to_vec(),
        };
        out.push(*id);
        out = put(out, moved.len());
        out.extend(moved);
    }
    Ok(out)
}

/// From one function to the one that is most like those just before it; of equals, the first.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let runs: Vec<Vec<usize>> = bodies
        .iter()
        .map(|body| {
            let fresh = |run| {
                let next = numbers.len();
                *numbers.entry(run).or_insert(next)
            };
            body.windows(RUN).map(fresh).collect::<BTreeSet<usize>>().into_iter().collect()
        })
        .collect();
    // How often each run occurs in what is just before.
    let mut seen = vec![0_u32; numbers.len()];
    let (mut before, mut length) = (VecDeque::new(), 0);
    let mut left: BTreeSet<usize> = (0..bodies.len()).collect();
    let mut order = Vec::new();
    let mut next = left.first().copied();
    while let Some(here) = next {
        left.remove(&here);
        order.push(here);
        before.push_back(here);
        length += bodies[here].len();
        runs[here].iter().for_each(|run| seen[*run] += 1);
        while length > BEFORE && before.len() > 1 {
            let Some(gone) = before.pop_front() else { break };
            length -= bodies[gone].len();
            runs[gone].iter().for_each(|run| seen[*run] -= 1);
        }
        let shared = |body: usize| runs[body].iter().filter(|run| seen[**run] > 0).count();
        // Shares are compared as fractions are, in whole numbers.
        next = left
            .iter()
            .copied()
            .map(|body| (body, shared(body), runs[body].len().max(1)))
            .reduce(|best, one| if one.1 * best.2 > best.1 * one.2 { one } else { best })
            .map(|(body, ..)| body);
    }
    order
}

fn functions(body: &[u8], order: &[usize]) -> Result<Vec<u8>> {
    let mut from = Reader(body);
    let types = (0..from.number()?).map(|_| from.number()).collect::<Result<Vec<_>>>()?;
    ensure!(types.len() == order.len(), "each function has a type");
    Ok(order.iter().fold(put(vec![], order.len()), |out, was| put(out, types[*was])))
}

fn exports(body: &[u8], places: &[usize]) -> Result<Vec<u8>> {
    let mut from = Reader(body);
    let count = from.number()?;
    let mut out = put(vec![], count);
    for _ in 0..count {
        let length = from.number()?;
        let name = from.take(length)?;
        out = put(out, length);
        out.extend(name);
        let kind = from.take(1)?[0];
        out.push(kind);
        let index = from.number()?;
        out = put(out, if kind == 0 { *places.get(index).context("no such function")? } else { index });
    }
    Ok(out)
}

fn elements(body: &[u8], places: &[usize]) -> Result<Vec<u8>> {
    let mut from = Reader(body);
    let count = from.number()?;
    let mut out = put(vec![], count);
    for _ in 0..count {
        ensure!(from.take(1)?[0] == 0, "a list of functions for the first table");
        out.push(0);
        // A constant and its end.
        ensure!(from.take(1)?[0] == 0x41, "a list begins at a constant");
        out.push(0x41);
        let start = from.number()?;
        out = put(out, start);
        ensure!(from.take(1)?[0] == 0x0b && start < 0x40, "a small constant");
        out.push(0x0b);
        let length = from.number()?;
        out = put(out, length);
        for _ in 0..length {
            out = put(out, *places.get(from.number()?).context("no such function")?);
        }
    }
    Ok(out)
}

fn code(bodies: &[&[u8]], order: &[usize], places: &[usize]) -> Result<Vec<u8>> {
    let mut out = put(vec![], order.len());
    for was in order {
        let body = moved(bodies[*was], places)?;
        out = put(out, body.len());
        out.extend(body);
    }
    Ok(out)
}

/// A body that calls functions where they are from now on.
fn moved(body: &[u8], places: &[usize]) -> Result<Vec<u8>> {
    let mut operators = FunctionBody::new(BinaryReader::new(body, 0)).get_operators_reader()?;
    let mut out = body[..operators.original_position()].to_vec();
    while !operators.eof() {
        let start = operators.original_position();
        let operator = operators.read()?;
        let (Operator::Call { function_index } | Operator::RefFunc { function_index }) = operator else {
            out.extend(&body[start..operators.original_position()]);
            continue;
        };
        out.push(body[start]);
        out = put(out, *places.get(function_index as usize).context("no such function")?);
    }
    Ok(out)
}

/// A module's sections: the number of each, and what is in it.
fn sections(module: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    let mut from = Reader(module.get(8..).unwrap_or_default());
    let mut sections = Vec::new();
    while !from.0.is_empty() {
        let id = from.take(1)?[0];
        let length = from.number()?;
        sections.push((id, from.take(length)?));
    }
    Ok(sections)
}

fn imported(body: &[u8]) -> Result<usize> {
    let mut from = Reader(body);
    let count = if body.is_empty() { 0 } else { from.number()? };
    for _ in 0..count {
        for _ in 0..2 {
            let length = from.number()?;
            from.take(length)?;
        }
        ensure!(from.take(1)?[0] == 0, "the module imports something other than functions");
        from.number()?;
    }
    Ok(count)
}

fn bodies(body: &[u8]) -> Result<Vec<&[u8]>> {
    let mut from = Reader(body);
    (0..from.number()?)
        .map(|_| {
            let length = from.number()?;
            from.take(length)
        })
        .collect()
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the module ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        bail!("a number that is too long")
    }
}

/// Writes a number as WebAssembly does.
fn put(mut out: Vec<u8>, mut number: usize) -> Vec<u8> {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
    out
}

#[cfg(test)]
mod tests {
    use super::{by_likeness, order};

    /// `f` calls `g` and `g` is empty; `g` is in the table, and `f` is exported.
    const MODULE: &[u8] = &[
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // The head.
        1, 4, 1, 0x60, 0, 0, // A type.
        2, 7, 1, 1, 0x6d, 1, 0x69, 0, 0, // An import.
        3, 4, 3, 0, 0, 0, // Three functions.
        4, 4, 1, 0x70, 0, 4, // A table.
        7, 5, 1, 1, 0x66, 0, 1, // An export.
        9, 7, 1, 0, 0x41, 1, 0x0b, 1, 2, // The table's function.
        10, 30, 3, // Their code, the last as the first but for whom it calls.
        12, 0, 0x41, 1, 0x1a, 0x41, 2, 0x1a, 0x10, 2, 0x10, 0, 0x0b, //
        2, 0, 0x0b, //
        12, 0, 0x41, 1, 0x1a, 0x41, 2, 0x1a, 0x10, 3, 0x10, 0, 0x0b,
    ];

    #[test]
    fn what_is_alike_stands_together_and_is_called_where_it_is() {
        let moved = by_likeness(MODULE).unwrap();
        assert_eq!(moved.len(), MODULE.len());
        let code = &moved[moved.len() - 29..];
        assert_eq!(code[..13], [12, 0, 0x41, 1, 0x1a, 0x41, 2, 0x1a, 0x10, 3, 0x10, 0, 0x0b]);
        assert_eq!(code[13..26], [12, 0, 0x41, 1, 0x1a, 0x41, 2, 0x1a, 0x10, 2, 0x10, 0, 0x0b]);
        assert_eq!(code[26..], [2, 0, 0x0b]);
        assert!(moved.windows(9).any(|part| part == [9, 7, 1, 0, 0x41, 1, 0x0b, 1, 3]));
        wasmparser::validate(&moved).unwrap();
    }

    #[test]
    fn the_order_begins_with_the_first_and_holds_each_once() {
        let bodies: [&[u8]; 4] = [b"abcdefgh", b"12345678", b"abcdefgx", b"1234567x"];
        assert_eq!(order(&bodies), [0, 2, 1, 3]);
    }
}
