//! Lines of a manifest → rows, one at a time.

use std::io::{BufRead, Read};

use serde_json::Value;

use super::values::{read_age, read_date, read_labels, read_sex};
use super::{ColumnMap, Field, Format, ManifestError, Row};

/// Longest line of JSONL, and longest CSV record, in bytes.
const MAX_RECORD_BYTES: usize = 4 << 20;
/// Most columns of a row.
const MAX_COLUMNS: usize = 1_000;

type Source = Box<dyn BufRead + Send>;

/// The rows of a manifest, read as they are asked for. After an error that hides where the next row starts it ends.
pub struct Rows {
    records: Records,
    map: ColumnMap,
}

enum Records {
    Csv {
        reader: csv::Reader<Bounded>,
        header: Vec<String>,
    },
    Jsonl {
        source: Source,
        line: u64,
    },
    Ended,
}

/// Starts reading: `format` is binding, `named` only counts where the content does not tell.
pub(super) fn start(
    mut source: Source,
    format: Option<Format>,
    named: Option<Format>,
    map: &ColumnMap,
) -> Result<Rows, ManifestError> {
    let head = source
        .fill_buf()
        .map_err(|e| unreadable(0, &e.kind().to_string()))?;
    let bom = if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        3
    } else {
        0
    };
    if head.contains(&0) {
        return Err(unreadable(0, "it is no UTF-8 text"));
    }
    let first = head[bom..].iter().find(|b| !b.is_ascii_whitespace());
    let by_content = if first == Some(&b'{') {
        Format::Jsonl
    } else {
        named.unwrap_or(Format::Csv)
    };
    source.consume(bom);
    match format.unwrap_or(by_content) {
        Format::Jsonl => Ok(Rows {
            records: Records::Jsonl { source, line: 0 },
            map: map.clone(),
        }),
        Format::Csv => start_csv(source, map),
    }
}

fn start_csv(mut source: Source, map: &ColumnMap) -> Result<Rows, ManifestError> {
    let head = source
        .fill_buf()
        .map_err(|e| unreadable(1, &e.kind().to_string()))?;
    let first_line = head.split(|b| *b == b'\n').next().unwrap_or(head);
    let count = |wanted: u8| first_line.iter().filter(|b| **b == wanted).count();
    // A tie goes to the comma: a header without separators has one column.
    let delimiter = [b'\t', b';', b',']
        .into_iter()
        .max_by_key(|d| count(*d))
        .unwrap_or(b',');
    let bounded = Bounded {
        source,
        left: MAX_RECORD_BYTES,
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(bounded);
    let header = reader.headers().map_err(|e| csv_error(&e, 1))?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    if header.len() > MAX_COLUMNS {
        return Err(unreadable(1, "it has more than 1000 columns"));
    }
    check_header(&header, map)?;
    Ok(Rows {
        records: Records::Csv { reader, header },
        map: map.clone(),
    })
}

fn check_header(header: &[String], map: &ColumnMap) -> Result<(), ManifestError> {
    let found = format!("columns found: {}", header.join(", "));
    if let Some(column) = map.missing_in(header) {
        let reason = format!("--map names a column that the manifest does not have; {found}");
        let remedy = "correct the column's name in --map".to_owned();
        return Err(ManifestError {
            line: 1,
            column: Some(column.to_owned()),
            reason,
            remedy,
        });
    }
    if map
        .guessing_path(header)
        .is_some_and(|map| map.names_path(header))
        || map.names_path(header)
    {
        return Ok(());
    }
    Err(ManifestError {
        line: 1,
        column: None,
        reason: format!("no column says where the pictures are; {found}"),
        remedy: "name one \"path\" or add --map COLUMN=path".to_owned(),
    })
}

impl Iterator for Rows {
    type Item = Result<Row, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, cells) = match self.next_cells()? {
            Ok(cells) => cells,
            Err(error) => return Some(Err(error)),
        };
        Some(fill_row(line, cells, &self.map))
    }
}

