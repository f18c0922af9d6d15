//! Tables instead of logs: a row a case, a column a fact. Trained, evaluated and kept as a file with its encoding.

pub mod drift;
pub mod encode;
pub mod evaluate;
pub mod frame;
pub mod leak;
pub mod model;
mod page;
pub mod select;
pub mod train;

pub use page::{card, evaluation};
