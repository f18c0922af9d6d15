//! Answers the true data of `benches/ldp/run.py` and prints the error and the time of an answer, case by case.
//!
//! `cargo xtask bench --ldp` runs it beside the peers.

// A tool for those who work on the crate: the engine's rule of no clock and no files is not meant for it.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use bitvec::prelude::{BitVec, Lsb0};
use keepset_privacy::{OneOf, SeededCoins, SetSelect, SystemCoins};
use keepset_wire::{Epsilon, Subset};

type Failed = Box<dyn Error>;

/// A question and the devices that answer it, each by the cells it is in.
struct Case {
    title: String,
    mechanism: SetSelect,
    /// Of how many cells the error is looked at.
    cells: usize,
    samples: u32,
    people: Vec<BitVec<u8, Lsb0>>,
}

fn main() -> Result<(), Failed> {
    let path = std::env::args().nth(1).ok_or("name the file of the true data")?;
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    while let Some(head) = lines.next() {
        let case = read(head, &mut lines)?;
        println!("{}\tkeepset\t{}\t{:.3}", case.title, error(&case)?, time(&case)?.as_secs_f64() * 1e6);
    }
    Ok(())
}

fn read<'a>(head: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Case, Failed> {
    let words: Vec<&str> = head.split_whitespace().collect();
    let [_, kind, cells, epsilon, samples, cap, devices] = words[..] else { return Err(head.into()) };
    let (one, cells, cap): (bool, u16, u8) = (kind == "one", cells.parse()?, cap.parse()?);
    // A whole number of tenths.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let micro = (epsilon.parse::<f64>()? * 1e6).round() as u32;
    let charged = Epsilon::from_micro(micro).ok_or("no epsilon a plan may charge")?;
    let mechanism =
        if one { OneOf::new(charged, cells)?.select().clone() } else { SetSelect::new(charged, cells, cap)? };
    let person = |line: &str| -> Result<BitVec<u8, Lsb0>, Failed> {
        let own: Vec<u16> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok((0..mechanism.segments()).map(|segment| own.contains(&segment)).collect())
    };
    let people =
        lines.take(devices.parse()?).map(person).collect::<Result<Vec<BitVec<u8, Lsb0>>, Failed>>()?;
    let title = if one {
        format!("one of {cells}, epsilon {epsilon}", epsilon = epsilon.trim_end_matches(".0"))
    } else {
        format!("up to {cap} of {cells}, epsilon {epsilon}", epsilon = epsilon.trim_end_matches(".0"))
    };
    Ok(Case { title, mechanism, cells: cells.into(), samples: samples.parse()?, people })
}

/// The mean square error of a cell times reports.
fn error(case: &Case) -> Result<f64, Failed> {
    let reports = case.people.len() as u64;
    let measurement = case.mechanism.clone().measurement(SeededCoins::new(2026))?;
    let channel = case.mechanism.channel();
    let mut truth = vec![0_u64; case.cells];
    for person in &case.people {
        // The last cell is that of the devices in no other.
        let own = if person.any() || case.mechanism.cap() > 1 {
            person.iter_ones().collect()
        } else {
            vec![case.cells - 1]
        };
        own.into_iter().for_each(|cell| truth[cell] += 1);
    }
    let mut sum = 0.0;
    for _ in 0..case.samples {
        let mut counts = vec![0_u64; case.mechanism.cells().into()];
        for person in &case.people {
            let answer: Subset = measurement.invoke(person).map_err(|error| format!("{error:?}"))?;
            answer.iter().for_each(|cell| counts[usize::from(cell)] += 1);
        }
        for (count, truth) in counts.iter().zip(&truth) {
            let estimate = channel.estimate(*count, reports).ok_or("no reports")?;
            sum += (estimate.share - float(*truth) / float(reports)).powi(2);
        }
    }
    Ok(sum / f64::from(case.samples) / float(case.cells as u64) * float(reports))
}

/// The time of an answer with the system's randomness, as a device draws it, over all devices twenty times.
fn time(case: &Case) -> Result<Duration, Failed> {
    let measurement = case.mechanism.clone().measurement(SystemCoins::open()?)?;
    let start = Instant::now();
    for _ in 0..20 {
        for person in &case.people {
            measurement.invoke(person).map_err(|error| format!("{error:?}"))?;
        }
    }
    Ok(start.elapsed() / u32::try_from(20 * case.people.len())?)
}

// Counts stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}
