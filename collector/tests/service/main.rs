//! The collector as its users meet it: the real binary, a real socket, a real file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod cluster;
mod drawn;
mod fleet;
mod fuzz;
mod issuer;
mod issuing;
mod kept;
mod load;
mod mint;
mod process;

mod access;
mod answers;
mod archive;
mod bodies;
mod checks;
mod connections;
mod counting;
mod crash;
mod decoders;
mod deployed;
mod described;
mod disk;

mod keeping;
mod kinds;
mod labels;
mod life;
mod limits;
mod monitors;
mod oidc;
mod operated;
mod pages;
mod paying;
mod relay;
mod rollups;
mod routes;
mod schemathesis;
mod sealing;
mod settings;
mod spending;
mod truth;
mod webhooks;
