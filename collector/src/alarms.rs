//! What honest reports would not do: signs that somebody makes reports up, or that clocks are wrong.
//!
//! # Privacy
//! Post-processing of counts that are noised already.

use keepset_privacy::drift::Drift;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::shapes::ShapeTest;
use keepset_wire::Window;

use crate::estimate::{QuestionEstimates, WindowEstimates};

/// So many standard errors below nothing or above all: of honest reports a share that is there or nowhere falls so far in one of 3.5 million.
pub(crate) const FAR: f64 = 5.0;
/// A change that chance makes in one of a million windows, or less, in a year like the one before.
const SUDDEN: f64 = 1e-6;
/// From so many late reports on, and from this share of all of a window, they are more than stragglers.
const MANY_LATE: u64 = 100;
const LATE_SHARE: f64 = 0.05;

/// One sign.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// The window it is about.
    pub window: Window,
    /// What it is.
    pub kind: AlarmKind,
}

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AlarmKind {
    /// A share that no honest reports give.
    Impossible {
        /// The position of its question in the plan.
        question: usize,
        /// Of what it is a share.
        measure: Measure,
        /// The estimate.
        share: f64,
        /// Its standard error.
        standard_error: f64,
    },
    /// Answers have shapes, taken together, that no honest ones have.
    Shapes {
        /// The position of their question in the plan.
        question: usize,
        /// What was found, with its probability.
        test: ShapeTest,
    },
    /// A number is that of one origin.
    Origin {
        /// The position of its question in the plan.
        question: usize,
        /// What it is of.
        measure: Measure,
        /// The origin.
        origin: String,
        /// The estimate of all reports.
        share: f64,
        /// The estimate without those of the origin.
        without: f64,
    },
    /// A question is answered otherwise than in the window before.
    Changed {
        /// The position of the question in the plan.
        question: usize,
        /// The test, with its probability.
        drift: Drift,
    },
    /// Many reports came when the window was closed.
    Late {
        /// How many.
        late: u64,
        /// How many were in time.
        reports: u64,
    },
}

impl AlarmKind {
    /// The names that a monitor knows them by.
    pub const NAMES: [&'static str; 5] =
        ["impossible-share", "unlikely-shapes", "one-origin", "sudden-change", "many-late"];

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Impossible { .. } => Self::NAMES[0],
            Self::Shapes { .. } => Self::NAMES[1],
            Self::Origin { .. } => Self::NAMES[2],
            Self::Changed { .. } => Self::NAMES[3],
            Self::Late { .. } => Self::NAMES[4],
        }
    }
}

/// Lists the alarms of all windows, oldest first.
#[must_use]
pub fn alarms(windows: &[WindowEstimates]) -> Vec<Alarm> {
    windows.iter().flat_map(of_window).collect()
}

fn of_window(estimates: &WindowEstimates) -> impl Iterator<Item = Alarm> {
    let (late, reports) = (estimates.late, estimates.reports());
    let too_late = late >= MANY_LATE && late as f64 > LATE_SHARE * (reports + late) as f64;
    let late = too_late.then_some(AlarmKind::Late { late, reports });
    let questions = estimates.questions.iter().enumerate();
    let of_questions = questions.flat_map(|(index, question)| of_question(index, question));
    let window = estimates.window;
    of_questions.chain(late).map(move |kind| Alarm { window, kind })
}

fn of_question(index: usize, estimates: &QuestionEstimates) -> impl Iterator<Item = AlarmKind> {
    let impossible = estimates.findings.iter().filter_map(move |finding| impossible(index, finding));
    let shapes = estimates.shapes.filter(ShapeTest::is_found);
    let shapes = shapes.map(|test| AlarmKind::Shapes { question: index, test });
    let drift = estimates.drift.filter(|drift| drift.p_value < SUDDEN);
    let changed = drift.map(|drift| AlarmKind::Changed { question: index, drift });
    let origins = estimates.without.iter().flat_map(move |without| {
        let moved = without.shifts.iter().filter(|shift| shift.moved);
        moved.filter_map(move |shift| {
            let all = estimates.findings.iter().find(|finding| finding.measure == shift.measure)?;
            Some(AlarmKind::Origin {
                question: index,
                measure: shift.measure,
                origin: without.origin.clone(),
                share: all.estimate()?.share,
                without: shift.estimate.share,
            })
        })
    });
    impossible.chain(shapes).chain(origins).chain(changed)
}

