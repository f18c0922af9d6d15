//! Growing one tree: values in at most 64 bins, sums of slopes and curvatures by bin, the split that gains most.

use super::Matrix;
use super::chance::Chance;
use super::tree::Node;

/// Bin 0 holds what is absent. More bins would make each question rarer, and an artifact of the same trees half as large again.
const MOST_BINS: usize = 64;

/// The columns of a matrix in bins.
pub(super) struct Bins {
    /// By column: the cuts between its bins; a value is in the bin after the last cut that is at most it.
    cuts: Vec<Vec<f64>>,
    /// By column and row.
    places: Vec<Vec<u8>>,
}

/// How a tree is grown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) depth: usize,
    pub(super) leaves: usize,
    pub(super) least_rows: u32,
    pub(super) least_curvature: f64,
    pub(super) l2: f64,
    /// How many columns are looked at for each split; 0 for all.
    pub(super) columns_a_split: usize,
    /// Whether one cut of chance is tried for each column.
    pub(super) by_chance: bool,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    slope: f64,
    curvature: f64,
    rows: u32,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.slope += other.slope;
        self.curvature += other.curvature;
        self.rows += other.rows;
    }

    fn less(self, other: Self) -> Self {
        Self {
            slope: self.slope - other.slope,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }

    fn gain(self, l2: f64) -> f64 {
        self.slope * self.slope / (self.curvature + l2)
    }
}

#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    column: usize,
    bin: usize,
    absent_left: bool,
}

/// A leaf that may be split.
struct Open {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    sums: Vec<Vec<Cell>>,
    best: Option<Best>,
}

#[derive(Clone, Copy)]
enum Grown {
    Split { column: usize, cut: f64, absent_left: bool, left: usize, right: usize },
    Leaf { total: Cell },
}

impl Bins {
    pub(super) fn new(matrix: &Matrix) -> Self {
        Self::of_at_most(matrix, MOST_BINS)
    }

    /// Makes so many bins at most, with that of what is absent.
    pub(super) fn of_at_most(matrix: &Matrix, most: usize) -> Self {
        let cuts: Vec<Vec<f64>> = matrix.columns.iter().map(|column| cuts(column, most)).collect();
        let place = |cuts: &[f64], value: f64| {
            if value.is_nan() {
                return 0;
            }
            u8::try_from(1 + cuts.partition_point(|cut| *cut <= value)).unwrap_or(u8::MAX)
        };
        let places = matrix
            .columns
            .iter()
            .zip(&cuts)
            .map(|(column, cuts)| column.iter().map(|value| place(cuts, *value)).collect());
        Self { places: places.collect(), cuts }
    }

    /// By column: the cuts between its bins.
    pub(super) fn cuts(&self) -> &[Vec<f64>] {
        &self.cuts
    }

    /// By column and row: the number of the bin, 0 where the value is absent.
    pub(super) fn places(&self) -> &[Vec<u8>] {
        &self.places
    }

