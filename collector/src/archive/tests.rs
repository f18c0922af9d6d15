use keepset_wire::{Epoch, ReportId, Subset};

use super::rows::{WORDS, columns, row};
use super::*;
use crate::store::Kept;

fn plan(question: &str) -> Plan {
    let text = format!(
        r#"{{"id": "p", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2018-01-01", "epsilon": 2, "questions": [{question}]}}"#
    );
    Plan::parse(&text).unwrap()
}

#[test]
fn the_words_of_a_row_hold_the_largest_answer_a_plan_may_ask_for() {
    let segments: Vec<String> = (0..256).map(|index| format!("\"s{index}\"")).collect();
    let sizes = format!(r#"{{"id": "q", "reason": "r", "segments": [{}], "cap": 8}}"#, segments.join(","));
    let histogram =
        r#"{"id": "q", "reason": "r", "ask": "histogram", "feature": "f", "low": 0, "high": 1, "bins": 200}"#;
    for question in [&sizes, histogram] {
        assert!(usize::from(plan(question).questions[0].cells()) <= 64 * WORDS, "{question}");
    }
    let last = format!("word_{}", WORDS - 1);
    assert!(SQL.contains(&last) && !SQL.contains(&format!("word_{WORDS}")) && columns().last() == Some(last));
}

#[test]
fn an_answer_is_numbers_of_64_bits_whose_highest_is_a_sign() {
    let mut answer = Subset::empty(70);
    [0, 63, 64].iter().for_each(|cell| answer.insert(*cell));
    let mut id = [0; 16];
    (id[0], id[15]) = (0x80, 7);
    let kept =
        Kept { id: ReportId(id), copy: 0, epoch: Epoch(1), question: 0, answer: answer.as_bits().to_vec() };
    let row = row(Window(3), 0, &kept);
    assert_eq!(row[..6], [3, 0, i64::MIN, 7, i64::MIN + 1, 1]);
}

#[test]
fn answers_of_epochs_that_have_had_their_time_are_deleted_and_no_others() {
    let folder = std::env::temp_dir().join(format!("keepset-archive-{}", std::process::id()));
    let plan = plan(r#"{"id": "q", "reason": "r", "segments": ["a", "b"], "cap": 1}"#);
    let archive = Archive::open(&folder, &plan, false).unwrap();
    let names = ["task=0/epoch=3", "task=0/epoch=4", "task=1/epoch=0", "task=0/other=1", "epoch=1"];
    for name in names {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("bucket-0000.parquet"), "x").unwrap();
    }
    archive.forget_before(Epoch(4)).unwrap();
    let left: Vec<&str> = names.into_iter().filter(|name| folder.join(name).exists()).collect();
    assert_eq!(left, ["task=0/epoch=4", "task=0/other=1", "epoch=1"]);
    archive.forget_before(Epoch(4)).unwrap();
    assert!(Label::read(&folder).is_ok());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn lines_that_are_no_counts_of_the_plan_are_refused_with_their_place() {
    let plan = plan(r#"{"id": "q", "reason": "r", "segments": ["a", "b"], "cap": 1}"#);
    let read = |lines: &str| contents(&plan, &format!("task,epoch,one,other,reports\n{lines}"));
    let right = read("0,0,-1,-1,9\n0,0,1,-1,4\n").unwrap();
    assert_eq!(
        (right.tallies[&(Epoch(0), 0)].reports, &right.tallies[&(Epoch(0), 0)].support[..]),
        (9, &[0, 4][..])
    );
    assert_eq!(right.closed_before, Epoch(4));
    for (lines, words) in [
        ("1,0,-1,-1,9\n", "line 2: the plan has no such question"),
        ("0,0,99,-1,9\n", "line 2: this question has no such cell"),
        ("0,0,0,1,9\n", "line 2: no two cells"),
        ("0,0,0\n", "line 2: expected five"),
        ("0,0,-1,-1,9\n0,0,-1,-1,9\n", "line 3: this was counted"),
        ("0,0,-1,-1,1\n0,0,0,-1,9\n", "more votes than reports"),
    ] {
        let refused = read(lines).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    assert!(contents(&plan, "a,b\n").unwrap_err().contains("line 1"));
}
