//! The native tool: what a behaviour log says when every person in it carries the engine, and what a collector would see.
//!
//! `log` reads lines, `fleet` lives through them with one engine per person, `replay` joins the two, `tally` counts and
//! un-noises, `coverage` repeats the noise, `survey` tells what a pack makes of a log, `person` asks about one person,
//! `train` learns a model of a log, `family` one for each value of a property, `hazard` when an event comes, `buying` how often, `groups` divides people by k-means, and `tabular` one of a table, with the learners in `learn`; `sentiment` learns the lexicon of texts, `import` takes those of other libraries, `adapt` measures what a model gains that moves with a person, `choose` simulates choices among variants, `plan` says what a plan will be able to tell, `audit` holds the shipped module to what is claimed of it. The engine is the very one that runs in browsers.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod adapt;
pub mod args;
pub mod audit;
pub mod buying;
pub mod choose;
mod collector;
pub mod commands;
pub mod coverage;
pub mod crowd;
mod drawing;
pub mod family;
pub mod figures;
pub mod fleet;
pub mod groups;
pub mod hazard;
pub mod import;
pub mod learn;
pub mod log;
mod markers;
pub mod person;
pub mod plan;
pub mod replay;
pub mod sentiment;
mod splice;
mod story;
pub mod survey;
pub mod table;
pub mod tabular;
pub mod tally;
pub mod terminal;
pub mod train;
