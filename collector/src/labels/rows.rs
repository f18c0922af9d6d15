//! The rows that are handed on, and how they are written: a line of CSV each, or a file of Parquet.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use keepset_wire::hex;
use keepset_wire::labels::LabelTerms;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::store::Held;
use super::{date, sharing};
use crate::private;

/// A name that has a label, and the consent it was shared on.
pub(super) struct Row<'a> {
    label: &'a str,
    held: &'a Held,
    terms: &'a LabelTerms,
}

/// Lists the rows under some terms, of labels that enough people share.
pub(super) fn rows<'a>(terms: &'a LabelTerms, held: &'a [Held]) -> Vec<Row<'a>> {
    let counts = sharing(terms, held);
    let shared = terms.segments.iter().enumerate().zip(counts).filter(|(_, count)| count.is_some());
    shared
        .flat_map(|((index, (label, _)), _)| {
            let having = held.iter().filter(move |one| one.labels.get(index) == Some(&true));
            having.map(move |held| Row { label: label.as_str(), held, terms })
        })
        .collect()
}

/// Writes rows as CSV. No field holds what CSV would have to quote: names, hexadecimal digits, dates, numbers.
pub(super) fn csv(rows: &[Row<'_>]) -> String {
    let mut text = String::from("label,id,told,agreed,signal,text_version,terms,pack\n");
    for Row { label, held, terms } in rows {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{label},{},{},{},{},{},{},{}",
            held.id,
            date(held.day),
            date(held.agreed),
            held.signal,
            terms.text_version,
            terms.hash(),
            hex(&held.pack)
        );
    }
    text
}

const SCHEMA: &str = "message label { required binary label (UTF8); required binary id (UTF8); required int32 told (DATE); required int32 agreed (DATE);
    required binary signal (UTF8); required int32 text_version; required binary terms (UTF8); required binary pack (UTF8); }";

/// Writes rows as Parquet, under the names that the CSV has: a file for its owner alone, whole or not at all.
///
/// # Errors
/// One sentence that names the file.
pub(super) fn write_parquet(rows: &[Row<'_>], path: &Path) -> Result<(), String> {
    let bytes = parquet(rows).map_err(|error| format!("--parquet: {error}"))?;
    private::write_bytes(path, &bytes).map_err(|error| format!("--parquet: {error}"))
}

fn parquet(rows: &[Row<'_>]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by("keepset-collector".into())
        .set_compression(Compression::UNCOMPRESSED);
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()))?;
    let mut group = writer.next_row_group()?;
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for column in 0.. {
        let Some(mut values) = group.next_column()? else { break };
        texts.clear();
        numbers.clear();
        for Row { label, held, terms } in rows {
            // Days and versions are far below 2^31.
            let mut number = |value: u32| numbers.push(i32::try_from(value).unwrap_or(i32::MAX));
            let mut text = |value: String| texts.push(ByteArray::from(value.into_bytes()));
            match column {
                0 => text((*label).to_owned()),
                1 => text(held.id.to_string()),
                2 => number(held.day),
                3 => number(held.agreed),
                4 => text(held.signal.clone()),
                5 => number(terms.text_version),
                6 => text(terms.hash().to_string()),
                _ => text(hex(&held.pack)),
            }
        }
        match column {
            2 | 3 | 5 => values.typed::<Int32Type>().write_batch(&numbers, None, None)?,
            _ => values.typed::<ByteArrayType>().write_batch(&texts, None, None)?,
        };
        values.close()?;
    }
    group.close()?;
    writer.into_inner()
}
