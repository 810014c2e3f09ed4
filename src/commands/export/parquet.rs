//! A Parquet file of one fixed table: uncompressed, plainly encoded, a row group a page. Vectors do not compress, and
//! there is nothing to read: so the writer is here, and no Parquet library is in the program.
//!
//! apache/parquet-format: README.md (file layout), Encodings.md (PLAIN, RLE levels), LogicalTypes.md (UTF8, LIST),
//! parquet.thrift (field numbers, named beside each).

use std::io::Write as _;
use std::path::Path;

use casekin_engine::{ExportPage, ExportedView};

use super::{Unfinished, Writer};

const MAGIC: &[u8; 4] = b"PAR1";

/// Physical types (parquet.thrift, `Type`).
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Int32 = 1,
    Int64 = 2,
    Float = 4,
    Double = 5,
    Bytes = 6,
}

/// How often a value comes in its row.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Required,
    Optional,
    /// A list in each row, of values that are always there.
    List,
}

struct Column {
    name: &'static str,
    of: Type,
    shape: Shape,
}

const fn column(name: &'static str, of: Type, shape: Shape) -> Column {
    Column { name, of, shape }
}

const COLUMNS: [Column; 15] = [
    column("key", Type::Int64, Shape::Required),
    column("case_id", Type::Bytes, Shape::Required),
    column("image_id", Type::Bytes, Shape::Required),
    column("patient", Type::Bytes, Shape::Optional),
    column("kind", Type::Bytes, Shape::Required),
    column("frame", Type::Int32, Shape::Required),
    column("x", Type::Int32, Shape::Required),
    column("y", Type::Int32, Shape::Required),
    column("width", Type::Int32, Shape::Required),
    column("height", Type::Int32, Shape::Required),
    column("mm_per_px", Type::Double, Shape::Optional),
    column("modality", Type::Bytes, Shape::Optional),
    column("body_part", Type::Bytes, Shape::Optional),
    column("labels", Type::Bytes, Shape::List),
    column("vector", Type::Float, Shape::List),
];

/// One column's values of one page: levels and plain bytes.
#[derive(Default)]
struct Chunk {
    plain: Vec<u8>,
    repetition: Vec<u8>,
    definition: Vec<u8>,
}

/// Where a column chunk lies.
struct Place {
    offset: u64,
    bytes: u64,
    values: u64,
}

pub(super) struct Parquet {
    file: Unfinished,
    at: u64,
    groups: Vec<(u64, Vec<Place>)>,
    rows: u64,
}

