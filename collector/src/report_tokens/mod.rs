//! Tokens that reports are paid with (Privacy Pass, RFC 9576 to 9578): each is spent once, and none tells whom it was issued to.
//!
//! An issuer signs what a device blinded; it is another process, with another key. [`keys`] is the file that says whose signatures count,
//! [`token`] the bytes of a challenge and of a token, [`redeem`] the check at the door. Of a token nothing is kept but two names made of its
//! nonce, written in the transaction that counts its report.

pub mod keys;
pub mod redeem;
pub mod token;

use keepset_wire::{PlanHash, ReportId, Window, name16};

pub use keys::TokenKeys;
pub use redeem::Redeemer;

/// What is written down when a token is spent.
///
/// # Privacy
/// Both names are hashes over the nonce, 256 bits that the device drew: whoever does not hold the token finds neither it nor its report
/// from them. The issuer never saw the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Names the token.
    pub mark: [u8; 16],
    /// Names the token and the report together: a report that is sent again may bring its token again, no other may.
    pub bound: [u8; 16],
    /// The last window in which the token could come; with it, this is forgotten.
    pub window: Window,
}

impl Spend {
    /// Makes the names. `plan` and `key` keep apart what is spent elsewhere.
    #[must_use]
    pub fn new(plan: PlanHash, key: &[u8; 32], nonce: &[u8], id: ReportId, window: Window) -> Self {
        Self {
            mark: name16(&[b"keepset token spent 1", &plan.0, key, nonce]),
            bound: name16(&[b"keepset token bound 1", &plan.0, key, nonce, &id.0]),
            window,
        }
    }
}
