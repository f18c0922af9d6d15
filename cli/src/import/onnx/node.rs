//! What a node is told besides its inputs, by name.

use anyhow::{Context as _, bail, ensure};

use super::constant::Constant;
use super::proto::{Attribute, Node};

/// Which of two classes a score is of, and how it becomes a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum After {
    /// Not at all.
    Nothing,
    /// By the logistic function.
    Logistic,
    /// By a softmax.
    Softmax,
}

impl Node {
    /// Its operator, with the domain where it is not the usual one.
    pub(super) fn operator(&self) -> String {
        match self.domain.as_str() {
            "" | "ai.onnx" | "ai.onnx.ml" => self.op_type.clone(),
            other => format!("{other}.{}", self.op_type),
        }
    }

    /// Its operator and its name, to find it by.
    pub(super) fn place(&self) -> String {
        let output = self.output.iter().find(|name| !name.is_empty()).map_or("", String::as_str);
        let name = if self.name.is_empty() { output } else { &self.name };
        format!("operator {}, node {name:?}", self.operator())
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.f)
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        self.attribute(name).map_or_else(
            || default.to_owned(),
            |attribute| String::from_utf8_lossy(&attribute.s).into_owned(),
        )
    }

    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attribute(name).map_or(&[], |attribute| &attribute.ints)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let strings = self.attribute(name).map_or(&[][..], |attribute| &attribute.strings);
        strings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    /// Numbers of 32 bits, or of 64 under the name that ends in `_as_tensor`.
    pub(super) fn floats(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        let floats = self.attribute(name).map_or(&[][..], |attribute| &attribute.floats);
        if floats.is_empty() {
            return self.tensor(&format!("{name}_as_tensor"));
        }
        Ok(floats.iter().map(|value| f64::from(*value)).collect())
    }

    /// The numbers of a tensor; none where there is none.
    pub(super) fn tensor(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        let Some(tensor) = self.attribute(name).and_then(|attribute| attribute.t.as_ref()) else {
            return Ok(Vec::new());
        };
        let constant = Constant::read(tensor).and_then(|constant| Ok(constant.numbers()?.to_vec()));
        constant.with_context(|| format!("its {name}"))
    }

    /// How its scores become probabilities.
    pub(super) fn after(&self) -> anyhow::Result<After> {
        match self.text("post_transform", "NONE").as_str() {
            "NONE" => Ok(After::Nothing),
            "LOGISTIC" => Ok(After::Logistic),
            "SOFTMAX" => Ok(After::Softmax),
            other => bail!("its post_transform is {other}; NONE, LOGISTIC and SOFTMAX are taken"),
        }
    }

    /// Refuses other than two classes.
    pub(super) fn two_classes(&self, lists: [&str; 2]) -> anyhow::Result<()> {
        let count = |list: &str| {
            self.attribute(list).map_or(0, |attribute| attribute.ints.len() + attribute.strings.len())
        };
        let classes = count(lists[0]) + count(lists[1]);
        ensure!(classes == 2, "it tells {classes} classes apart; a score tells two");
        Ok(())
    }

    /// The number of an axis is that of the columns.
    pub(super) fn across_columns(&self, name: &str, default: i64) -> anyhow::Result<()> {
        let axis = self.int(name, default);
        ensure!(axis == 1 || axis == -1, "its {name} is {axis}; 1 is taken, which is across columns");
        Ok(())
    }
}
