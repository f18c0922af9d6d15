//! What stands at a name of the graph while it is followed.

use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};

use super::super::Activation;
use super::column::{Column, Step};
use super::constant::Constant;
use super::node::After;
use super::proto::element;

/// What stands at a name.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Numbers that are known beforehand.
    Constant(Rc<Constant>),
    /// Numbers of each row.
    Numbers(Numbers),
    /// What no score comes of: labels, and what is said of the first class.
    Aside,
}

/// Numbers of each row, in columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) columns: Vec<Column>,
    pub(super) kind: Kind,
    pub(super) width: Width,
}

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// The columns themselves.
    Raw,
    /// Probabilities, whose log-odds the columns are.
    Odds,
    /// What a classifier says of two classes, one column each; kept is that of the second.
    Judged,
}

/// How wide the numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Width {
    Single,
    Double,
    Whole,
}

/// More columns come of no table.
const MOST_COLUMNS: usize = 100_000;

impl Value {
    /// The numbers of each row.
    pub(super) fn numbers(&self) -> anyhow::Result<&Numbers> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Constant(_) => bail!("it reads a constant where rows are wanted"),
            Self::Aside => bail!("it reads labels"),
        }
    }

    /// The numbers known beforehand.
    pub(super) fn constant(&self) -> anyhow::Result<&Constant> {
        let Self::Constant(constant) = self else {
            bail!("it reads what is computed where a constant is wanted")
        };
        Ok(constant)
    }
}

impl Numbers {
    /// The score of a classifier's second class, and what is made of it.
    pub(super) fn judged(column: Column, after: After) -> Self {
        let (columns, kind) = match after {
            After::Nothing => (vec![column], Kind::Judged),
            After::Logistic | After::Softmax => (vec![column.opposite(), column], Kind::Odds),
        };
        Self { columns, kind, width: Width::Single }
    }

    /// The number of a regressor, and what is made of it.
    pub(super) fn told(column: Column, after: After) -> Self {
        let kind = if after == After::Logistic { Kind::Odds } else { Kind::Raw };
        Self { columns: vec![column], kind, width: Width::Single }
    }

    /// How many columns a runtime has of it.
    pub(super) fn count(&self) -> usize {
        if self.kind == Kind::Judged { 2 } else { self.columns.len() }
    }

    /// Its columns, where they are no probabilities.
    pub(super) fn raw(&self) -> anyhow::Result<&[Column]> {
        match self.kind {
            Kind::Raw => Ok(&self.columns),
            Kind::Odds => bail!("it reads probabilities; a layer may, and nothing else"),
            Kind::Judged => bail!("it reads what a classifier says; a model of models is not taken"),
        }
    }

    /// Its columns as what a layer reads: a probability is what a logistic unit gives.
    pub(super) fn units(&self) -> anyhow::Result<Vec<Column>> {
        if self.kind == Kind::Odds {
            Column::layer(&self.columns, Activation::Logistic)
        } else {
            Ok(self.raw()?.to_vec())
        }
    }

    /// A hidden layer of it.
    pub(super) fn layer(&self, activation: Activation) -> anyhow::Result<Self> {
        let columns = Column::layer(&self.units()?, activation)?;
        Ok(Self { columns, kind: Kind::Raw, width: self.width })
    }

    /// Takes a step with every column, rounded as wide as they are.
    pub(super) fn step(mut self, step: impl Fn(usize) -> Step) -> anyhow::Result<Self> {
        self.raw()?;
        ensure!(self.width != Width::Whole, "it computes with whole numbers; cast them to float before");
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.step(step(place));
            if self.width == Width::Single {
                column.step(Step::Round);
            }
        }
        Ok(self)
    }

    /// Makes it numbers of 32 bits.
    pub(super) fn single(mut self) -> Self {
        if self.width != Width::Single && self.kind == Kind::Raw {
            self.columns.iter_mut().for_each(|column| column.step(Step::Round));
        }
        self.width = Width::Single;
        self
    }

    /// Makes it numbers of a type, if no number is changed by it but by rounding.
    pub(super) fn cast(self, to: i64) -> anyhow::Result<Self> {
        match i32::try_from(to) {
            Ok(element::FLOAT) => Ok(self.single()),
            Ok(element::DOUBLE) => Ok(Self { width: Width::Double, ..self }),
            other => bail!(
                "it casts scores or features to {}; float and double are taken",
                element::name(other.unwrap_or(0))
            ),
        }
    }

    /// Some of its columns. What is said of the first class alone is nothing that a score comes of.
    pub(super) fn select(&self, places: &[i64]) -> anyhow::Result<Value> {
        let count = self.count();
        ensure!(places.len() <= MOST_COLUMNS, "it selects {} columns", places.len());
        let place = |place: &i64| {
            let place = usize::try_from(*place).ok().filter(|place| *place < count);
            place.with_context(|| format!("it selects a column that is not among its {count}"))
        };
        let places: Vec<usize> = places.iter().map(place).collect::<anyhow::Result<_>>()?;
        if self.kind != Kind::Raw && count == 2 {
            return match *places {
                [0] => Ok(Value::Aside),
                [0, 1] => Ok(Value::Numbers(self.clone())),
                [1] => {
                    let kind = if self.kind == Kind::Judged { Kind::Raw } else { Kind::Odds };
                    let columns = self.columns.last().cloned().into_iter().collect();
                    Ok(Value::Numbers(Self { columns, kind, width: self.width }))
                }
                _ => bail!("it puts two classes into another order"),
            };
        }
        let columns = places.iter().map(|place| self.columns[*place].clone()).collect();
        Ok(Value::Numbers(Self { columns, kind: self.kind, width: self.width }))
    }

    /// Several beside each other.
    pub(super) fn beside(parts: &[&Self]) -> anyhow::Result<Self> {
        let first = parts.first().context("it has no inputs")?;
        ensure!(
            parts.iter().all(|part| part.kind == first.kind && part.kind != Kind::Judged),
            "it puts scores beside features"
        );
        let count: usize = parts.iter().map(|part| part.columns.len()).sum();
        ensure!(count <= MOST_COLUMNS, "it has {count} columns; {MOST_COLUMNS} are the most");
        let columns = parts.iter().flat_map(|part| part.columns.iter().cloned()).collect();
        let all_whole = parts.iter().all(|part| part.width == Width::Whole);
        let any_double = parts.iter().any(|part| part.width == Width::Double);
        let width = if all_whole {
            Width::Whole
        } else if any_double {
            Width::Double
        } else {
            Width::Single
        };
        Ok(Self { columns, kind: first.kind, width })
    }

    /// Whether it is the probabilities of two classes that add up to 1.
    pub(super) fn is_pair(&self) -> bool {
        self.kind == Kind::Odds
            && matches!(&*self.columns, [first, second] if same(&first.opposite(), second))
    }

    /// The score: log-odds, or what the model says of the second class.
    pub(super) fn score(&self) -> anyhow::Result<&Column> {
        match &*self.columns {
            [score] => Ok(score),
            [_, score] if self.is_pair() => Ok(score),
            [_, _] if self.kind == Kind::Odds => {
                bail!("its two probabilities do not add up to 1: several labels at once are not taken")
            }
            [_, _] => bail!("it ends in two scores; end it with a Softmax, so that they are of two classes"),
            columns => bail!("it ends in {} numbers; a score is one", columns.len()),
        }
    }
}

/// Whether two columns are the same; of a feature and a line that it became, too.
fn same(one: &Column, other: &Column) -> bool {
    one == other || matches!((one.line(), other.line()), (Ok(one), Ok(other)) if one == other)
}
