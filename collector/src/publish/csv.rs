//! What is published as CSV, a line per number.

use std::fmt::Write as _;

use super::{FigureView, Publication, QuestionView, WindowView};

/// Writes a publication as CSV, one line per window, question and number.
#[must_use]
pub fn csv(publication: &Publication) -> String {
    let mut text = String::from(
        "window,starts,ends,state,question,segment,reports,support,estimate,low,high,standard_error,published,\
         epsilon_per_report,epsilon_per_window,epsilon_per_year,mechanism,p,q,ask,measure,from,to,expected_error,consistent,level,level_low,level_high,assumed_fakes,low_with_fakes,high_with_fakes,more_reports\n",
    );
    for window in &publication.windows {
        for question in &window.questions {
            for figure in &question.figures {
                write_line(&mut text, window, question, figure);
            }
        }
    }
    text
}

/// Names hold only `a-z 0-9 _ - . +` and begin with a letter: no cell needs quotes, none can be a formula.
fn write_line(text: &mut String, window: &WindowView, question: &QuestionView, figure: &FigureView) {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (epsilon, mechanism) = (question.epsilon, question.mechanism);
    let level = figure.context.and_then(|context| context.level);
    let cells = [
        window.window.to_string(),
        window.starts.clone(),
        window.ends.clone(),
        window.state.to_owned(),
        question.id.clone(),
        figure.item.clone(),
        question.reports.to_string(),
        figure.support.map(|support| support.to_string()).unwrap_or_default(),
        number(figure.estimate),
        number(figure.low),
        number(figure.high),
        number(figure.standard_error),
        figure.published.to_string(),
        epsilon.per_report.to_string(),
        epsilon.per_window.to_string(),
        epsilon.per_year.to_string(),
        mechanism.name.to_owned(),
        number(mechanism.p),
        number(mechanism.q),
        question.ask.to_owned(),
        figure.measure.to_owned(),
        number(figure.from),
        number(figure.to),
        number(figure.expected_error),
        number(figure.consistent),
        number(level.map(|level| level.estimate)),
        number(level.map(|level| level.low)),
        number(level.map(|level| level.high)),
        number(figure.context.map(|context| context.assumed_fakes)),
        number(figure.context.map(|context| context.low_with_fakes)),
        number(figure.context.map(|context| context.high_with_fakes)),
        figure
            .context
            .and_then(|context| context.more_reports)
            .map(|more| more.to_string())
            .unwrap_or_default(),
    ];
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}", cells.join(","));
}
