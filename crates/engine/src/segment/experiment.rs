//! Experiments: which arm a device is in, the same on every day and unrelated between experiments.

use keepset_wire::codec;
use keepset_wire::document::{Mistake, Name, Node};
use keepset_wire::sha256;

/// An experiment of a pack.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    /// Its arms and their shares, sorted by name.
    pub arms: Vec<(Name, u32)>,
    salt: String,
}

codec!(struct Experiment { id, title, arms, salt });

impl Experiment {
    pub(crate) fn read(id: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["title", "salt", "arms"])?;
        let arms = fields.need("arms")?;
        let shares = arms.each_member(|name, share| Ok((name, share.whole(1, 1_000_000)?)))?;
        if shares.len() < 2 {
            return Err(arms.mistake("expected at least two arms"));
        }
        Ok(Self {
            title: fields.get("title").map_or(Ok(id.as_str()), |title| title.text())?.to_owned(),
            salt: fields.need("salt")?.text()?.to_owned(),
            arms: shares,
            id,
        })
    }

    /// Returns the arm of the device with this secret.
    pub(crate) fn arm(&self, secret: &[u8; 32]) -> usize {
        let digest = sha256(&[b"keepset arm 1", secret, self.salt.as_bytes()]);
        let number = digest.iter().take(8).fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        let shares: u64 = self.arms.iter().map(|(_, share)| u64::from(*share)).sum();
        let mut ticket = number % shares;
        for (index, (_, share)) in self.arms.iter().enumerate() {
            match ticket.checked_sub(u64::from(*share)) {
                Some(rest) => ticket = rest,
                None => return index,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use keepset_wire::document;

    fn experiment(salt: &str) -> Experiment {
        let text = format!(r#"{{"salt": "{salt}", "arms": {{"control": 10, "a": 45, "b": 45}}}}"#);
        let document = document::parse(&text).unwrap();
        Experiment::read(Name::parse("e").unwrap(), &Node::root(&document)).unwrap()
    }

    fn secret(number: u32) -> [u8; 32] {
        sha256(&[&number.to_be_bytes()])
    }

    /// Chi-square with 2 degrees of freedom, and with 4 for the table of two experiments: beyond 27.6 and 31.8 with
    /// probability 1e-6 and 2e-6. The secrets are fixed, so the test does not fail by chance.
    #[test]
    fn arms_are_as_large_as_their_shares_and_experiments_do_not_follow_each_other() {
        let (spring, autumn) = (experiment("spring"), experiment("autumn"));
        let devices = 100_000;
        let mut table = [[0.0_f64; 3]; 3];
        for number in 0..devices {
            let secret = secret(number);
            assert_eq!(spring.arm(&secret), spring.arm(&secret));
            table[spring.arm(&secret)][autumn.arm(&secret)] += 1.0;
        }
        let shares = [0.45, 0.45, 0.10];
        let mut margin = 0.0;
        let mut joint = 0.0;
        for (row, share) in table.iter().zip(shares) {
            let expected = f64::from(devices) * share;
            margin += (row.iter().sum::<f64>() - expected).powi(2) / expected;
            for (cell, other) in row.iter().zip(shares) {
                joint += (cell - expected * other).powi(2) / (expected * other);
            }
        }
        assert!(margin < 27.6, "{margin}");
        assert!(joint - margin < 45.0, "{joint}");
    }
}