impl Parquet {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut file = Unfinished::create(path)?;
        file.file()?.write_all(MAGIC)?;
        Ok(Self {
            file,
            at: MAGIC.len() as u64,
            groups: Vec::new(),
            rows: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.file()?.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Chunk {
    fn level(&mut self, repetition: u8, definition: u8) {
        self.repetition.push(repetition);
        self.definition.push(definition);
    }

    fn text(&mut self, text: &str) {
        self.plain.extend((text.len() as u32).to_le_bytes());
        self.plain.extend(text.as_bytes());
        self.level(0, 1);
    }

    fn optional_text(&mut self, text: &Option<String>) {
        match text {
            Some(text) => self.text(text),
            None => self.level(0, 0),
        }
    }

    fn number(&mut self, number: u32) {
        self.plain.extend((number as i32).to_le_bytes());
        self.level(0, 1);
    }

    fn page(&self, shape: Shape) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.plain.len() + 64);
        if shape == Shape::List {
            page.extend(runs(&self.repetition));
        }
        if shape != Shape::Required {
            page.extend(runs(&self.definition));
        }
        page.extend(&self.plain);
        page
    }
}

/// Levels of 0 and 1 as runs (Encodings.md, RLE), with their length before them.
fn runs(levels: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for run in levels.chunk_by(|a, b| a == b) {
        varint(&mut encoded, (run.len() as u64) << 1);
        encoded.push(run[0]);
    }
    let mut bytes = (encoded.len() as u32).to_le_bytes().to_vec();
    bytes.extend(encoded);
    bytes
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Writer for Parquet {
    fn add(&mut self, views: &[ExportedView], dimension: u32) -> anyhow::Result<()> {
        if views.is_empty() {
            return Ok(());
        }
        let mut chunks: [Chunk; COLUMNS.len()] = Default::default();
        for view in views {
            add_row(&mut chunks, view, dimension)?;
        }
        let mut places = Vec::with_capacity(COLUMNS.len());
        for (chunk, column) in chunks.iter().zip(&COLUMNS) {
            let offset = self.at;
            let page = chunk.page(column.shape);
            let values = chunk.definition.len();
            let header = page_header(page.len(), values);
            self.write(&header)?;
            self.write(&page)?;
            places.push(Place {
                offset,
                bytes: self.at - offset,
                values: values as u64,
            });
        }
        self.groups.push((views.len() as u64, places));
        self.rows += views.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, from: &ExportPage) -> anyhow::Result<()> {
        let footer = footer(self.rows, &self.groups, from);
        self.write(&footer)?;
        self.write(&(footer.len() as u32).to_le_bytes())?;
        self.write(MAGIC)?;
        self.file.finish()
    }
}

/// One view's values, in the order of [`COLUMNS`].
fn add_row(
    chunks: &mut [Chunk; COLUMNS.len()],
    view: &ExportedView,
    dimension: u32,
) -> anyhow::Result<()> {
    let [
        key,
        case_id,
        image_id,
        patient,
        kind,
        frame,
        x,
        y,
        width,
        height,
        mm,
        modality,
        body_part,
        labels,
        vector,
    ] = chunks;
    key.plain.extend((view.key as i64).to_le_bytes());
    key.level(0, 1);
    case_id.text(&view.case_id);
    image_id.text(&view.image_id);
    patient.optional_text(&view.patient);
    kind.text(&view.kind);
    frame.number(view.frame);
    for (chunk, value) in [x, y, width, height].into_iter().zip(view.box_px) {
        chunk.number(value);
    }
    match view.mm_per_px {
        Some(size) => {
            mm.plain.extend(size.to_le_bytes());
            mm.level(0, 1);
        }
        None => mm.level(0, 0),
    }
    modality.optional_text(&view.modality);
    body_part.optional_text(&view.body_part);
    if view.labels.is_empty() {
        labels.level(0, 0);
    }
    for (at, label) in view.labels.iter().enumerate() {
        labels.text(label);
        if let Some(level) = labels.repetition.last_mut() {
            *level = u8::from(at > 0);
        }
    }
    for (at, value) in view.values(dimension)?.iter().enumerate() {
        vector.plain.extend(value.to_le_bytes());
        vector.level(u8::from(at > 0), 1);
    }
    Ok(())
}

/// Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md), as far as a footer needs it.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: Vec<i16>,
}

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Thrift {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            last: vec![0],
        }
    }

    fn field(&mut self, id: i16, kind: u8) {
        let last = self
            .last
            .last_mut()
            .map_or(0, |last| std::mem::replace(last, id));
        let delta = id - last;
        // Fields come in rising order and never 15 apart.
        self.bytes.push((delta as u8) << 4 | kind);
    }

    fn zigzag(&mut self, value: i64) {
        varint(&mut self.bytes, ((value << 1) ^ (value >> 63)) as u64);
    }

    fn i32(&mut self, id: i16, value: i32) {
        self.field(id, I32);
        self.zigzag(i64::from(value));
    }

    fn i64(&mut self, id: i16, value: u64) {
        self.field(id, I64);
        self.zigzag(value as i64);
    }

    fn raw_text(&mut self, text: &str) {
        varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn text(&mut self, id: i16, text: &str) {
        self.field(id, BINARY);
        self.raw_text(text);
    }

    fn list(&mut self, id: i16, kind: u8, count: usize) {
        self.field(id, LIST);
        if count < 15 {
            self.bytes.push((count as u8) << 4 | kind);
        } else {
            self.bytes.push(0xF0 | kind);
            varint(&mut self.bytes, count as u64);
        }
    }

    fn begin(&mut self) {
        self.last.push(0);
    }

    fn end(&mut self) {
        self.bytes.push(0);
        self.last.pop();
    }
}

/// `PageHeader` of a `DATA_PAGE`.
fn page_header(bytes: usize, values: usize) -> Vec<u8> {
    let mut to = Thrift::new();
    to.i32(1, 0); // type: DATA_PAGE
    to.i32(2, bytes as i32); // uncompressed_page_size
    to.i32(3, bytes as i32); // compressed_page_size
    to.field(5, STRUCT); // data_page_header
    to.begin();
    to.i32(1, values as i32); // num_values
    to.i32(2, 0); // encoding: PLAIN
    to.i32(3, 3); // definition_level_encoding: RLE
    to.i32(4, 3); // repetition_level_encoding: RLE
    to.end();
    to.end();
    to.bytes
}

