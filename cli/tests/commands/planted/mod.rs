//! A table of which it is known what can be learned from it.

use keepset_cli::learn::chance::Chance;
use keepset_cli::tabular::frame::Frame;
use keepset_cli::tabular::select::Learner;
use keepset_cli::tabular::train::{TableTrained, TableTraining};

pub(crate) const ROWS: usize = 1_200;

pub(crate) fn uniform(chance: &mut Chance) -> f64 {
    chance.below(1 << 30) as f64 / f64::from(1 << 30)
}

/// Rows of 300 people; the outcome follows `money`, `town` and both together, and `noise` is noise.
pub(crate) fn table() -> Frame {
    let mut chance = Chance::new(5, 0);
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); 6];
    for row in 0..ROWS {
        let money = (uniform(&mut chance) * 1000.0).round();
        let town = ["ash", "birch", "cedar", "elm"][chance.below(4)];
        let margin = 0.004 * money - 2.5 + if town == "cedar" { 1.5 } else { 0.0 };
        let yes = uniform(&mut chance) < 1.0 / (1.0 + (-margin).exp());
        let absent = chance.below(10) == 0;
        let cells = [
            format!("p{}", row / 4),
            if absent { String::new() } else { money.to_string() },
            town.to_owned(),
            uniform(&mut chance).to_string(),
            row.to_string(),
            if yes { "yes" } else { "no" }.to_owned(),
        ];
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    let names = ["person", "money", "town", "noise", "day", "bought"];
    Frame::of(names.into_iter().zip(columns).collect())
}

pub(crate) fn training(learner: Learner) -> TableTraining {
    TableTraining {
        label: "bought".into(),
        person: Some("person".into()),
        ignore: vec!["day".into()],
        learner,
        test_share: 0.25,
        ..TableTraining::default()
    }
}

pub(crate) fn run(training: &TableTraining, frame: &Frame) -> anyhow::Result<TableTrained> {
    training.run(frame, &mut |_| {})
}
