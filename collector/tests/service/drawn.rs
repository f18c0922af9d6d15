//! Reports with replays and conflicts, and what is to be counted of them, told by other code than what is tested.

use std::collections::{BTreeMap, HashMap};

use keepset_privacy::Answering;
use keepset_wire::{Ask, Epoch, Plan, Report, ReportId, Subset};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// A plan with every shape of answer: up to 7 words of cells, and overlaps.
pub fn kinds_plan() -> Plan {
    let many: Vec<String> = (0..150).map(|index| format!("segment_{index}")).collect();
    let some: Vec<&String> = many[..20].iter().collect();
    let document = serde_json::json!({
        "id": "kinds", "owner": "Sample shop", "reason": "To learn.", "starts": "2017-01-01", "expires": "2060-01-01", "epsilon": 4,
        "questions": [
            {"id": "sizes", "reason": "r", "segments": many, "cap": 2},
            {"id": "together", "reason": "r", "ask": "overlaps", "segments": some, "cap": 2},
            {"id": "spending", "reason": "r", "ask": "histogram", "feature": "spend", "low": 0, "high": 100, "bins": 200},
            {"id": "visits", "reason": "r", "ask": "mean", "feature": "visits", "low": 0, "high": 10},
            {"id": "buying", "reason": "r", "ask": "conversion", "segments": ["a", "b"], "outcome": "c"},
        ],
    });
    Plan::parse(&document.to_string()).unwrap()
}

/// Reports in the order in which they arrive, and the lines that count them.
pub struct Drawn {
    pub arriving: Vec<Report>,
    pub expected: String,
}

/// Draws the reports of `devices` devices in two windows: of each hundred, five come again and two have a second answer.
pub fn draw(plan: &Plan, devices: usize, seed: u64) -> Drawn {
    let (mut random, answerings) = (StdRng::seed_from_u64(seed), Answering::of_plan(plan).unwrap());
    let report = |random: &mut StdRng, id| {
        let question = random.random_range(0..plan.questions.len());
        let (answering, mut answer) =
            (&answerings[question], Subset::empty(plan.questions[question].cells()));
        while answer.len() < u32::from(answering.held()) {
            answer.insert(random.random_range(0..answering.cells()));
        }
        let epoch = Epoch(random.random_range(0..8));
        Report { plan: plan.hash(), question: u16::try_from(question).unwrap(), epoch, id, answer }
    };
    let mut arriving: Vec<Report> = (0..devices)
        .map(|_| {
            let id = ReportId(random.random());
            report(&mut random, id)
        })
        .collect();
    for device in 0..devices {
        let first = arriving[device].clone();
        if device % 100 < 5 {
            arriving.push(first);
        } else if device % 100 < 7 {
            let second = report(&mut random, first.id);
            // Now and then a third, and each again.
            if device % 100 == 6 {
                arriving.extend([report(&mut random, first.id), second.clone(), first]);
            }
            arriving.push(second);
        }
    }
    arriving.shuffle(&mut random);
    Drawn { expected: expected(plan, &arriving), arriving }
}

/// Counts as the definition says: an id counts once in a window, and not at all when its copies disagree.
fn expected(plan: &Plan, arriving: &[Report]) -> String {
    let mut by_id: HashMap<(u32, [u8; 16]), Vec<&Report>> = HashMap::new();
    for report in arriving {
        by_id.entry((plan.window_of(report.epoch).0, report.id.0)).or_default().push(report);
    }
    let mut counts: BTreeMap<(u16, u32, i32, i32), u64> = BTreeMap::new();
    for copies in by_id.values().filter(|copies| copies.iter().all(|copy| *copy == copies[0])) {
        let report = copies[0];
        let mut count =
            |one, other| *counts.entry((report.question, report.epoch.0, one, other)).or_default() += 1;
        count(-1, -1);
        let cells: Vec<i32> = report.answer.iter().map(i32::from).collect();
        cells.iter().for_each(|cell| count(*cell, -1));
        if let Ask::Overlaps { segments, .. } = &plan.questions[usize::from(report.question)].ask {
            let own: Vec<i32> =
                cells.into_iter().filter(|cell| *cell < i32::try_from(segments.len()).unwrap()).collect();
            for (at, one) in own.iter().enumerate() {
                own[at + 1..].iter().for_each(|other| count(*one, *other));
            }
        }
    }
    let lines =
        counts.iter().map(|((task, epoch, one, other), n)| format!("{task},{epoch},{one},{other},{n}\n"));
    format!("task,epoch,one,other,reports\n{}", lines.collect::<String>())
}
