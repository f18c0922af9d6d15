//! What stands in the place of formulas in an engine without every kind: none can be read.

use keepset_wire::codec::{Codec, Decoder};
use keepset_wire::document::{Mistake, Name, Node};

/// No formula.
pub(super) struct Formula;

impl Codec for Formula {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(from: &mut Decoder<'_>) -> Self {
        from.fail();
        Self
    }
}

impl Formula {
    pub(super) fn read(node: &Node<'_>, _: &[Name], _: u32) -> Result<Self, Mistake> {
        Err(node.mistake("formulas are read by an engine with every kind of feature"))
    }

    #[expect(clippy::unused_self, reason = "as a formula has it")]
    pub(super) fn value(&self, _: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        None
    }

    #[expect(clippy::unused_self, reason = "as a formula has it")]
    pub(super) fn visit(&self, _: &mut dyn FnMut(usize)) {}
}