fn impossible(question: usize, finding: &Finding) -> Option<AlarmKind> {
    // Other numbers than shares have other bounds, or none.
    let is_share = matches!(finding.measure, Measure::Size(_) | Measure::Both(..) | Measure::Group(_));
    let estimate = finding.estimate().filter(|_| is_share)?;
    let (share, far) = (estimate.share, FAR * estimate.standard_error);
    let (measure, standard_error) = (finding.measure, estimate.standard_error);
    (share < -far || share > 1.0 + far).then_some(AlarmKind::Impossible {
        question,
        measure,
        share,
        standard_error,
    })
}

#[cfg(test)]
mod tests {
    use keepset_privacy::mechanism::Estimate;
    use keepset_privacy::release::Release;

    use keepset_privacy::shapes::Deviation;

    use super::*;
    use crate::without::{Shift, Without};

    fn window(measure: Measure, share: f64, late: u64) -> WindowEstimates {
        let estimate =
            Estimate { share, low: 0.0, high: 1.0, half_width: 0.02, standard_error: 0.01, reports: 1_000 };
        let release = Some(Release::NotEnough(estimate));
        let finding = Finding { measure, support: None, release, consistent: None };
        let question = QuestionEstimates { reports: 1_000, findings: vec![finding], ..Default::default() };
        WindowEstimates { window: Window(3), closed: true, late, questions: vec![question] }
    }

    #[test]
    fn a_share_far_outside_of_what_can_be_is_an_alarm_and_one_that_noise_explains_is_none() {
        let names = |measure, share| {
            let found = alarms(&[window(measure, share, 0)]);
            found.iter().map(|alarm| alarm.kind.name()).collect::<Vec<_>>()
        };
        for (share, expected) in
            [(-0.049, 0), (-0.051, 1), (0.0, 0), (0.5, 0), (1.0, 0), (1.049, 0), (1.051, 1)]
        {
            assert_eq!(names(Measure::Size(0), share).len(), expected, "{share}");
        }
        assert_eq!(names(Measure::Both(0, 1), 1.2), ["impossible-share"]);
        assert!(names(Measure::Mean, 40.0).is_empty(), "a mean is no share");
    }

    #[test]
    fn unlikely_shapes_a_number_of_one_origin_and_a_sudden_change_are_alarms_each_beyond_its_bound() {
        let found = |p_value: f64, moved: bool| {
            let mut window = window(Measure::Size(0), 0.5, 0);
            let question = &mut window.questions[0];
            question.shapes = Some(ShapeTest { reports: 1_000, p_value, found: Deviation::Spread });
            question.drift = Some(Drift { statistic: 30.0, degrees: 1, p_value: p_value / 1e3 });
            let estimate = question.findings[0].estimate().unwrap();
            let shifts = vec![Shift { measure: Measure::Size(0), estimate, moved }];
            question.without = vec![Without { origin: "none".into(), reports: 300, shifts }];
            alarms(&[window]).iter().map(|alarm| alarm.kind.name()).collect::<Vec<_>>()
        };
        assert!(found(0.0011, false).is_empty());
        assert_eq!(found(0.0009, false), ["unlikely-shapes", "sudden-change"]);
        assert_eq!(found(1.0, true), ["one-origin"]);
    }

    #[test]
    fn late_reports_are_an_alarm_when_they_are_many_and_a_share_worth_looking_at() {
        let count = |late| alarms(&[window(Measure::Size(0), 0.5, late)]).len();
        assert_eq!([0, 50, 99, 100, 900].map(count), [0, 0, 0, 1, 1]);
        let mut large = window(Measure::Size(0), 0.5, 100);
        large.questions[0].reports = 10_000;
        assert!(alarms(&[large]).is_empty());
    }
}