type Cells = (u64, Vec<(String, String)>);

impl Rows {
    fn next_cells(&mut self) -> Option<Result<Cells, ManifestError>> {
        match &mut self.records {
            Records::Ended => None,
            Records::Csv { reader, header } => {
                let mut record = csv::StringRecord::new();
                reader.get_mut().left = MAX_RECORD_BYTES;
                let line = reader.position().line();
                match reader.read_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = record.position().map_or(line, csv::Position::line);
                        Some(pair_cells(line, header, &record))
                    }
                    Err(error) => {
                        let broken = csv_error(&error, line);
                        // A bad character spoils one record; a read error would repeat for ever.
                        if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                            self.records = Records::Ended;
                        }
                        Some(Err(broken))
                    }
                }
            }
            Records::Jsonl { source, line } => {
                let next = next_object(source, line);
                if matches!(&next, Some(Err((_, true)))) {
                    self.records = Records::Ended;
                }
                next.map(|result| result.map_err(|(error, _)| error))
            }
        }
    }
}

fn pair_cells(
    line: u64,
    header: &[String],
    record: &csv::StringRecord,
) -> Result<Cells, ManifestError> {
    if record.len() > header.len()
        && record
            .iter()
            .skip(header.len())
            .any(|cell| !cell.trim().is_empty())
    {
        return Err(ManifestError {
            line,
            column: None,
            reason: format!(
                "the row has {} cells, the header {}",
                record.len(),
                header.len()
            ),
            remedy: "put cells that hold the separator in quotes".to_owned(),
        });
    }
    let cells = header
        .iter()
        .zip(record.iter())
        .map(|(column, cell)| (column.clone(), cell.trim().to_owned()));
    Ok((line, cells.collect()))
}

/// The next object; an error with `true` ends the manifest.
fn next_object(
    source: &mut Source,
    line: &mut u64,
) -> Option<Result<Cells, (ManifestError, bool)>> {
    loop {
        let mut bytes = Vec::new();
        *line += 1;
        let limit = MAX_RECORD_BYTES as u64 + 1;
        match source.by_ref().take(limit).read_until(b'\n', &mut bytes) {
            Err(error) => return Some(Err((unreadable(*line, &error.kind().to_string()), true))),
            Ok(0) => return None,
            Ok(_) if bytes.len() > MAX_RECORD_BYTES => {
                return Some(Err((
                    unreadable(*line, "the line is longer than 4 MiB"),
                    true,
                )));
            }
            Ok(_) if bytes.iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) => return Some(read_object(&bytes, *line).map_err(|error| (error, false))),
        }
    }
}

fn read_object(bytes: &[u8], line: u64) -> Result<Cells, ManifestError> {
    let refuse = |reason: &str| ManifestError {
        line,
        column: None,
        reason: reason.to_owned(),
        remedy: "write one JSON object a line, with plain values or arrays of them".to_owned(),
    };
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(bytes) else {
        return Err(refuse("this is no JSON object"));
    };
    if object.len() > MAX_COLUMNS {
        return Err(refuse("it has more than 1000 members"));
    }
    let mut cells = Vec::with_capacity(object.len());
    for (column, value) in object {
        let cell = match &value {
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(plain_value).collect();
                texts.map(|t| t.join("|"))
            }
            single => plain_value(single),
        };
        let Some(cell) = cell else {
            let mut error = refuse("a member holds an object");
            error.column = Some(column);
            return Err(error);
        };
        cells.push((column, cell.trim().to_owned()));
    }
    Ok((line, cells))
}

