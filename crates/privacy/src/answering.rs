//! Answering a question: the one derivation of its mechanism, for the device that answers, the collector that counts, and the
//! planner and the replay that look ahead.
//!
//! # Privacy
//! Every mechanism here is an OpenDP measurement over any two states of a device with the plan's epsilon as its map. What a device
//! is asked about enters as a [`Truth`], computed from it alone; how many cells an answer holds depends on the question alone.

use keepset_wire::{Ask, Epsilon, Plan, Question, Subset, codec};
use opendp::error::{Error, ErrorVariant};

use crate::coins::Coins;
use crate::ledger::Charge;
use crate::mechanism::{
    BoundedMean, BoundedMeanMeasurement, Joint, Overlaps, PrivacyError, SetSelect, SetSelectMeasurement,
    SquareWave, SquareWaveMeasurement,
};

/// What a device would answer without noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The cells it is in; where there is exactly one, a list of one.
    Cells(Vec<u16>),
    /// A number from -1 to 1, in units of 2^-20.
    Number(i64),
}

codec!(enum Truth { 0 => Cells(cells), 1 => Number(number) });

/// The mechanism of a question at an epsilon.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mechanism {
    /// A set of cells that tells sizes.
    Sizes(SetSelect),
    /// A set of cells that tells overlaps, and sizes with them.
    Overlaps(Overlaps),
    /// One of the cells of a conversion or a calibration, held in a set of them.
    Joint(Joint),
    /// A bucket near the true one: a histogram. The first bucket is "no value".
    Wave(SquareWave),
    /// A level that stands for a number on average.
    Mean(BoundedMean),
}

/// How a question is answered at an epsilon; device and collector make the same one from the same plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Answering {
    mechanism: Mechanism,
    /// How many cells an answer has room for on the wire; the mechanism uses the first of them.
    room: u16,
}

impl Answering {
    /// Derives the mechanism of a question.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] for a question beyond what plans may ask.
    pub fn for_question(epsilon: Epsilon, question: &Question) -> Result<Self, PrivacyError> {
        let count = |length: usize| u16::try_from(length).map_err(|_| PrivacyError::Shape);
        let room = question.cells();
        let mechanism = match &question.ask {
            Ask::Sizes { segments, cap } => {
                Mechanism::Sizes(SetSelect::new(epsilon, count(segments.len())?, *cap)?)
            }
            Ask::Overlaps { segments, cap } => {
                Mechanism::Overlaps(Overlaps::new(epsilon, count(segments.len())?, *cap)?)
            }
            // A device may be in none of the segments, or not have been looked at when its score was asked about.
            Ask::Conversion { .. } | Ask::Calibration { .. } => {
                Mechanism::Joint(Joint::with_none(epsilon, question.ask.groups())?)
            }
            Ask::Histogram { bins, .. } => Mechanism::Wave(SquareWave::new(epsilon, bins + 1)?),
            Ask::Mean { .. } => Mechanism::Mean(BoundedMean::new(epsilon)?),
        };
        Ok(Self { mechanism, room })
    }

    /// Derives the mechanism of every question of a plan.
    ///
    /// # Errors
    /// As [`Answering::for_question`].
    pub fn of_plan(plan: &Plan) -> Result<Vec<Self>, PrivacyError> {
        plan.questions.iter().map(|question| Self::for_question(plan.epsilon, question)).collect()
    }

