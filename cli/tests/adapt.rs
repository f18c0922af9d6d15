//! What `keepset adapt` is given wrongly is refused in a sentence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::process::Command;

use common::Scratch;

#[test]
fn what_is_no_pack_is_refused_in_a_sentence_with_a_model_of_its_own_and_without() {
    let member = Scratch::new("member.json", r#"{"m": {"kind": "linear", "intercept": 0, "weights": {}}}"#);
    for text in
        ["[]", "7", "\"pack\"", "{}", r#"{"models": []}"#, r#"{"models": {"m": 7}}"#, r#"{"outcomes": 7}"#]
    {
        let pack = Scratch::new("pack.json", text);
        for with_member in [false, true] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_keepset"));
            command.args(["adapt", "--pack", &pack.text(), "--model", "m", "--outcome", "o"]);
            command.args(["--events", "none.jsonl", "--cut", "2020-01-01"]);
            if with_member {
                command.args(["--member", &member.text()]);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code().is_some_and(|code| code < 100), "{text}: {said}");
            assert!(said.starts_with("keepset: the pack ") && said.lines().count() == 1, "{text}: {said}");
        }
    }
}
