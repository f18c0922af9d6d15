//! Models: a score from features, computed the same way in training and on the device.

#[cfg(feature = "every-kind")]
mod buying;
#[cfg(feature = "every-kind")]
mod columns;
#[cfg(feature = "every-kind")]
mod contributions;
#[cfg(feature = "every-kind")]
mod elementary;
#[cfg(feature = "fit")]
pub mod fit;
#[cfg(feature = "every-kind")]
mod game;
#[cfg(feature = "every-kind")]
mod network;
mod scorer;
#[cfg(feature = "every-kind")]
mod trees;
mod waiting;

#[cfg(feature = "every-kind")]
pub use buying::{BgNbd, Customer, GammaGamma};
pub use scorer::{Contributions, Inputs, Model};
pub use waiting::Waiting;

/// Reads a model of features of these names, the hash of whose definitions is their names.
#[cfg(test)]
fn read_of(
    features: &[&str],
    document: &serde_json::Value,
) -> Result<Model, keepset_wire::document::Mistake> {
    let position = |name: &str| features.iter().position(|known| *known == name);
    let definitions = |names: &[&str]| names.join("+");
    let inputs = Inputs { position: &position, definitions: &definitions };
    let id = keepset_wire::Name::parse("m").unwrap();
    Model::read(id, &keepset_wire::document::Node::root(document), inputs)
}
