//! A row: one answer as numbers that every engine of tables knows.

use std::path::Path;
use std::sync::Arc;

use keepset_wire::Window;
use parquet::basic::Compression;
use parquet::data_type::{Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor as _;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use crate::store::Kept;

/// How many words of 64 cells a row has: enough for the largest question a plan may ask, with 402 cells.
pub(super) const WORDS: usize = 7;
/// Numbers before the words.
const BEFORE: usize = 4;
/// Numbers of a row.
pub(super) const COLUMNS: usize = BEFORE + WORDS;

/// What stands before the words, and how wide it is.
pub(super) const NAMES: [(&str, &str); BEFORE] =
    [("window_number", "int32"), ("paired", "int32"), ("id_high", "int64"), ("id_low", "int64")];

/// The numbers of a row, in the order of the columns.
pub(super) type Row = [i64; COLUMNS];

/// Writes an answer, of whose cells the first `paired` are counted in twos, as numbers: the id as two of 64 bits, highest first; cells from the lowest bit of the first word on.
pub(super) fn row(window: Window, paired: u16, kept: &Kept) -> Row {
    let mut row = [0; COLUMNS];
    let half = |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| kept.id.0[at + byte]));
    row[..BEFORE].copy_from_slice(&[window.0.into(), paired.into(), half(0), half(8)]);
    for (word, bytes) in row[BEFORE..].iter_mut().zip(kept.answer.chunks(8)) {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        *word = i64::from_le_bytes(eight);
    }
    row
}

/// Lists the columns by name.
pub(super) fn columns() -> impl Iterator<Item = String> {
    NAMES.iter().map(|(name, _)| (*name).to_owned()).chain((0..WORDS).map(|word| format!("word_{word}")))
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let before: String = NAMES.iter().map(|(name, kind)| format!("required {kind} {name}; ")).collect();
    let words: String = (0..WORDS).map(|word| format!("required int64 word_{word}; ")).collect();
    parse_message_type(&format!("message report {{ {before}{words}}}")).map(Arc::new)
}

/// Begins a file. What is random is not made smaller by compressing it, and what is the same in all rows takes nothing as it is.
pub(super) fn writer<W: std::io::Write + Send>(to: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by("keepset-collector".into())
        .set_compression(Compression::UNCOMPRESSED)
        .build();
    SerializedFileWriter::new(to, schema()?, Arc::new(properties))
}

/// Writes rows as a group of their own.
pub(super) fn write<W: std::io::Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    rows: &[Row],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut column = 0;
    while let Some(mut values) = group.next_column()? {
        let numbers = rows.iter().map(|row| row[column]);
        if NAMES.get(column).is_some_and(|(_, kind)| *kind == "int32") {
            // Windows and cells are far below 2^31.
            let numbers: Vec<i32> = numbers.map(|number| i32::try_from(number).unwrap_or(i32::MAX)).collect();
            values.typed::<Int32Type>().write_batch(&numbers, None, None)?;
        } else {
            values.typed::<Int64Type>().write_batch(&numbers.collect::<Vec<_>>(), None, None)?;
        }
        values.close()?;
        column += 1;
    }
    group.close()?;
    Ok(())
}

/// Reads every row of a file.
///
/// # Errors
/// One sentence that names the file.
pub(super) fn read(path: &Path, take: &mut dyn FnMut(&Row) -> Result<(), String>) -> Result<(), String> {
    let wrong = |error: ParquetError| format!("{} is no file of an archive: {error}", path.display());
    let file =
        std::fs::File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let reader = SerializedFileReader::new(file).map_err(wrong)?;
    let found = reader.metadata().file_metadata().schema_descr().root_schema().get_fields();
    if !found.iter().map(|field| field.name().to_owned()).eq(columns()) {
        return Err(format!("{} is no file of an archive: its columns are others", path.display()));
    }
    for read in reader.get_row_iter(None).map_err(wrong)? {
        let read = read.map_err(wrong)?;
        let mut row = [0; COLUMNS];
        for (column, number) in row.iter_mut().enumerate() {
            let narrow = NAMES.get(column).is_some_and(|(_, kind)| *kind == "int32");
            let value = if narrow { read.get_int(column).map(i64::from) } else { read.get_long(column) };
            *number = value.map_err(wrong)?;
        }
        take(&row)?;
    }
    Ok(())
}
