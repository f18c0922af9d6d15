//! Models of other libraries score as they do, to 1e-9, and are explained as `shap` explains them, to 1e-6. The files come
//! from `tests/models/make_vectors.py`, which also compares 10,000 rows.

use std::path::PathBuf;

use keepset_cli::import::read;
use keepset_wire::Name;
use serde_json::{Value, json};

const MODELS: [&str; 7] = [
    "lightgbm.txt",
    "xgboost.json",
    "sklearn_logistic.json",
    "sklearn_boosting.json",
    "sklearn_histogram.json",
    "sklearn_forest.json",
    "sklearn_extra.json",
];

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/models")).join(name)
}

fn vectors(name: &str) -> Value {
    let stem = name.split('.').next().unwrap();
    serde_json::from_str(&std::fs::read_to_string(file(&format!("{stem}.vectors.json"))).unwrap()).unwrap()
}

#[test]
fn imported_models_score_and_are_explained_as_where_they_came_from() {
    let mut explained = 0;
    for name in MODELS {
        let imported = read(&file(name), &[]).unwrap();
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
            let found = scorer.contributions(|column| row[column].as_f64()).unwrap();
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
        let member = read(&file(name), &[]).unwrap().of_pack(&pack, &id, "theirs").unwrap();
        let mut with = pack.clone();
        with["models"] = member;
        keepset_engine::Pack::read(&with).unwrap();
        // Another window under the same name is another feature.
        if name != "sklearn_logistic.json" {
            with["features"]["f1"]["window_days"] = json!(300);
            let refused = keepset_engine::Pack::read(&with).unwrap_err().to_string();
            assert!(refused.starts_with("$.models.theirs.definitions: "), "{refused}");
        }
    }
    pack["features"].as_object_mut().unwrap().remove("f3");
    let refused = read(&file(MODELS[0]), &[]).unwrap().of_pack(&pack, &id, "theirs").unwrap_err().to_string();
    assert!(refused.contains("f3"), "{refused}");
}
