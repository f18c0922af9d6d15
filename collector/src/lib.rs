//! The collector: receives private reports, counts each exactly once, and publishes estimates with intervals.
//!
//! The life of a report here: [`ingest`] reads the body, [`admit`] lets it be counted, [`store`] makes it durable
//! and only then is it acknowledged; [`estimate`] un-noises the counts, the rule of release decides what is
//! printed, [`context`] says how far to trust it, [`publish`] and [`dashboard`] show it. [`gateway`] takes the same requests out of
//! what a relay forwards. [`listen`] takes connections, [`limits`] says how much may be asked, [`access`] who may read, `metrics` what a
//! monitor does. [`archive`] is where answers go that others than the store are to count.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod admit;
pub mod alarms;
pub mod archive;
mod body;
pub mod changes;
pub mod checks;
pub mod clock;
pub mod commands;
pub mod config;
pub mod context;
pub mod counters;
pub mod dashboard;
pub mod estimate;
pub mod gateway;
pub mod headers;
pub mod ingest;
pub mod issuer;
pub mod journal;
pub mod keys;
pub mod labels;
pub mod limits;
pub mod listen;
mod metrics;
mod openapi;
mod outgoing;
mod private;
pub mod problem;
pub mod publish;
pub mod report_tokens;
pub mod rollups;
pub mod server;
pub mod signals;
mod sqlite_file;
pub mod store;
mod unread;
pub mod without;
