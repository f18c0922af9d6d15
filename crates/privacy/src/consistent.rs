//! Shares made consistent: none negative, none above 1, and together what they must be.
//!
//! The nearest point of the simplex, in Euclidean distance: what noise took off one and put on another is given back in equal parts
//! ("norm-sub"). The truth lies in the simplex, so the nearest point is never further from it than the raw estimate. It biases small
//! shares upwards, so that intervals are always those of the raw estimate; it is shown beside it, under its own name.

/// What the shares are together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Total {
    /// Every device is in exactly one.
    One,
    /// A device counts in at most so many: the cap of a question.
    AtMost(u8),
}

/// Returns the nearest shares that can be.
#[must_use]
pub fn consistent(shares: &[f64], total: Total) -> Vec<f64> {
    let held = |less: f64| shares.iter().map(move |share| (share - less).clamp(0.0, 1.0));
    let sum = |less: f64| held(less).sum::<f64>();
    let wanted = match total {
        Total::One => 1.0,
        Total::AtMost(cap) if sum(0.0) > f64::from(cap) => f64::from(cap),
        Total::AtMost(_) => return held(0.0).collect(),
    };
    // The sum falls from their number to 0 as more is taken off: the right amount lies between the least share less 1 and the greatest.
    let (mut below, mut above) =
        shares.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), share| {
            (low.min(share - 1.0), high.max(*share))
        });
    // 100 halvings: as fine as an f64.
    for _ in 0..100 {
        let middle = f64::midpoint(below, above);
        if sum(middle) > wanted {
            below = middle;
        } else {
            above = middle;
        }
    }
    held(above).collect()
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
