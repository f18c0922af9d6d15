//! Numbers that a file holds: initializers, constants, tensors beside a node.

use anyhow::{Context as _, ensure};

use super::proto::{Tensor, element};

/// Wider layers than any small network has.
const MOST_UNITS: usize = 1_024;

/// Numbers in a shape; none where their type is none that is read, which is told when they are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    element: i32,
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Constant {
    /// One number, which stands for any count of equal ones.
    pub(super) fn one(value: f64) -> Self {
        Self { element: element::DOUBLE, shape: Vec::new(), values: vec![value] }
    }

    /// A list of numbers.
    pub(super) fn list(values: Vec<f64>) -> Self {
        Self { element: element::DOUBLE, shape: vec![values.len()], values }
    }

    /// Reads a tensor.
    pub(super) fn read(tensor: &Tensor) -> anyhow::Result<Self> {
        ensure!(
            tensor.data_location == 0,
            "its numbers are in another file; save the model with them: onnx.save(onnx.load(path), path)"
        );
        let side = |count: &i64| usize::try_from(*count).ok();
        let shape: Vec<usize> =
            tensor.dims.iter().map(side).collect::<Option<_>>().context("a side of it is below 0")?;
        let values = values(tensor)?;
        if let Some(values) = &values {
            let count = shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
            ensure!(
                count == Some(values.len()),
                "it holds {} numbers, and its shape is {shape:?}",
                values.len()
            );
        }
        Ok(Self { element: tensor.data_type, shape, values: values.unwrap_or_default() })
    }

    /// Its numbers, in rows.
    pub(super) fn numbers(&self) -> anyhow::Result<&[f64]> {
        ensure!(
            is_read(self.element),
            "it holds {}; float, double and whole numbers are taken",
            element::name(self.element)
        );
        Ok(&self.values)
    }

    /// Its numbers, where they are whole.
    pub(super) fn whole(&self) -> anyhow::Result<Vec<i64>> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be a whole number that a double holds"
        )]
        let whole = |value: &f64| (value.fract() == 0.0 && value.abs() <= 1e15).then_some(*value as i64);
        self.numbers()?.iter().map(whole).collect::<Option<_>>().context("it holds what is no whole number")
    }

    /// One number for each of some columns, the same for all where there is one.
    pub(super) fn by_column(&self, columns: usize) -> anyhow::Result<Vec<f64>> {
        let numbers = self.numbers()?;
        let one_row = self.shape.iter().rev().skip(1).all(|side| *side == 1);
        match numbers {
            [one] if self.shape.len() <= 2 => Ok(vec![*one; columns]),
            _ if one_row && self.shape.len() <= 2 && numbers.len() == columns => Ok(numbers.to_vec()),
            _ => anyhow::bail!("a constant of shape {:?} does not fit {columns} columns", self.shape),
        }
    }

    /// The weights of a dense layer with so many inputs: a list for each output.
    pub(super) fn by_output(&self, inputs: usize, transposed: bool) -> anyhow::Result<Vec<Vec<f64>>> {
        let numbers = self.numbers()?;
        let (rows, columns) = match *self.shape {
            [rows] if !transposed => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => anyhow::bail!("its weights have the shape {:?}", self.shape),
        };
        let (from, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        ensure!(from == inputs, "it has weights for {from} inputs and is given {inputs}");
        ensure!(outputs >= 1, "it has no outputs");
        ensure!(outputs <= MOST_UNITS, "it has {outputs} units; {MOST_UNITS} are the most of a layer");
        let at = |input: usize, output: usize| {
            if transposed { output * columns + input } else { input * columns + output }
        };
        let of = |output: usize| (0..inputs).map(|input| numbers[at(input, output)]).collect();
        Ok((0..outputs).map(of).collect())
    }

    /// With rows for columns.
    pub(super) fn transposed(&self) -> anyhow::Result<Self> {
        let [rows, columns] = *self.shape else {
            anyhow::bail!("it turns around a constant of shape {:?}", self.shape)
        };
        let numbers = self.numbers()?;
        let values = (0..columns)
            .flat_map(|column| (0..rows).map(move |row| row * columns + column))
            .map(|at| numbers[at]);
        Ok(Self { element: self.element, shape: vec![columns, rows], values: values.collect() })
    }
}

fn is_read(element: i32) -> bool {
    [element::FLOAT, element::DOUBLE, element::INT32, element::INT64, element::UINT8, element::BOOL]
        .contains(&element)
}

/// The numbers of a tensor, which are in a list of their type or in bytes.
fn values(tensor: &Tensor) -> anyhow::Result<Option<Vec<f64>>> {
    if !is_read(tensor.data_type) {
        return Ok(None);
    }
    let raw = &tensor.raw_data;
    #[expect(clippy::cast_precision_loss, reason = "sides and places, far below 2^53")]
    let values = match tensor.data_type {
        element::FLOAT if raw.is_empty() => tensor.float_data.iter().map(|value| f64::from(*value)).collect(),
        element::FLOAT => of_bytes(raw, |bytes| f64::from(f32::from_le_bytes(bytes)))?,
        element::DOUBLE if raw.is_empty() => tensor.double_data.clone(),
        element::DOUBLE => of_bytes(raw, f64::from_le_bytes)?,
        element::INT64 if raw.is_empty() => tensor.int64_data.iter().map(|value| *value as f64).collect(),
        element::INT64 => of_bytes(raw, |bytes| i64::from_le_bytes(bytes) as f64)?,
        _ if raw.is_empty() => tensor.int32_data.iter().map(|value| f64::from(*value)).collect(),
        element::INT32 => of_bytes(raw, |bytes| f64::from(i32::from_le_bytes(bytes)))?,
        _ => raw.iter().map(|byte| f64::from(*byte)).collect(),
    };
    Ok(Some(values))
}

fn of_bytes<const SIZE: usize>(raw: &[u8], number: impl Fn([u8; SIZE]) -> f64) -> anyhow::Result<Vec<f64>> {
    let (numbers, rest) = raw.as_chunks::<SIZE>();
    ensure!(rest.is_empty(), "its {} bytes are no multiple of {SIZE}", raw.len());
    Ok(numbers.iter().map(|bytes| number(*bytes)).collect())
}