/// `FileMetaData`.
fn footer(rows: u64, groups: &[(u64, Vec<Place>)], from: &ExportPage) -> Vec<u8> {
    let mut to = Thrift::new();
    to.i32(1, 1); // version
    schema(&mut to);
    to.i64(3, rows); // num_rows
    to.list(4, STRUCT, groups.len()); // row_groups
    for (count, places) in groups {
        row_group(&mut to, *count, places);
    }
    let facts = [
        ("casekin.model_id", from.model.id.clone()),
        ("casekin.model", from.model.name.clone()),
        ("casekin.profile", from.model.profile.clone()),
        ("casekin.precision", from.precision.clone()),
        (
            "casekin.pipeline_version",
            from.pipeline_version.to_string(),
        ),
        ("casekin.index_seq", from.index_seq.to_string()),
    ];
    to.list(5, STRUCT, facts.len()); // key_value_metadata
    for (key, value) in &facts {
        to.begin();
        to.text(1, key);
        to.text(2, value);
        to.end();
    }
    to.text(6, concat!("casekin ", env!("CARGO_PKG_VERSION"))); // created_by
    to.end();
    to.bytes
}

fn schema(to: &mut Thrift) {
    const REQUIRED: i32 = 0;
    const OPTIONAL: i32 = 1;
    const REPEATED: i32 = 2;
    let lists = COLUMNS
        .iter()
        .filter(|one| one.shape == Shape::List)
        .count();
    to.list(2, STRUCT, 1 + COLUMNS.len() + 2 * lists); // schema
    let group = |to: &mut Thrift, name: &str, repetition: Option<i32>, children: usize| {
        to.begin();
        if let Some(repetition) = repetition {
            to.i32(3, repetition); // repetition_type
        }
        to.text(4, name);
        to.i32(5, children as i32); // num_children
        if repetition == Some(REQUIRED) {
            to.i32(6, 3); // converted_type: LIST
        }
        to.end();
    };
    let leaf = |to: &mut Thrift, name: &str, of: Type, repetition: i32| {
        to.begin();
        to.i32(1, of as i32); // type
        to.i32(3, repetition); // repetition_type
        to.text(4, name);
        if of == Type::Bytes {
            to.i32(6, 0); // converted_type: UTF8
        }
        to.end();
    };
    group(to, "schema", None, COLUMNS.len());
    for column in &COLUMNS {
        match column.shape {
            Shape::Required => leaf(to, column.name, column.of, REQUIRED),
            Shape::Optional => leaf(to, column.name, column.of, OPTIONAL),
            Shape::List => {
                group(to, column.name, Some(REQUIRED), 1);
                group(to, "list", Some(REPEATED), 1);
                leaf(to, "element", column.of, REQUIRED);
            }
        }
    }
}

fn row_group(to: &mut Thrift, rows: u64, places: &[Place]) {
    to.begin();
    to.list(1, STRUCT, places.len()); // columns
    for (place, column) in places.iter().zip(&COLUMNS) {
        to.begin();
        to.i64(2, place.offset); // file_offset
        to.field(3, STRUCT); // meta_data
        to.begin();
        to.i32(1, column.of as i32); // type
        to.list(2, I32, 2); // encodings: PLAIN, RLE
        to.zigzag(0);
        to.zigzag(3);
        let path: &[&str] = match column.shape {
            Shape::List => &[column.name, "list", "element"],
            _ => &[column.name],
        };
        to.list(3, BINARY, path.len()); // path_in_schema
        path.iter().for_each(|name| to.raw_text(name));
        to.i32(4, 0); // codec: UNCOMPRESSED
        to.i64(5, place.values); // num_values
        to.i64(6, place.bytes); // total_uncompressed_size
        to.i64(7, place.bytes); // total_compressed_size
        to.i64(9, place.offset); // data_page_offset
        to.end();
        to.end();
    }
    to.i64(2, places.iter().map(|place| place.bytes).sum()); // total_byte_size
    to.i64(3, rows); // num_rows
    to.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_runs() {
        // 0, then 300 times 1, then 0: 300 << 1 = 600 = 0b100_1011000.
        let mut levels = vec![0];
        levels.extend([1; 300]);
        levels.push(0);
        assert_eq!(runs(&levels), [7, 0, 0, 0, 2, 0, 0xD8, 0x04, 1, 2, 0]);
        assert_eq!(runs(&[]), [0, 0, 0, 0]);
    }

    #[test]
    fn numbers_and_fields_are_as_thrift_writes_them() {
        let mut to = Thrift::new();
        to.i32(1, -1);
        to.i64(3, 150);
        to.text(4, "ab");
        to.end();
        assert_eq!(
            to.bytes,
            [0x15, 1, 0x26, 0xAC, 0x02, 0x18, 2, b'a', b'b', 0]
        );
    }
}
