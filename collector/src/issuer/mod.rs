//! The issuer: signs what devices blinded (RFC 9578, section 6), for a site's own backend, which says who asks and has said so once.
//!
//! It is another process than the collector, with another key: it learns who asks for tokens and never sees a token; the collector sees
//! tokens and never who asked. Even together they cannot tell which token was whose: a blinded message is uniformly random whatever is in
//! it (RFC 9474, section 7.1), so that every pairing of requests and tokens is equally likely.
//!
//! [`signer`] holds the keys, [`counts`] how many tokens each visitor has had, [`routes`] is what is asked over HTTP.

pub mod counts;
pub mod refusal;
pub mod routes;
pub mod signer;

pub use counts::Counts;
pub use routes::{Issuing, router};
pub use signer::Signer;
