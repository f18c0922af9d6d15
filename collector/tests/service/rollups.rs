//! Segments put together: those an operator names, and those that are not printed by themselves.

use serde_json::Value;

use crate::fleet::{honest, plan, sealed_body};
use crate::process::{Folder, Server, run};

/// Two large segments and eight small ones.
const SHARES: [f64; 10] = [0.3, 0.2, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03];

/// A simulation with honest devices in its first windows.
fn filled(folder: &Folder, cap: u8, windows: u32, more: &[&str]) -> (Server, Vec<Vec<f64>>) {
    let plan = plan(SHARES.len(), cap);
    let server = Server::start(folder, &plan, &[&["--simulation"], more].concat());
    let truths = (0..windows).map(|window| {
        let epoch = keepset_wire::Epoch(window * plan.window_epochs);
        let fleet = honest(&plan, &SHARES, 12_000, epoch, u64::from(window) + 3);
        fleet.bodies.iter().for_each(|body| assert_eq!(server.post(&sealed_body(&plan, body)).status, 200));
        fleet.truth
    });
    let truths = truths.collect();
    (server, truths)
}

fn rollups(server: &Server, window: usize) -> Vec<Value> {
    let json = server.get("/v1/estimates").json();
    json["windows"][window]["questions"][0]["rollups"].as_array().unwrap().clone()
}

/// The sum over the members, as it truly is.
fn truth(rollup: &Value, truths: &[f64]) -> f64 {
    let members = rollup["members"].as_array().unwrap();
    let number = |name: &Value| name.as_str().unwrap()["segment_".len()..].parse::<usize>().unwrap();
    members.iter().map(|name| truths[number(name)]).sum()
}

#[test]
fn small_segments_are_printed_together_and_what_an_operator_names_is_summed_with_its_interval() {
    let folder = Folder::new();
    let file = folder.join("rollups.json");
    std::fs::write(&file, r#"{"sizes": {"large": ["segment_1", "segment_0"]}}"#).unwrap();
    let (server, truths) = filled(&folder, 1, 2, &["--rollups", file.to_str().unwrap()]);
    for (window, chosen_by) in [(0, "this-window"), (1, "window-before")] {
        let found = rollups(&server, window);
        let names: Vec<_> =
            found.iter().map(|one| (one["id"].as_str().unwrap(), &one["chosen_by"])).collect();
        assert_eq!(names, [("large", &"file".into()), ("other", &chosen_by.into())]);
        assert_eq!(found[0]["members"], serde_json::json!(["segment_0", "segment_1"]));
        assert!(found[1]["members"].as_array().unwrap().len() >= 5, "{}", found[1]);
        for rollup in &found {
            assert_eq!(
                (&rollup["measure"], &rollup["published"]),
                (&"share".into(), &true.into()),
                "{rollup}"
            );
            // Five standard errors: chance does that to one in 1.7 million.
            let off = (rollup["estimate"].as_f64().unwrap() - truth(rollup, &truths[window])).abs();
            assert!(off < 5.0 * rollup["standard_error"].as_f64().unwrap(), "{rollup} {truths:?}");
        }
    }
    let figures =
        server.get("/v1/estimates?window=1").json()["windows"][0]["questions"][0]["figures"].clone();
    let change = &figures[0]["change"];
    assert_eq!(change["against"], 0, "{figures}");
    let ends = ["low", "difference", "high"].map(|end| change[end].as_f64().unwrap());
    assert!(ends[0] < ends[1] && ends[1] < ends[2], "{change}");
    // Nothing changed but who reported: five standard errors are 2.55 times half the interval.
    assert!(ends[1].abs() < 2.55 * (ends[2] - ends[0]) / 2.0, "{change}");
    let html = server.get("/?window=1").body;
    assert!(html.contains("Points of a hundred against the window before"), "{html}");
    assert!(
        html.contains("<th scope=\"row\">Large</th>") && html.contains("<th scope=\"row\">Other</th>"),
        "{html}"
    );
    let csv = server.get("/v1/estimates.csv?window=1").body;
    let line = csv.lines().find(|line| line.contains(",sizes,large,")).unwrap();
    assert!(line.contains(",segment_0+segment_1,file,") && line.contains(",rollup,"), "{line}");
    let columns = csv.lines().next().unwrap().split(',').count();
    assert!(csv.lines().all(|line| line.split(',').count() == columns));
}

#[test]
fn where_a_device_may_be_in_several_the_sum_is_of_memberships() {
    let folder = Folder::new();
    let (server, truths) = filled(&folder, 3, 1, &[]);
    let found = rollups(&server, 0);
    assert_eq!((found.len(), &found[0]["measure"]), (1, &"memberships".into()));
    let off = (found[0]["estimate"].as_f64().unwrap() - truth(&found[0], &truths[0])).abs();
    assert!(off < 5.0 * found[0]["standard_error"].as_f64().unwrap(), "{} {truths:?}", found[0]);
    assert!(server.get("/").body.contains("memberships of a device, on average; leans low"));
}

#[test]
fn a_wrong_file_is_named_with_the_place_in_it() {
    let folder = Folder::new();
    let (file, plan) = (folder.join("rollups.json"), crate::process::write_plan(&folder, &plan(3, 1)));
    std::fs::write(&file, r#"{"sizes": {"large": ["segment_0", "segment_7"]}}"#).unwrap();
    let store = folder.join("s.sqlite");
    let [file, plan, store] = [&file, &plan, &store].map(|path| path.to_str().unwrap());
    let (well, said) = run(&["--plan", plan, "--simulation", "--store", store, "--rollups", file]);
    assert!(!well && said.contains("--rollups: ") && said.contains("$.sizes.large[1]: "), "{said}");
}
