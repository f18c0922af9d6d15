//! What the engine leaves to its host and TypeScript cannot do for it.

pub(crate) mod entropy;
