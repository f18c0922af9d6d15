//! Formulas over the values of other features.

use serde_json::Value;

/// The value of a formula, if all that it needs has one.
pub fn formula(value: &Value, feature: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    if let Some(name) = value.as_str() {
        return feature(name);
    }
    let (operation, parts) = value.as_object().unwrap().iter().next().unwrap();
    let parts = parts.as_array().unwrap();
    let part = |index: usize| formula(&parts[index], feature);
    let all = || parts.iter().map(|part| formula(part, feature)).collect::<Option<Vec<f64>>>();
    match operation.as_str() {
        "add" => all()?.into_iter().reduce(|a, b| a + b),
        "multiply" => all()?.into_iter().reduce(|a, b| a * b),
        "min" => all()?.into_iter().reduce(f64::min),
        "max" => all()?.into_iter().reduce(f64::max),
        "subtract" => Some(part(0)? - part(1)?),
        "divide" => Some(part(0)? / part(1).filter(|divisor| *divisor != 0.0)?),
        "or" => part(0).or_else(|| part(1)),
        "cut" => {
            let value = part(0)?;
            let at_most = |point: &&Value| point.as_f64().unwrap() <= value;
            let below = parts[1].as_array().unwrap().iter().filter(at_most).count();
            u32::try_from(below + 1).ok().map(f64::from)
        }
        other => panic!("unknown operation {other}"),
    }
}

/// The names of the features that a formula reads itself.
pub fn inputs(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(list) => list.iter().flat_map(inputs).collect(),
        Value::Object(fields) => fields.values().flat_map(inputs).collect(),
        _ => Vec::new(),
    }
}
