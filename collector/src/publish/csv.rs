//! What is published as CSV, a line per number.

use std::fmt::Write as _;

use super::{FigureView, Publication, QuestionView, RollupView, WindowView};

/// The columns; those at the end came later.
const COLUMNS: &str = "window,starts,ends,state,question,segment,reports,support,estimate,low,high,standard_error,published,\
     epsilon_per_report,epsilon_per_window,epsilon_per_year,mechanism,p,q,ask,measure,from,to,expected_error,consistent,level,level_low,level_high,assumed_fakes,low_with_fakes,high_with_fakes,more_reports,members,chosen_by,change,change_low,change_high,significant";

/// Writes a publication as CSV, one line per window, question and number.
#[must_use]
pub fn csv(publication: &Publication) -> String {
    let mut text = format!("{COLUMNS}\n");
    for window in &publication.windows {
        for question in &window.questions {
            let figures = question.figures.iter().map(Line::of_figure);
            let rollups = question.rollups.iter().map(Line::of_rollup);
            figures.chain(rollups).for_each(|line| line.write(&mut text, window, question));
        }
    }
    text
}

/// What is in a line beside what its window and question say.
struct Line {
    item: String,
    support: Option<u64>,
    numbers: [Option<f64>; 4],
    published: bool,
    measure: &'static str,
    rest: Vec<String>,
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn count(value: Option<u64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl Line {
    fn of_figure(figure: &FigureView) -> Self {
        let context = figure.context;
        let level = context.and_then(|context| context.level);
        let numbers = [
            figure.from,
            figure.to,
            figure.expected_error,
            figure.consistent,
            level.map(|level| level.estimate),
            level.map(|level| level.low),
            level.map(|level| level.high),
            context.map(|context| context.assumed_fakes),
            context.map(|context| context.low_with_fakes),
            context.map(|context| context.high_with_fakes),
        ];
        let mut rest: Vec<String> = numbers.into_iter().map(number).collect();
        rest.extend([count(context.and_then(|context| context.more_reports)), String::new(), String::new()]);
        let change = figure.change;
        let changes = [
            change.map(|change| change.difference),
            change.map(|change| change.low),
            change.map(|change| change.high),
        ];
        rest.extend(changes.map(number));
        rest.push(figure.significant.map(|significant| significant.to_string()).unwrap_or_default());
        Self {
            item: figure.item.clone(),
            support: figure.support,
            numbers: [figure.estimate, figure.low, figure.high, figure.standard_error],
            published: figure.published,
            measure: figure.measure,
            rest,
        }
    }

    /// Two columns are of rollups alone, those around them of single numbers.
    fn of_rollup(rollup: &RollupView) -> Self {
        let mut rest = vec![String::new(); 11];
        rest.extend([rollup.members.join("+"), rollup.chosen_by.to_owned()]);
        rest.extend([const { String::new() }; 4]);
        Self {
            item: rollup.id.clone(),
            support: Some(rollup.support),
            numbers: [rollup.estimate, rollup.low, rollup.high, rollup.standard_error].map(Some),
            published: rollup.published,
            measure: if rollup.measure == "share" { "rollup" } else { rollup.measure },
            rest,
        }
    }

    /// Names hold only `a-z 0-9 _ - . +` and begin with a letter: no cell needs quotes, none can be a formula.
    fn write(&self, text: &mut String, window: &WindowView, question: &QuestionView) {
        let (epsilon, mechanism) = (question.epsilon, question.mechanism);
        let mut cells = vec![
            window.window.to_string(),
            window.starts.clone(),
            window.ends.clone(),
            window.state.to_owned(),
            question.id.clone(),
            self.item.clone(),
            question.reports.to_string(),
            count(self.support),
        ];
        cells.extend(self.numbers.map(number));
        cells.extend([
            self.published.to_string(),
            epsilon.per_report.to_string(),
            epsilon.per_window.to_string(),
            epsilon.per_year.to_string(),
            mechanism.name.to_owned(),
            number(mechanism.p),
            number(mechanism.q),
            question.ask.to_owned(),
            self.measure.to_owned(),
        ]);
        cells.extend_from_slice(&self.rest);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", cells.join(","));
    }
}