    /// Grows a tree on rows, which may repeat, and these columns; a leaf is worth `-rate * slope / (curvature + l2)`.
    pub(super) fn grow(
        &self,
        rows: Vec<u32>,
        columns: &[usize],
        slopes: &[(f64, f64)],
        growth: Growth,
        rate: f64,
        chance: &mut Chance,
    ) -> Vec<Node> {
        let mut nodes = vec![Grown::Leaf { total: total(&rows, slopes) }];
        let sums = self.sums(&rows, columns, slopes);
        let mut open = vec![self.open(0, 0, rows, sums, &nodes, columns, growth, chance)];
        let mut leaves = 1;
        while leaves < growth.leaves {
            let best = open.iter().enumerate().filter_map(|(place, leaf)| Some((place, leaf.best?)));
            let Some((place, best)) = best.max_by(|a, b| a.1.gain.total_cmp(&b.1.gain).then(b.0.cmp(&a.0)))
            else {
                break;
            };
            let leaf = open.swap_remove(place);
            let places = &self.places[best.column];
            let goes_left = |row: &u32| {
                let bin = usize::from(places[*row as usize]);
                if bin == 0 { best.absent_left } else { bin <= best.bin }
            };
            let (left, right): (Vec<u32>, Vec<u32>) = leaf.rows.iter().partition(|row| goes_left(row));
            let (small, small_is_left) =
                if left.len() <= right.len() { (&left, true) } else { (&right, false) };
            let small_sums = self.sums(small, columns, slopes);
            let mut rest = leaf.sums;
            for (rest, small) in rest.iter_mut().zip(&small_sums) {
                rest.iter_mut().zip(small).for_each(|(rest, small)| *rest = rest.less(*small));
            }
            let (left_sums, right_sums) = if small_is_left { (small_sums, rest) } else { (rest, small_sums) };
            let (left_node, right_node) = (nodes.len(), nodes.len() + 1);
            nodes.push(Grown::Leaf { total: total(&left, slopes) });
            nodes.push(Grown::Leaf { total: total(&right, slopes) });
            let cut = self.cuts[best.column].get(best.bin - 1).copied().unwrap_or(f64::MAX);
            nodes[leaf.node] = Grown::Split {
                column: best.column,
                cut,
                absent_left: best.absent_left,
                left: left_node,
                right: right_node,
            };
            leaves += 1;
            let depth = leaf.depth + 1;
            for (node, rows, sums) in [(left_node, left, left_sums), (right_node, right, right_sums)] {
                open.push(self.open(node, depth, rows, sums, &nodes, columns, growth, chance));
            }
        }
        let mut tree = Vec::new();
        write(&nodes, 0, growth.l2, rate, &mut tree);
        tree
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `grow`")]
    fn open(
        &self,
        node: usize,
        depth: usize,
        rows: Vec<u32>,
        sums: Vec<Vec<Cell>>,
        nodes: &[Grown],
        columns: &[usize],
        growth: Growth,
        chance: &mut Chance,
    ) -> Open {
        let Grown::Leaf { total } = nodes[node] else { unreachable!("a node is opened as a leaf") };
        let may = depth < growth.depth && total.rows >= 2 * growth.least_rows;
        let best = if may { self.best(&sums, total, columns, growth, chance) } else { None };
        Open { node, depth, rows, sums, best }
    }

    fn sums(&self, rows: &[u32], columns: &[usize], slopes: &[(f64, f64)]) -> Vec<Vec<Cell>> {
        let one = |column: &usize| {
            let mut cells = vec![Cell::default(); self.cuts[*column].len() + 2];
            let places = &self.places[*column];
            for row in rows {
                let (slope, curvature) = slopes[*row as usize];
                let cell = &mut cells[usize::from(places[*row as usize])];
                cell.slope += slope;
                cell.curvature += curvature;
                cell.rows += 1;
            }
            cells
        };
        // Two threads where there is enough to do; each column is summed by one, so the bits are the same.
        if rows.len() * columns.len() < 200_000 {
            return columns.iter().map(one).collect();
        }
        let (first, second) = columns.split_at(columns.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| second.iter().map(one).collect::<Vec<_>>());
            let mut all: Vec<Vec<Cell>> = first.iter().map(one).collect();
            all.extend(other.join().unwrap_or_default());
            all
        })
    }

    fn best(
        &self,
        sums: &[Vec<Cell>],
        total: Cell,
        columns: &[usize],
        growth: Growth,
        chance: &mut Chance,
    ) -> Option<Best> {
        let looked_at = match growth.columns_a_split {
            0 => (0..columns.len()).collect(),
            some => chance.some(columns.len(), some),
        };
        let whole = total.gain(growth.l2);
        let mut best: Option<Best> = None;
        for place in looked_at {
            let (column, cells) = (columns[place], &sums[place]);
            let absent = cells[0];
            let bins = cells.len() - 1;
            let only = if growth.by_chance { Some(by_chance(cells, chance)?) } else { None };
            let mut below = Cell::default();
            // With a cut behind the last bin, what is absent parts from the rest.
            for (bin, cell) in cells.iter().enumerate().skip(1) {
                below.add(*cell);
                if only.is_some_and(|only| only != bin) || (bin == bins && absent.rows == 0) {
                    continue;
                }
                let sides: &[bool] = if absent.rows == 0 || bin == bins { &[false] } else { &[false, true] };
                for absent_left in sides {
                    let mut left = below;
                    if *absent_left {
                        left.add(absent);
                    }
                    let right = total.less(left);
                    let small = left.rows.min(right.rows) < growth.least_rows
                        || left.curvature.min(right.curvature) < growth.least_curvature;
                    let gain = left.gain(growth.l2) + right.gain(growth.l2) - whole;
                    if !small && gain > 1e-9 && best.is_none_or(|best| gain > best.gain) {
                        // Where nobody was without a value, it goes with the many.
                        let absent_left =
                            if absent.rows == 0 { left.rows > right.rows } else { *absent_left };
                        best = Some(Best { gain, column, bin, absent_left });
                    }
                }
            }
        }
        best
    }
}

/// A bin of chance between the first and the last that hold anybody.
fn by_chance(cells: &[Cell], chance: &mut Chance) -> Option<usize> {
    let held = |bin: &usize| cells[*bin].rows > 0;
    let first = (1..cells.len()).find(held).unwrap_or(1);
    let last = (1..cells.len()).rev().find(held).unwrap_or(1);
    Some(first + chance.below((last - first).max(1)))
}

fn total(rows: &[u32], slopes: &[(f64, f64)]) -> Cell {
    let mut total = Cell::default();
    for row in rows {
        let (slope, curvature) = slopes[*row as usize];
        total.add(Cell { slope, curvature, rows: 1 });
    }
    total
}

fn write(nodes: &[Grown], at: usize, l2: f64, rate: f64, out: &mut Vec<Node>) {
    match nodes[at] {
        Grown::Leaf { total } => {
            out.push(Node::Leaf { value: -rate * total.slope / (total.curvature + l2), cover: total.rows });
        }
        Grown::Split { column, cut, absent_left, left, right } => {
            let place = out.len();
            out.push(Node::Leaf { value: 0.0, cover: 0 });
            write(nodes, left, l2, rate, out);
            out[place] = Node::Split { column, cut, absent_left, right: out.len() };
            write(nodes, right, l2, rate, out);
        }
    }
}

/// Cuts half-way between neighbouring values, at most so many that no bin holds much more than its share.
fn cuts(column: &[f64], most: usize) -> Vec<f64> {
    let mut values: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let share = values.len() / (most - 1) + 1;
    let mut distinct = values.clone();
    distinct.dedup();
    let few = distinct.len() < most;
    let (mut cuts, mut held) = (Vec::new(), 0);
    for group in values.chunk_by(|a, b| a == b) {
        if held > 0 && (few || held >= share) {
            if let Some(last) = values.get(values.partition_point(|value| *value < group[0]) - 1) {
                cuts.push(between(*last, group[0]));
            }
            held = 0;
        }
        held += group.len();
    }
    cuts.truncate(most - 1);
    cuts
}

/// The shortest decimal that is above `low` and at most `high`: cuts people can read, and fewer bytes of them.
fn between(low: f64, high: f64) -> f64 {
    let middle = low + (high - low) / 2.0;
    for digits in 0..15 {
        let short: f64 = format!("{middle:.digits$e}").parse().unwrap_or(middle);
        if short > low + (high - low) * 0.25 && short <= high - (high - low) * 0.25 {
            return short;
        }
    }
    if middle > low { middle } else { high }
}
