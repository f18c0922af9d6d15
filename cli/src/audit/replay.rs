//! Known bytes in the place of randomness: the same draws by this program's own engine and by the shipped module.
//!
//! The harness answers the module's `crypto.getRandomValues` from SHA-256 of "seed number 0", "seed number 1" and so on. A
//! module that has just started asks three times for 32 bytes: twice to see that the source lives, and once for the key of
//! ChaCha20 (the generator of OpenDP's samplers), from which all else follows.

use chacha20::ChaCha20Rng;
use keepset_privacy::{Coins, NoEntropy};
use rand::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// So many bytes a new instance asks of its source.
pub(super) const ASKED: u64 = 96;

/// The generator that a new instance has made from known bytes, at the point where the gate begins to draw.
#[derive(Debug)]
pub(super) struct KnownCoins(ChaCha20Rng);

impl KnownCoins {
    /// Follows instance `number` under `seed`.
    pub(super) fn new(seed: &str, number: u64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(block(seed, number, 2));
        // `SystemCoins::open` looks at 64 bytes.
        let mut looked_at = [0; 64];
        rng.fill_bytes(&mut looked_at);
        Self(rng)
    }
}

/// What is drawn below a bound is what OpenDP's sampler draws from the same bytes: [`Coins::below`].
impl Coins for KnownCoins {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

/// The 32 known bytes of a block.
fn block(seed: &str, number: u64, block: u64) -> [u8; 32] {
    Sha256::digest(format!("{seed} {number} {block}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_instances_and_two_seeds_share_no_draw() {
        let secret = |seed, number| KnownCoins::new(seed, number).secret().unwrap();
        assert_eq!(secret("a", 1), secret("a", 1));
        assert_ne!(secret("a", 1), secret("a", 2));
        assert_ne!(secret("a", 1), secret("b", 1));
    }
}
