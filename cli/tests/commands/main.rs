//! What the commands do, in one program: it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod adapt;
mod audit;
mod buying;
mod common;
mod delivery;
mod drift;
mod family;
mod groups;
mod hazard;
mod import;
mod log;
mod logs;
mod person;
mod plan;
mod planted;
mod questions;
mod recalibrate;
mod replay;
mod retail;
mod rows;
mod table_pack;
mod tables;
mod telecom;
mod train;
mod verify;