    /// Returns the mechanism.
    #[must_use]
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// Names the mechanism and its parameters as a receipt does.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.mechanism {
            Mechanism::Sizes(select) => select.describe(),
            Mechanism::Overlaps(overlaps) => overlaps.select().describe(),
            Mechanism::Joint(joint) => joint.select().describe(),
            Mechanism::Wave(wave) => {
                format!("square_wave(buckets={}, width={})", wave.buckets(), wave.width())
            }
            Mechanism::Mean(mean) => {
                format!("bounded_mean(outputs={}, width={})", mean.outputs(), mean.width())
            }
        }
    }

    /// Returns the mechanism where an answer is a set of cells.
    #[must_use]
    pub fn select(&self) -> Option<&SetSelect> {
        match &self.mechanism {
            Mechanism::Sizes(select) => Some(select),
            Mechanism::Overlaps(overlaps) => Some(overlaps.select()),
            Mechanism::Joint(joint) => Some(joint.select()),
            Mechanism::Wave(_) | Mechanism::Mean(_) => None,
        }
    }

    /// Returns how many cells an answer ranges over; those of a report beyond them are empty.
    #[must_use]
    pub fn cells(&self) -> u16 {
        match &self.mechanism {
            Mechanism::Sizes(select) => select.cells(),
            Mechanism::Overlaps(overlaps) => overlaps.select().cells(),
            Mechanism::Joint(joint) => joint.cells(),
            Mechanism::Wave(wave) => wave.outputs(),
            Mechanism::Mean(mean) => mean.outputs(),
        }
    }

    /// Returns how many cells every answer holds.
    #[must_use]
    pub fn held(&self) -> u16 {
        self.select().map_or(1, SetSelect::subset_size)
    }

    /// Tells whether an answer has the shape of every honest one: as many cells as it must, and none beyond the mechanism's.
    #[must_use]
    pub fn is_shaped(&self, answer: &Subset) -> bool {
        answer.cells() == self.room
            && answer.len() == u32::from(self.held())
            && answer.iter().all(|cell| cell < self.cells())
    }

    /// Returns how many numbers are counted of the answers: one for every cell, and for overlaps one for every two segments.
    #[must_use]
    pub fn counters(&self) -> usize {
        match &self.mechanism {
            Mechanism::Overlaps(overlaps) => overlaps.counters(),
            _ => self.cells().into(),
        }
    }

    /// Returns which of the counters an answer raises.
    #[must_use]
    pub fn counted(&self, answer: &Subset) -> Vec<usize> {
        match &self.mechanism {
            Mechanism::Overlaps(overlaps) => overlaps.counted(answer),
            _ => answer.iter().map(usize::from).collect(),
        }
    }

    /// Draws the one answer that `charge` paid for.
    ///
    /// # Errors
    /// [`PrivacyError::OverBudget`] when the measurement's own privacy map states more than `allowed`,
    /// [`PrivacyError::Input`] when the truth is none of this question, [`PrivacyError::NoEntropy`].
    ///
    /// # Privacy
    /// The charge is used up: one charge, one draw. What was charged stays charged when the draw fails.
    pub fn answer(
        self,
        _charge: Charge,
        allowed: Epsilon,
        truth: &Truth,
        coins: impl Coins + 'static,
    ) -> Result<Subset, PrivacyError> {
        let randomiser = self.randomiser(coins)?;
        if randomiser.stated()? > allowed.value() {
            return Err(PrivacyError::OverBudget);
        }
        randomiser.draw(truth)
    }

    /// Makes the measurement that answers draw from; a simulation may draw from it as often as it likes.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] when OpenDP refuses the space, which it does for none of these.
    pub fn randomiser(self, coins: impl Coins + 'static) -> Result<Randomiser, PrivacyError> {
        let measurement = match self.mechanism {
            Mechanism::Sizes(select) => Measurement::select(select, coins)?,
            Mechanism::Overlaps(overlaps) => Measurement::select(overlaps.select().clone(), coins)?,
            Mechanism::Joint(joint) => Measurement::select(joint.select().clone(), coins)?,
            Mechanism::Wave(wave) => Measurement::Wave(wave.measurement(coins)?),
            Mechanism::Mean(mean) => Measurement::Mean(mean.measurement(coins)?),
        };
        Ok(Randomiser { measurement, room: self.room })
    }
}

/// A measurement of the truths of one question.
pub struct Randomiser {
    measurement: Measurement,
    room: u16,
}

enum Measurement {
    Select { segments: u16, measurement: SetSelectMeasurement },
    Wave(SquareWaveMeasurement),
    Mean(BoundedMeanMeasurement),
}

impl Measurement {
    fn select(select: SetSelect, coins: impl Coins + 'static) -> Result<Self, PrivacyError> {
        let segments = select.segments();
        Ok(Self::Select { segments, measurement: select.measurement(coins)? })
    }
}

impl std::fmt::Debug for Randomiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Randomiser").field("room", &self.room).finish_non_exhaustive()
    }
}

impl Randomiser {
    /// Returns the epsilon that the measurement's privacy map states for any two states of a device.
    ///
    /// # Errors
    /// [`PrivacyError::OverBudget`] when OpenDP cannot state it.
    pub fn stated(&self) -> Result<f64, PrivacyError> {
        let stated = match &self.measurement {
            Measurement::Select { measurement, .. } => measurement.map(&1),
            Measurement::Wave(measurement) => measurement.map(&1),
            Measurement::Mean(measurement) => measurement.map(&1),
        };
        stated.map_err(|_| PrivacyError::OverBudget)
    }

    /// Draws one answer.
    ///
    /// # Errors
    /// [`PrivacyError::Input`] when the truth is none of this question, [`PrivacyError::NoEntropy`].
    pub fn draw(&self, truth: &Truth) -> Result<Subset, PrivacyError> {
        match (&self.measurement, truth) {
            (Measurement::Select { segments, measurement }, Truth::Cells(own)) => {
                let flags = (0..*segments).map(|cell| own.contains(&cell)).collect();
                measurement.invoke(&flags).map_err(unfailed)
            }
            (Measurement::Wave(measurement), Truth::Cells(own)) => {
                let [bucket] = own[..] else { return Err(PrivacyError::Input) };
                measurement.invoke(&bucket).map_err(unfailed).map(|output| self.single(output))
            }
            (Measurement::Mean(measurement), Truth::Number(number)) => {
                let one = i64::from(BoundedMean::ONE);
                // Held within what an i32 holds.
                let number = i32::try_from((*number).clamp(-one, one)).map_err(|_| PrivacyError::Input)?;
                measurement.invoke(&number).map_err(unfailed).map(|output| self.single(output))
            }
            _ => Err(PrivacyError::Input),
        }
    }

    /// The answer of a table: one cell.
    fn single(&self, output: u16) -> Subset {
        let mut answer = Subset::empty(self.room);
        answer.insert(output);
        answer
    }
}

/// Reads what [`crate::mechanism`] carried through OpenDP's error.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn unfailed(error: Error) -> PrivacyError {
    match error.variant {
        ErrorVariant::DomainMismatch => PrivacyError::Input,
        _ => PrivacyError::NoEntropy,
    }
}

#[cfg(test)]
mod tests;
