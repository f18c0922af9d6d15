//! The regret of each policy, as a drawing.

use keepset_engine::Alternatives;

use super::simulate::{Course, POLICIES};
use crate::drawing::{Axis, BLUE, Drawing, GREY, ORANGE, PURPLE};

/// By policy: its colour and dashes.
const LINES: [(&str, &str); 4] = [(BLUE, "none"), (ORANGE, "7 3"), (GREY, "2 3"), (PURPLE, "9 3 2 3")];

/// Draws the curves as SVG.
#[expect(clippy::cast_precision_loss, reason = "ten thousand rounds at most")]
pub(super) fn draw(courses: &[Course], choice: &Alternatives) -> String {
    let rounds = courses.iter().map(|course| course.regret.len()).max().unwrap_or(1);
    let highest = courses.iter().filter_map(|course| course.regret.last().copied()).fold(0.1, f64::max);
    let title = format!(
        "What a device has lost of the successes that the best variant for it would have had: {}",
        choice.id
    );
    let across = Axis { caption: "rounds", label: &|round| format!("{}", round.floor()) };
    let up = Axis { caption: "successes lost so far, a device", label: &|regret| format!("{regret:.2}") };
    let mut drawing = Drawing::new(&title, 500.0, (rounds as f64, highest), &across, &up);
    for ((course, policy), style) in courses.iter().zip(POLICIES).zip(LINES) {
        let after = course.regret.iter().enumerate().map(|(round, regret)| ((round + 1) as f64, *regret));
        drawing.line(policy.name(), style, std::iter::once((0.0, 0.0)).chain(after));
    }
    drawing.svg()
}
