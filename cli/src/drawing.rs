//! Lines over two axes as SVG: the frame that drawings of a training and of a simulation share.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 272.0;

/// Okabe and Ito's colours that are dark enough for text on white.
pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const ORANGE: &str = "#b34700";
pub(crate) const GREY: &str = "#555555";
pub(crate) const PURPLE: &str = "#7a3b69";

/// A drawing in the making: both axes begin at zero.
pub(crate) struct Drawing {
    svg: String,
    /// Where the plane ends; what lines are called stands to the right of it.
    right: f64,
    /// The values at the ends of the axes.
    ends: (f64, f64),
    lines: u8,
}

/// What an axis is of, and how its values are written.
pub(crate) struct Axis<'a> {
    pub(crate) caption: &'a str,
    pub(crate) label: &'a dyn Fn(f64) -> String,
}

impl Drawing {
    /// Draws the axes, each with five values, up to `ends`.
    pub(crate) fn new(title: &str, right: f64, ends: (f64, f64), across: &Axis<'_>, up: &Axis<'_>) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <title>{title}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        let mut drawing = Self { svg, right, ends, lines: 0 };
        for quarter in 0..=4 {
            drawing.quarter(f64::from(quarter) / 4.0, across, up);
        }
        drawing.put(format_args!(
            "<text x=\"{LEFT:.0}\" y=\"{:.0}\" fill=\"#333333\">{}</text>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">{}</text>",
            TOP - 10.0,
            up.caption,
            f64::midpoint(LEFT, right),
            BOTTOM + 38.0,
            across.caption
        ));
        drawing
    }

    fn quarter(&mut self, part: f64, across: &Axis<'_>, up: &Axis<'_>) {
        let values = (self.ends.0 * part, self.ends.1 * part);
        let (place, height) = self.at(values);
        let right = self.right;
        self.put(format_args!(
            "<path d=\"M{LEFT} {height:.1}H{right}\" stroke=\"#d0d0d0\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{}</text>\
             <text x=\"{place:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">{}</text>",
            LEFT - 6.0,
            height + 4.0,
            (up.label)(values.1),
            BOTTOM + 18.0,
            (across.label)(values.0)
        ));
    }

    /// Where values lie; what is above the upper end lies on it.
    fn at(&self, (across, up): (f64, f64)) -> (f64, f64) {
        let (width, height) = self.ends;
        (LEFT + (self.right - LEFT) * across / width, BOTTOM - (BOTTOM - TOP) * up.min(height) / height)
    }

    /// Draws a line of values and says what it is called, below the lines before.
    pub(crate) fn line(
        &mut self,
        name: &str,
        (colour, dash): (&str, &str),
        values: impl Iterator<Item = (f64, f64)>,
    ) {
        let (points, place, beside) =
            (self.points(values), TOP + 12.0 + 18.0 * f64::from(self.lines), self.right);
        self.lines = self.lines.saturating_add(1);
        self.put(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <path d=\"M{:.0} {place:.0}h24\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" font-size=\"11\" fill=\"{colour}\">{name}</text>",
            beside + 8.0,
            beside + 38.0,
            place + 4.0
        ));
    }

    /// Fills what lies within values, in the order of its border.
    pub(crate) fn area(&mut self, colour: &str, border: impl Iterator<Item = (f64, f64)>) {
        let points = self.points(border);
        self.put(format_args!("<polygon points=\"{points}\" fill=\"{colour}\" opacity=\"0.15\"/>"));
    }

    /// Draws a dotted line at one height, with words beside it.
    pub(crate) fn level(&mut self, up: f64, words: &str) {
        let ((_, height), right) = (self.at((0.0, up)), self.right);
        self.put(format_args!(
            "<path d=\"M{LEFT} {height:.1}H{right}\" stroke=\"{GREY}\" stroke-dasharray=\"2 3\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" fill=\"{GREY}\">{words}</text>",
            right + 8.0,
            height + 4.0
        ));
    }

    /// Marks one place, with words beside it.
    pub(crate) fn mark(&mut self, values: (f64, f64), words: &str) {
        let (across, up) = self.at(values);
        self.put(format_args!(
            "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"5\" fill=\"none\" stroke=\"#222222\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#222222\">{words}</text>",
            across + 9.0,
            up - 6.0
        ));
    }

    /// Returns the whole.
    pub(crate) fn svg(self) -> String {
        self.svg + "</svg>\n"
    }

    fn points(&self, values: impl Iterator<Item = (f64, f64)>) -> String {
        let place = |at| {
            let (x, y) = self.at(at);
            format!("{x:.1},{y:.1}")
        };
        values.map(place).collect::<Vec<_>>().join(" ")
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.svg, "{element}");
    }
}
