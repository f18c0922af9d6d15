//! The losses of the shipped and the adapted scores by how much was learned, as a drawing.

use super::person::Told;
use crate::drawing::{Axis, BLUE, Drawing, ORANGE};
use crate::learn::scale::loss;

/// A place of the curve has so many predictions at least.
const LEAST: usize = 200;

/// Draws the mean log-losses by the number of outcomes learned from.
#[expect(clippy::cast_precision_loss, reason = "numbers of predictions")]
pub(super) fn draw(people: &[Vec<Told>], title: &str) -> String {
    let most = people.iter().flatten().map(|told| told.learned).max().unwrap_or(0);
    let at = |learned: usize| -> Vec<&Told> {
        people.iter().flatten().filter(|told| told.learned == learned).collect()
    };
    let mean = |told: &[&Told], of: &dyn Fn(&Told) -> f64| {
        told.iter().map(|told| loss(of(told), told.came)).sum::<f64>() / told.len() as f64
    };
    let places: Vec<(f64, f64, f64)> = (0..=most)
        .map(|learned| (learned, at(learned)))
        .filter(|(_, told)| told.len() >= LEAST)
        .map(|(learned, told)| {
            (learned as f64, mean(&told, &|told| told.shipped), mean(&told, &|told| told.adapted))
        })
        .collect();
    let last = places.last().map_or(1.0, |place| place.0).max(1.0);
    let highest = places.iter().map(|place| place.1.max(place.2)).fold(0.1, f64::max) * 1.05;
    let across =
        Axis { caption: "outcomes of the person learned from", label: &|number| format!("{number:.1}") };
    let up = Axis { caption: "mean log-loss of a prediction", label: &|loss| format!("{loss:.2}") };
    let mut drawing = Drawing::new(title, 560.0, (last, highest), &across, &up);
    drawing.line("the shipped model", (ORANGE, "7 3"), places.iter().map(|place| (place.0, place.1)));
    drawing.line("adapted", (BLUE, "none"), places.iter().map(|place| (place.0, place.2)));
    drawing.svg()
}
