//! Models of other libraries score as they do, to 1e-9, and are explained as `shap` explains them, to 1e-6. The files come
//! from `tests/models/make_vectors.py`, which also compares 10,000 rows.

use std::path::PathBuf;

use keepset_cli::import::{Imported, parse, read};
use keepset_wire::Name;
use serde_json::{Value, json};

const MODELS: [&str; 19] = [
    "lightgbm.txt",
    "xgboost.json",
    "sklearn_logistic.json",
    "sklearn_boosting.json",
    "sklearn_histogram.json",
    "sklearn_forest.json",
    "sklearn_extra.json",
    "sklearn_network.json",
    "onnx_logistic.onnx",
    "onnx_dense.onnx",
    "onnx_softmax.onnx",
    "onnx_boosting.onnx",
    "onnx_forest.onnx",
    "onnx_lightgbm.onnx",
    "onnx_xgboost.onnx",
    "onnx_catboost.onnx",
    "onnx_ensemble.onnx",
    "onnx_network.onnx",
    "onnx_layers.onnx",
];

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/models")).join(name)
}

fn imported(name: &str) -> Imported {
    // This one does not name its features.
    let given = if name == "onnx_forest.onnx" { names() } else { Vec::new() };
    read(&file(name), &given).unwrap()
}

fn names() -> Vec<String> {
    (0..8).map(|number| format!("f{number}")).collect()
}

fn vectors(name: &str) -> Value {
    let stem = name.split('.').next().unwrap();
    serde_json::from_str(&std::fs::read_to_string(file(&format!("{stem}.vectors.json"))).unwrap()).unwrap()
}

#[test]
fn imported_models_score_and_are_explained_as_where_they_came_from() {
    let mut explained = 0;
    for name in MODELS {
        let imported = imported(name);
        let scorer = imported.of_table("y").scorer().unwrap();
        let vectors = vectors(name);
        let rows = vectors["rows"].as_array().unwrap();
        assert!(rows.len() >= 60);
        for (number, (row, expected)) in rows.iter().zip(vectors["scores"].as_array().unwrap()).enumerate() {
            let score = scorer.score(|column| row[column].as_f64());
            assert!(
                (score - expected.as_f64().unwrap()).abs() < 1e-9,
                "{name}, row {number}: {score}, {expected}"
            );
            let Some(found) = scorer.contributions(|column| row[column].as_f64()) else {
                assert!(
                    name.starts_with("onnx_"),
                    "{name}: of these alone it is not known whom trees learned from"
                );
                continue;
            };
            let sum = found.base + found.parts.iter().map(|part| part.1).sum::<f64>();
            assert!((sum - score).abs() < 1e-9, "{name}, row {number}");
            if let Some(shapley) = vectors["shapley"][number].as_array() {
                let mut ours = vec![0.0; shapley.len()];
                found.parts.iter().for_each(|(column, adds)| ours[*column] = *adds);
                for (ours, theirs) in ours.iter().zip(shapley) {
                    assert!(
                        (ours - theirs.as_f64().unwrap()).abs() < 1e-6,
                        "{name}, row {number}: {ours}, {theirs}"
                    );
                    explained += 1;
                }
            }
        }
    }
    assert!(explained >= 2 * 60 * 8, "both LightGBM and scikit-learn are explained");
}

#[test]
fn an_imported_model_of_a_pack_reads_its_features_and_no_others() {
    let mut features = serde_json::Map::new();
    for number in 0..8 {
        features.insert(
            format!("f{number}"),
            json!({"kind": "count", "event": "visit", "window_days": number + 1}),
        );
    }
    let mut pack = json!({
        "id": "p", "version": 1, "title": "P", "owner": "tests", "reason": "tests", "expires": "2031-01-01",
        "events": {"visit": {}}, "features": features, "segments": []
    });
    let id = Name::parse("theirs").unwrap();
    for name in MODELS {
        let member = imported(name).of_pack(&pack, &id, "theirs").unwrap();
        let mut with = pack.clone();
        with["models"] = member;
        keepset_engine::Pack::read(&with).unwrap();
        // Another window under the same name is another feature.
        if !["sklearn_logistic.json", "onnx_logistic.onnx", "onnx_dense.onnx", "onnx_softmax.onnx"]
            .contains(&name)
        {
            with["features"]["f1"]["window_days"] = json!(300);
            let refused = keepset_engine::Pack::read(&with).unwrap_err().to_string();
            assert!(refused.starts_with("$.models.theirs.definitions: "), "{refused}");
        }
    }
    pack["features"].as_object_mut().unwrap().remove("f3");
    let refused = imported(MODELS[0]).of_pack(&pack, &id, "theirs").unwrap_err().to_string();
    assert!(refused.contains("f3"), "{refused}");
}

fn refusal(bytes: &[u8], names: &[String]) -> String {
    format!("{:#}", parse(bytes, names).unwrap_err())
}

#[test]
fn names_are_asked_for_where_a_file_has_none_and_refused_where_it_has_them() {
    let forest = std::fs::read(file("onnx_forest.onnx")).unwrap();
    let missing = refusal(&forest, &[]);
    assert!(missing.contains("its 8 features") && missing.contains("--features"), "{missing}");
    assert!(missing.contains("onnx.helper.set_model_props(model, {\"features\": "), "{missing}");
    let few = refusal(&forest, &names()[..7]);
    assert!(few.contains("it has 8 features, and 7 names are given: f0, f1, f2"), "{few}");
    let twice: Vec<String> = names().iter().map(|name| name.replace("f7", "f0")).collect();
    assert!(refusal(&forest, &twice).contains("two features are named \"f0\""));
    for name in ["onnx_logistic.onnx", "onnx_xgboost.onnx", "lightgbm.txt", "sklearn_forest.json"] {
        let refused = refusal(&std::fs::read(file(name)).unwrap(), &names());
        assert!(refused.contains("leave --features out"), "{name}: {refused}");
    }
    for name in MODELS {
        assert_eq!(imported(name).features, names(), "{name}");
    }
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_refused_or_read_and_never_the_end_of_the_tool() {
    for name in MODELS.iter().filter(|name| name.starts_with("onnx_")) {
        let whole = std::fs::read(file(name)).unwrap();
        let given = if *name == "onnx_forest.onnx" { names() } else { Vec::new() };
        let step = whole.len() / 120 + 1;
        for length in (0..whole.len()).step_by(step) {
            let read = parse(&whole[..length], &given);
            // What is missing may be no more than the versions that stand last.
            assert!(read.is_err() || length > whole.len() - 250, "{name}, cut off after {length}");
        }
        for place in (0..whole.len()).step_by(step) {
            for flip in [0x01, 0x08, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] ^= flip;
                if let Ok(read) = parse(&damaged, &given) {
                    drop(read.of_table("y").scorer());
                }
            }
        }
    }
}
