//! Rows in order of time: what only tells how late it is gets left out, what holds stays in.

use keepset_cli::learn::Matrix;
use keepset_cli::learn::chance::Chance;
use keepset_cli::tabular::drift::{Columns, Look};
use keepset_cli::tabular::evaluate::evaluate;
use keepset_cli::tabular::frame::Frame;
use keepset_cli::tabular::select::Learner;
use keepset_cli::tabular::train::{TableTrained, TableTraining};

const ROWS: usize = 6_000;

fn uniform(chance: &mut Chance) -> f64 {
    chance.below(1 << 30) as f64 / f64::from(1 << 30)
}

/// Rows in order: `taste` moves the outcome alike all the time. `climate` grows with the rows, spread by `spread`; `pull` says how
/// much more often the outcome is a yes, from the climate and the share of the rows that have passed.
fn table(spread: f64, pull: impl Fn(f64, f64) -> f64) -> Frame {
    let mut chance = Chance::new(11, 0);
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); 3];
    for row in 0..ROWS {
        let passed = row as f64 / ROWS as f64;
        let taste = uniform(&mut chance);
        let climate = passed + spread * uniform(&mut chance);
        let margin = 2.0 * taste - 2.0 + pull(climate, passed);
        let yes = uniform(&mut chance) < 1.0 / (1.0 + (-margin).exp());
        let cells = [taste.to_string(), climate.to_string(), u8::from(yes).to_string()];
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    Frame::of(["taste", "climate", "bought"].into_iter().zip(columns).collect())
}

/// A logistic regression of the first three quarters of the rows, tested on the last; `ignore` names a column left out.
fn learned(frame: &Frame, in_order: bool, ignore: &[&str]) -> (TableTrained, f64) {
    let (early, late): (Vec<usize>, Vec<usize>) = (0..ROWS).partition(|row| *row < ROWS * 3 / 4);
    let training = TableTraining {
        label: "bought".into(),
        time: in_order.then(String::new),
        ignore: ignore.iter().map(|name| (*name).to_owned()).collect(),
        learner: Learner::Logistic,
        ..TableTraining::default()
    };
    let trained = training.run(&frame.take(&early), &mut |_| {}).unwrap();
    let worth = evaluate(&trained.model, &frame.take(&late), &[], 0).unwrap().worth;
    (trained, worth.auc.value)
}

/// The outcome rises and falls from eighth to eighth of the rows while the climate grows, as sales do in an economy: of the six
/// learned from it looks as if a high climate kept people away, and in the last two it does not.
#[test]
fn a_fact_whose_meaning_turns_round_is_left_out_and_what_holds_foretells_the_later_rows() {
    const LEVELS: [f64; 9] = [0.0, -2.0, -4.0, -3.0, -2.0, -4.0, -3.0, -1.5, 0.0];
    let level = |passed: f64| {
        let place = (passed * 8.0).floor();
        let (from, to) = (LEVELS[place as usize], LEVELS[place as usize + 1]);
        0.5 * (from + (to - from) * (passed * 8.0 - place))
    };
    let frame = table(0.1, |_, passed| level(passed));
    let (trained, told) = learned(&frame, true, &[]);
    assert!(trained.way.contains("without what tells later rows from earlier ones"), "{}", trained.way);
    assert!(trained.model.model["weights"].get("climate").is_none(), "{}", trained.model.model);
    let (_, untold) = learned(&frame, false, &[]);
    assert!(told > 0.6 && told > untold + 0.02, "{told} with the order known, {untold} without");
}

#[test]
fn a_fact_that_drifts_and_means_the_same_all_the_time_stays_in() {
    let frame = table(0.8, |climate, _| 5.0 * (climate - 1.0));
    let (trained, with) = learned(&frame, true, &[]);
    assert!(trained.model.model["weights"].get("climate").is_some(), "{}", trained.way);
    let (_, without) = learned(&frame, true, &["climate"]);
    assert!(with > without + 0.05, "{with} with it, {without} without");
}

#[test]
fn within_the_look_that_was_chosen_the_way_that_ordered_best_is_taken() {
    let look = |way: &str| way.split_once(';').map(|(_, look)| look.to_owned());
    let (trained, _) = learned(&table(0.8, |climate, _| 5.0 * (climate - 1.0)), true, &[]);
    let of_look: Vec<_> = trained.tried.iter().filter(|one| look(&one.way) == look(&trained.way)).collect();
    let chosen = of_look.iter().find(|one| one.way == trained.way).unwrap();
    assert!(of_look.iter().all(|one| one.auc <= chosen.auc), "{} of {of_look:?}", trained.way);
    // Some heavier penalty would have done within the standard error of the mean: that is no reason to take it.
    assert!(of_look[0].way != chosen.way && of_look[0].auc > chosen.auc - chosen.error, "{of_look:?}");
}

#[test]
fn a_fact_tells_the_time_by_its_order_by_its_steps_or_by_its_texts() {
    let mut chance = Chance::new(3, 0);
    let number = |row: usize| row as f64 / 1_000.0;
    let (mut noise, mut trend, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    let mut texts = [Vec::new(), Vec::new(), Vec::new()];
    for row in 0..1_000 {
        noise.push(uniform(&mut chance));
        trend.push(number(row) + uniform(&mut chance));
        absent.push(if row < 400 { f64::NAN } else { uniform(&mut chance) });
        // One text in the middle of the rows, two in turn at their ends.
        let text = if (300..700).contains(&row) { 0 } else { 1 + usize::from(row > 500) };
        texts
            .iter_mut()
            .enumerate()
            .for_each(|(place, column)| column.push(f64::from(u8::from(place == text))));
    }
    let [first, second, third] = texts;
    let sources: Vec<String> =
        ["noise", "trend", "absent", "text", "text", "text"].iter().map(|name| (*name).to_owned()).collect();
    let matrix = Matrix::new(vec![noise, trend, absent, first, second, third]);
    let columns = Columns::new(&matrix, &sources);
    let telling = columns.telling();
    // Of 1,000 rows of noise in 20 steps the AUC is 0.5 and a chance of 0.09 (0.02 a step's share) at most.
    assert!(telling[0] < 0.62, "{telling:?}");
    assert!(telling[1] > 0.8 && telling[2] > 0.85 && telling[3] > 0.8, "{telling:?}");
    assert!(telling[3] == telling[4] && telling[4] == telling[5]);
    let masked = columns.masked(Look { steady: 0.8, fade: None });
    assert_eq!(masked.columns[0], matrix.columns[0]);
    assert!(masked.columns[1..].iter().flatten().all(|value| *value == 0.0));
}

#[test]
fn what_is_long_ago_counts_half_as_much_a_part_of_the_rows_earlier() {
    let weights = Look { steady: 1.0, fade: Some(0.25) }.weights(1_000);
    assert!(
        (weights[249] / weights[499] - 0.5).abs() < 1e-12
            && (weights[999] / weights[749] - 2.0).abs() < 1e-12
    );
    assert!((weights.iter().sum::<f64>() - 1_000.0).abs() < 1e-9);
    assert_eq!(Look::PLAIN.weights(3), [1.0; 3]);
}