fn plain_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn fill_row(
    line: u64,
    cells: Vec<(String, String)>,
    map: &ColumnMap,
) -> Result<Row, ManifestError> {
    let mut row = Row {
        line,
        ..Row::default()
    };
    let columns: Vec<String> = cells.iter().map(|(column, _)| column.clone()).collect();
    let guessed = map.guessing_path(&columns);
    let map = guessed.as_ref().unwrap_or(map);
    for (column, cell) in cells.into_iter().filter(|(_, cell)| !cell.is_empty()) {
        match map.field_of(&column) {
            Some(field) => set(&mut row, field, column, cell),
            None => row.extra.push((column, cell)),
        }
    }
    if row.path.is_empty() {
        check_header(&columns, map).map_err(|error| ManifestError { line, ..error })?;
        return Err(ManifestError {
            line,
            column: None,
            reason: "the row names no file".to_owned(),
            remedy: "fill its path or delete the row".to_owned(),
        });
    }
    Ok(row)
}

fn set(row: &mut Row, field: Field, column: String, cell: String) {
    match field {
        Field::Path => row.path = cell,
        Field::CaseId => row.case_id = Some(cell),
        Field::PatientId => {
            row.identifiers.ids.push(cell.clone());
            row.patient_id = Some(cell);
        }
        Field::Title => row.title = Some(cell),
        Field::Report => match &mut row.report {
            Some(report) => *report = format!("{report}\n\n{cell}"),
            None => row.report = Some(cell),
        },
        Field::Labels => read_labels(&cell, &mut row.labels),
        Field::Modality => row.modality = Some(cell),
        Field::BodyPart => row.body_part = Some(cell),
        Field::Accession => {
            row.identifiers.ids.push(cell.clone());
            row.accession = Some(cell);
        }
        Field::Site => row.site = Some(cell),
        Field::Name => row.identifiers.names.push(cell),
        Field::BirthDate => row.identifiers.dates.push(read_date(&cell).unwrap_or(cell)),
        Field::Identifier => row.identifiers.ids.push(cell),
        Field::Ignore => {}
        Field::Date | Field::StudyOffsetDays | Field::Sex | Field::Age => {
            set_measured(row, field, column, cell)
        }
    }
}

/// Fields with a form. A cell of another form is kept as it is, beside a warning.
fn set_measured(row: &mut Row, field: Field, column: String, cell: String) {
    let (is_read, wanted) = match field {
        Field::Date => {
            row.date = read_date(&cell);
            (row.date.is_some(), "write dates as yyyy-mm-dd")
        }
        Field::StudyOffsetDays => {
            row.study_offset_days = cell.strip_suffix(".0").unwrap_or(&cell).parse().ok();
            (row.study_offset_days.is_some(), "write whole days")
        }
        Field::Sex => {
            row.sex = read_sex(&cell);
            (row.sex.is_some(), "write M, F or O")
        }
        _ => {
            row.age_years = read_age(&cell);
            (
                row.age_years.is_some(),
                "write years, or DICOM's form such as 063Y",
            )
        }
    };
    if !is_read {
        row.warnings.push(ManifestError {
            line: row.line,
            column: Some(column.clone()),
            reason: format!("the value is no {} and is kept as a label", field.name()),
            remedy: wanted.to_owned(),
        });
        row.extra.push((column, cell));
    }
}

fn unreadable(line: u64, why: &str) -> ManifestError {
    ManifestError {
        line,
        column: None,
        reason: format!("the manifest cannot be read: {why}"),
        remedy: "give a CSV file with a header line, or one JSON object a line, in UTF-8"
            .to_owned(),
    }
}

fn csv_error(error: &csv::Error, line: u64) -> ManifestError {
    let line = error.position().map_or(line, csv::Position::line);
    let why = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "a cell is no UTF-8 text".to_owned(),
        csv::ErrorKind::Io(e) if e.kind() == std::io::ErrorKind::FileTooLarge => {
            "a row is longer than 4 MiB; is a quote left open?".to_owned()
        }
        csv::ErrorKind::Io(e) => e.kind().to_string(),
        _ => "the row is broken".to_owned(),
    };
    unreadable(line, &why)
}

/// Ends a record that never ends (a quote left open) instead of holding the file in memory.
struct Bounded {
    source: Source,
    left: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let most = buffer.len().min(self.left);
        let taken = self.source.read(&mut buffer[..most])?;
        self.left -= taken;
        Ok(taken)
    }
}
