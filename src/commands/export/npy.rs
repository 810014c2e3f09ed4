//! A NumPy array (format 1.0, numpy/lib/format.py), a CSV with what each of its rows is of, and a JSON document with what
//! made them.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use casekin_engine::{ExportPage, ExportedView};
use casekin_server::harmless;

use super::{Unfinished, Writer, provenance};

/// Bytes of magic, version, length and dictionary: room for any number of rows, and a multiple of 64.
const HEADER_BYTES: usize = 128;
const COLUMNS: [&str; 14] = [
    "row",
    "key",
    "case_id",
    "image_id",
    "patient",
    "kind",
    "frame",
    "x",
    "y",
    "width",
    "height",
    "modality",
    "body_part",
    "labels",
];

pub(super) struct Npy {
    array: Unfinished,
    table: csv::Writer<Vec<u8>>,
    csv: Unfinished,
    made_by: Unfinished,
    rows: u64,
    dimension: u32,
}

impl Npy {
    pub(super) fn create(path: &Path, dimension: u32) -> anyhow::Result<Self> {
        let beside = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            Unfinished::create(&PathBuf::from(name))
        };
        let mut array = Unfinished::create(path)?;
        array.file()?.write_all(&header(0, dimension))?;
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(COLUMNS)?;
        Ok(Self {
            array,
            table,
            csv: beside(".csv")?,
            made_by: beside(".json")?,
            rows: 0,
            dimension,
        })
    }

    /// Hands the rows of the table that are ready to its file.
    fn flush_table(&mut self) -> anyhow::Result<()> {
        let ready = std::mem::replace(&mut self.table, csv::Writer::from_writer(Vec::new()));
        let ready = ready.into_inner().map_err(|error| error.into_error())?;
        self.csv.file()?.write_all(&ready)?;
        Ok(())
    }
}

impl Writer for Npy {
    fn add(&mut self, views: &[ExportedView], dimension: u32) -> anyhow::Result<()> {
        for view in views {
            self.array.file()?.write_all(&view.bytes(dimension)?)?;
            let [x, y, width, height] = view.box_px.map(|value| value.to_string());
            let text = |value: &Option<String>| harmless(value.as_deref().unwrap_or_default());
            self.table.write_record([
                self.rows.to_string(),
                view.key.to_string(),
                harmless(&view.case_id),
                harmless(&view.image_id),
                text(&view.patient),
                view.kind.clone(),
                view.frame.to_string(),
                x,
                y,
                width,
                height,
                text(&view.modality),
                text(&view.body_part),
                harmless(&view.labels.join("|")),
            ])?;
            self.rows += 1;
        }
        self.flush_table()
    }

    fn finish(mut self: Box<Self>, from: &ExportPage) -> anyhow::Result<()> {
        let header = header(self.rows, self.dimension);
        let file = self.array.file()?;
        file.seek(SeekFrom::Start(0))
            .context("the array cannot be completed")?;
        file.write_all(&header)?;
        self.flush_table()?;
        let made_by = serde_json::to_vec_pretty(&provenance(from, self.rows))?;
        self.made_by.file()?.write_all(&made_by)?;
        let Self {
            array,
            csv,
            made_by,
            ..
        } = *self;
        made_by.finish()?;
        csv.finish()?;
        array.finish()
    }
}

fn header(rows: u64, dimension: u32) -> Vec<u8> {
    let dictionary =
        format!("{{'descr': '<f2', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let length = (HEADER_BYTES - bytes.len() - 2) as u16;
    bytes.extend(length.to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.resize(HEADER_BYTES - 1, b' ');
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_room_for_any_number_of_rows() {
        for (rows, dimension) in [(0, 1), (u64::MAX, u32::MAX)] {
            let header = header(rows, dimension);
            assert_eq!(header.len(), HEADER_BYTES);
            assert_eq!(header.last(), Some(&b'\n'));
            assert!(String::from_utf8_lossy(&header).contains(&format!("({rows}, {dimension})")));
        }
    }
}
