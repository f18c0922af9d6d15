//! Naive Bayes over quantile bins: the log-odds are a step for each column, as if each told of the outcome for itself. A step is a tree that asks of one column.

use keepset_engine::model::fit::bayes::categorical;

use super::Matrix;
use super::boost::log_odds;
use super::split::Bins;
use super::tree::{Ensemble, Node};

/// How values are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binning {
    /// In so many bins at most, of about as many rows each; what is absent is one more.
    pub bins: usize,
}

/// Learns a step for each column that has several values; of labels that are all the same nothing but them.
#[must_use]
pub fn bayes(matrix: &Matrix, labels: &[bool], how: Binning) -> Ensemble {
    let bins = Bins::of_at_most(matrix, how.bins + 1);
    let Ok(ratios) = categorical(bins.places(), labels) else {
        return Ensemble { base: log_odds(labels), trees: Vec::new() };
    };
    let step = |(column, adds): (usize, &Vec<f64>)| {
        let rows = &bins.places()[column];
        let leaf = |bin: usize| {
            let cover = rows.iter().filter(|place| usize::from(**place) == bin).count();
            Node::Leaf { value: adds[bin], cover: u32::try_from(cover).unwrap_or(u32::MAX) }
        };
        let cuts = &bins.cuts()[column];
        let mut tree = Vec::new();
        if rows.contains(&0) {
            if adds.len() == 1 {
                return None;
            }
            // No number is below the lowest.
            tree = vec![Node::Split { column, cut: f64::MIN, absent_left: true, right: 2 }, leaf(0)];
        } else if cuts.is_empty() {
            return None;
        }
        put(&mut tree, column, cuts, 1, &leaf);
        Some(tree)
    };
    Ensemble { base: ratios.base, trees: ratios.columns.iter().enumerate().filter_map(step).collect() }
}

/// Puts the bins between these cuts into a tree, half of them left; the first has this number.
fn put(tree: &mut Vec<Node>, column: usize, cuts: &[f64], first: usize, leaf: &dyn Fn(usize) -> Node) {
    let half = cuts.len() / 2;
    let Some(&cut) = cuts.get(half) else {
        tree.push(leaf(first));
        return;
    };
    let at = tree.len();
    tree.push(leaf(first));
    put(tree, column, &cuts[..half], first, leaf);
    tree[at] = Node::Split { column, cut, absent_left: false, right: tree.len() };
    put(tree, column, &cuts[half + 1..], first + half + 1, leaf);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scikit-learn's CategoricalNB says of the same rows: `tests/models/make_bayes.py`. Each value is a bin, and what is absent is a category.
    #[test]
    fn scores_are_the_log_odds_of_scikit_learn_to_a_billionth() {
        let frozen: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/models/bayes.vectors.json")).unwrap();
        let numbers = |list: &serde_json::Value| -> Vec<f64> {
            list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
        };
        let matrix = Matrix::new(frozen["columns"].as_array().unwrap().iter().map(numbers).collect());
        let labels: Vec<bool> = numbers(&frozen["labels"]).into_iter().map(|label| label > 0.0).collect();
        let learned = bayes(&matrix, &labels, Binning { bins: 20 });
        assert_eq!(learned.trees.len(), matrix.columns.len());
        for (found, theirs) in learned.scores(&matrix).iter().zip(numbers(&frozen["log_odds"])) {
            assert!((found - theirs).abs() < 1e-9, "{found} for {theirs}");
        }
    }

    #[test]
    fn a_column_is_a_step_of_bins_of_as_many_rows_and_one_of_a_single_value_says_nothing() {
        let rows: Vec<f64> = (0..100).map(f64::from).collect();
        let labels: Vec<bool> = (0..100).map(|row| row >= 75 || row == 3).collect();
        let learned = bayes(&Matrix::new(vec![rows, vec![7.0; 100]]), &labels, Binning { bins: 4 });
        assert_eq!(learned.columns(), [0]);
        let covers = learned.trees[0]
            .iter()
            .filter_map(|node| if let Node::Leaf { cover, .. } = node { Some(*cover) } else { None });
        assert_eq!(covers.collect::<Vec<_>>(), [26, 26, 26, 22]);
        let scores = learned.scores(&Matrix::new(vec![vec![10.0, 30.0, 99.0], vec![7.0; 3]]));
        assert!(scores[1] < scores[0] && scores[0] < scores[2], "{scores:?}");
        assert_eq!(
            bayes(&Matrix::new(vec![vec![1.0, 2.0]]), &[true, true], Binning { bins: 4 }).trees,
            Vec::<Vec<Node>>::new()
        );
    }
}
