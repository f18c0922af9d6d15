//! The regret of each policy, as a drawing.

use std::fmt::Write as _;

use keepset_engine::Alternatives;

use super::simulate::{Course, POLICIES};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 500.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 272.0;
/// By policy: one of Okabe and Ito's colours that is dark enough for text on white, and the dashes.
const LINES: [(&str, &str); 4] =
    [("#0072b2", "none"), ("#b34700", "7 3"), ("#555555", "2 3"), ("#7a3b69", "9 3 2 3")];

/// Draws the curves as SVG.
pub(super) fn draw(courses: &[Course], choice: &Alternatives) -> String {
    let rounds = courses.iter().map(|course| course.regret.len()).max().unwrap_or(1);
    let highest = courses.iter().filter_map(|course| course.regret.last().copied()).fold(0.1, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "ten thousand rounds at most")]
    let x = |round: usize| LEFT + (RIGHT - LEFT) * round as f64 / rounds as f64;
    let y = |regret: f64| BOTTOM - (BOTTOM - TOP) * regret / highest;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>What a device has lost of the successes that the best variant for it would have had: {}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n",
        choice.id
    );
    for quarter in 0..=4_u32 {
        let (height, round) = (y(highest * f64::from(quarter) / 4.0), rounds * quarter as usize / 4);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {height:.1}H{RIGHT}\" stroke=\"#d0d0d0\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{:.2}</text>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">{round}</text>",
            LEFT - 6.0,
            height + 4.0,
            highest * f64::from(quarter) / 4.0,
            x(round),
            BOTTOM + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT:.0}\" y=\"{:.0}\" fill=\"#333333\">successes lost so far, a device</text>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">rounds</text>",
        TOP - 10.0,
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 38.0
    );
    let mut place = TOP + 12.0;
    for ((course, policy), (colour, dash)) in courses.iter().zip(POLICIES).zip(LINES) {
        let points: Vec<String> = std::iter::once((0, 0.0))
            .chain(course.regret.iter().enumerate().map(|(round, regret)| (round + 1, *regret)))
            .map(|(round, regret)| format!("{:.1},{:.1}", x(round), y(regret)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <path d=\"M{:.0} {place:.0}h24\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" font-size=\"11\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            RIGHT + 8.0,
            RIGHT + 38.0,
            place + 4.0,
            policy.name()
        );
        place += 18.0;
    }
    svg + "</svg>\n"
}
