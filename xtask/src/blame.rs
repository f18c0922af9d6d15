//! Where the bytes of the wasm go: the code of every function, summed by the crate that wrote it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::Result;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Crates with less code than this stand together in one row.
const LEAST: usize = 1_000;

/// Sums a module whose functions are named, largest crate first.
pub(crate) fn table(module: &[u8]) -> Result<String> {
    let mut bodies = Vec::new();
    let mut names = HashMap::new();
    let (mut imported, mut data) = (0_u32, 0);
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::DataSection(section) => data = section.range().len(),
            Payload::CustomSection(custom) => {
                let KnownCustom::Name(section) = custom.as_known() else { continue };
                for part in section {
                    let Name::Function(functions) = part? else { continue };
                    for function in functions {
                        let function = function?;
                        names.insert(function.index, function.name);
                    }
                }
            }
            _ => {}
        }
    }
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, bytes) in (imported..).zip(bodies) {
        *sums.entry(names.get(&index).map_or("unnamed", |name| author(name))).or_default() += bytes;
    }
    Ok(written(&sums, data))
}

/// The first crate a function's name holds; our exported methods are the edge's, and what has to do with none is of the language.
fn author(name: &str) -> &str {
    if name.starts_with("core_") {
        return "keepset";
    }
    // A crate's name stands before its hash in brackets; so does nothing else but an array or a slice.
    let tagged = name.match_indices('[').map(|(at, _)| last_word(&name[..at])).find(|word| !word.is_empty());
    let first = || name.split_once("::").map_or("unnamed", |(before, _)| last_word(before));
    match tagged.unwrap_or_else(first) {
        "" => "core",
        known => known,
    }
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

fn written(sums: &BTreeMap<&str, usize>, data: usize) -> String {
    let mut rows: Vec<(&str, usize)> = sums.iter().map(|(name, bytes)| (*name, *bytes)).collect();
    rows.sort_by_key(|(name, bytes)| (usize::MAX - bytes, *name));
    let (large, small): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, bytes)| *bytes >= LEAST);
    let rest: usize = small.iter().map(|(_, bytes)| bytes).sum();
    let mut table = "| crate | bytes |\n| --- | ---: |\n".to_owned();
    let named = large.iter().map(|(name, bytes)| (format!("`{name}`"), *bytes));
    let others = [(format!("{} more", small.len()), rest), ("texts and tables".to_owned(), data)];
    for (name, bytes) in named.chain(others) {
        // Writing to a text cannot fail.
        let _ = writeln!(table, "| {name} | {bytes} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::author;

    #[test]
    fn a_function_belongs_to_the_crate_its_name_begins_with() {
        assert_eq!(author("<keepset_engine[88662973f2feb1f0]::segment::rule::Rule>::read"), "keepset_engine");
        assert_eq!(
            author("<&mut serde_json[24]::de::Deserializer<R> as serde_core[24]::de::Deserializer>::x"),
            "serde_json"
        );
        assert_eq!(author("core[8a97de082bc4c33]::slice::sort"), "core");
        assert_eq!(author("<[u8; 16usize] as keepset_wire[3458e81d]::codec::Codec>::decode"), "keepset_wire");
        assert_eq!(author("<[i64]>::contains"), "core");
        assert_eq!(author("core_new multivalue shim"), "keepset");
        assert_eq!(author("__externref_table_alloc"), "unnamed");
    }
}
