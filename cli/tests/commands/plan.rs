//! `keepset plan`: the plan of a pack, and what a plan will be able to tell.

use std::process::{Command, Output};

use crate::common::retail;

fn plan(options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepset")).arg("plan").args(options).output().unwrap()
}

fn printed(options: &[&str]) -> String {
    let output = plan(options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_pack_alone_prints_its_plan_and_with_devices_what_it_will_tell() {
    let pack = retail("pack.json").to_str().unwrap().to_owned();
    let plan = keepset_wire::Plan::parse(&printed(&["--pack", &pack])).unwrap();
    let text = printed(&["--pack", &pack, "--devices", "50000"]);
    assert!(text.starts_with("Epsilon 2 per report, 2 per window, at most 24 a year"), "{text}");
    for question in &plan.questions {
        assert!(text.contains(&format!("Question {:?}: ", question.id.as_str())), "{text}");
    }
}

#[test]
fn a_plan_that_is_thought_of_needs_devices_and_segments_and_a_right_price() {
    let text = printed(&["--devices", "100000", "--epsilon", "2", "--segments", "32", "--frequency", "0.05"]);
    assert!(text.contains("5 %           8.2 %"), "{text}");
    for wrong in [
        &["--segments", "32"][..],
        &["--devices", "100000"],
        &["--devices", "100000", "--segments", "32", "--epsilon", "9"],
        &["--devices", "100000", "--segments", "2", "--cap", "3"],
        &["--devices", "100000", "--segments", "32", "--frequency", "5"],
        &["--devices", "100000", "--segments", "32", "--pack", "pack.json"],
        &[],
    ] {
        let output = plan(wrong);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{wrong:?}");
    }
}
