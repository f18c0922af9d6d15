//! What is published as CSV: a line per number, and lines for what is known of the reports behind them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{
    FigureView, Publication, QuestionView, RollupView, ShapesView, ShiftView, WindowView, WithoutView,
};

/// The columns; those at the end came later.
const COLUMNS: &str = "window,starts,ends,state,question,segment,reports,support,estimate,low,high,standard_error,published,\
     epsilon_per_report,epsilon_per_window,epsilon_per_year,mechanism,p,q,ask,measure,from,to,expected_error,consistent,level,level_low,level_high,assumed_fakes,low_with_fakes,high_with_fakes,more_reports,members,chosen_by,change,change_low,change_high,significant,without_origin,moved,p_value,unlikely,truncated_at_most";

/// Writes a publication as CSV, one line per window, question and number.
#[must_use]
pub fn csv(publication: &Publication) -> String {
    let mut text = format!("{COLUMNS}\n");
    for window in &publication.windows {
        for question in &window.questions {
            lines(window, question).for_each(|line| line.write(&mut text));
        }
    }
    text
}

/// The lines of a question: its numbers, those of segments put together, its numbers without each origin, and the shapes of its answers.
fn lines<'a>(window: &'a WindowView, question: &'a QuestionView) -> impl Iterator<Item = Line> {
    let line = || Line::of(window, question);
    let figures = question.figures.iter().map(move |figure| line().figure(figure));
    let rollups = question.rollups.iter().map(move |rollup| line().rollup(rollup));
    let without = question.without_origin.iter().flat_map(move |without| {
        without.figures.iter().map(move |shift| line().without(question.reports, without, shift))
    });
    let shapes = question.shapes.iter().map(move |shapes| line().shapes(*shapes));
    figures.chain(rollups).chain(without).chain(shapes)
}

/// The cells of a line by their columns; those it has nothing for are empty.
struct Line(BTreeMap<&'static str, String>);

impl Line {
    fn of(window: &WindowView, question: &QuestionView) -> Self {
        let (epsilon, mechanism) = (question.epsilon, question.mechanism);
        Self(BTreeMap::new())
            .with("window", window.window)
            .with("starts", &window.starts)
            .with("ends", &window.ends)
            .with("state", window.state)
            .with("question", &question.id)
            .with("reports", question.reports)
            .with("epsilon_per_report", epsilon.per_report)
            .with("epsilon_per_window", epsilon.per_window)
            .with("epsilon_per_year", epsilon.per_year)
            .with("mechanism", mechanism.name)
            .with_any("p", mechanism.p)
            .with_any("q", mechanism.q)
            .with("ask", question.ask)
            .with_any("truncated_at_most", question.truncated_at_most)
    }

    fn figure(self, figure: &FigureView) -> Self {
        let (context, change) = (figure.context, figure.change);
        let level = context.and_then(|context| context.level);
        self.with("segment", &figure.item)
            .with("measure", figure.measure)
            .with_any("support", figure.support)
            .with_any("estimate", figure.estimate)
            .with_any("low", figure.low)
            .with_any("high", figure.high)
            .with_any("standard_error", figure.standard_error)
            .with("published", figure.published)
            .with_any("from", figure.from)
            .with_any("to", figure.to)
            .with_any("expected_error", figure.expected_error)
            .with_any("consistent", figure.consistent)
            .with_any("level", level.map(|level| level.estimate))
            .with_any("level_low", level.map(|level| level.low))
            .with_any("level_high", level.map(|level| level.high))
            .with_any("assumed_fakes", context.map(|context| context.assumed_fakes))
            .with_any("low_with_fakes", context.map(|context| context.low_with_fakes))
            .with_any("high_with_fakes", context.map(|context| context.high_with_fakes))
            .with_any("more_reports", context.and_then(|context| context.more_reports))
            .with_any("change", change.map(|change| change.difference))
            .with_any("change_low", change.map(|change| change.low))
            .with_any("change_high", change.map(|change| change.high))
            .with_any("significant", figure.significant)
    }

    fn rollup(self, rollup: &RollupView) -> Self {
        self.with("segment", &rollup.id)
            .with("measure", if rollup.measure == "share" { "rollup" } else { rollup.measure })
            .with("support", rollup.support)
            .with("estimate", rollup.estimate)
            .with("low", rollup.low)
            .with("high", rollup.high)
            .with("standard_error", rollup.standard_error)
            .with("published", rollup.published)
            .with("members", rollup.members.join("+"))
            .with("chosen_by", rollup.chosen_by)
    }

    /// A number without one origin has a measure of its own, so that nobody takes it for the number.
    fn without(self, all: u64, without: &WithoutView, shift: &ShiftView) -> Self {
        self.with("segment", &shift.item)
            .with("measure", format!("{}_without", shift.measure))
            .with("reports", all.saturating_sub(without.reports))
            .with("estimate", shift.estimate)
            .with("low", shift.low)
            .with("high", shift.high)
            .with("published", true)
            .with("without_origin", quoted(&without.origin))
            .with("moved", shift.moved)
    }

    /// No estimate, and so none that is published.
    fn shapes(self, shapes: ShapesView) -> Self {
        self.with("segment", shapes.found)
            .with("measure", "shapes")
            .with("reports", shapes.reports)
            .with("published", false)
            .with("p_value", shapes.p_value)
            .with("unlikely", shapes.unlikely)
    }

    // Nearly all are numbers and short texts, which read better without a reference before each.
    #[expect(clippy::needless_pass_by_value)]
    fn with(mut self, column: &'static str, cell: impl ToString) -> Self {
        debug_assert!(COLUMNS.split(',').any(|known| known == column), "{column} is no column");
        self.0.insert(column, cell.to_string());
        self
    }

    fn with_any<T: ToString>(self, column: &'static str, cell: Option<T>) -> Self {
        match cell {
            Some(cell) => self.with(column, cell.to_string()),
            None => self,
        }
    }

    /// Names hold only `a-z 0-9 _ - . +` and begin with a letter: no cell but an origin needs quotes, none can be a formula.
    fn write(&self, text: &mut String) {
        let cells: Vec<&str> =
            COLUMNS.split(',').map(|column| self.0.get(column).map_or("", String::as_str)).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", cells.join(","));
    }
}

/// Origins are declared by the operator, begin with a letter, and may hold a comma by the letter of their grammar.
fn quoted(origin: &str) -> String {
    if origin.contains([',', '"']) {
        format!("\"{}\"", origin.replace('"', "\"\""))
    } else {
        origin.to_owned()
    }
}
