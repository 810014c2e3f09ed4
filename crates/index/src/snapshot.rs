//! The columns on disk: one file of cases, per segment one file of rows and one of its graph, all vouched for by
//! a small MANIFEST that is replaced at once. What the manifest does not name does not exist, and is removed.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::durable::{self, FileRef};
use crate::graph::Graph;
use crate::rows::{CaseRow, Columns, Place, Row, Segment, Vocabularies, Vocabulary};
use crate::words::DurableText;
use crate::{CaseFacts, IndexError, IndexSettings, Stamp, VectorLocation, split_view_key};

const MANIFEST: &str = "MANIFEST";
const FORMAT_VERSION: u32 = 2;
/// What is durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format_version: u32,
    pub(crate) stamp: Stamp,
    /// Last sequence number that is durable.
    pub(crate) seq: u64,
    generation: u64,
    cases: Option<FileRef>,
    segments: Vec<SegmentRef>,
    /// tantivy's list of segments.
    text: Option<FileRef>,
    /// Files in the text folder.
    text_files: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SegmentRef {
    rows: Option<FileRef>,
    graph: Option<FileRef>,
}

#[derive(Serialize, Deserialize)]
struct SavedCase {
    case_no: u64,
    facts: CaseFacts,
    text_hash: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedRow {
    key: u64,
    location: VectorLocation,
    /// Modality, body part, laterality, stain: indices from 1 into the file's own words; 0 = unknown.
    words: [u32; 4],
    live: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct SavedRows {
    words: [Vec<String>; 4],
    rows: Vec<SavedRow>,
}

impl Manifest {
    pub(crate) fn empty(stamp: &Stamp) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            stamp: stamp.clone(),
            seq: 0,
            generation: 0,
            cases: None,
            segments: Vec::new(),
            text: None,
            text_files: Vec::new(),
        }
    }

    /// Reads the manifest; none means that nothing was ever durable here.
    pub(crate) fn read(dir: &Path, stamp: &Stamp) -> Result<Option<Self>, IndexError> {
        let path = dir.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(damaged(MANIFEST, "it is no text"));
            }
            Err(source) => {
                return Err(IndexError::File {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        let (crc32, body) = text
            .split_once('\n')
            .ok_or_else(|| damaged(MANIFEST, "it is cut short"))?;
        if u32::from_str_radix(crc32, 16).ok() != Some(crc32fast::hash(body.as_bytes())) {
            return Err(damaged(MANIFEST, "its checksum is wrong"));
        }
        let value: serde_json::Value =
            serde_json::from_str(body).map_err(|_| damaged(MANIFEST, "it cannot be read"))?;
        let found = value
            .get("format_version")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0) as u32;
        if found != FORMAT_VERSION {
            return Err(IndexError::FormatVersion {
                what: "index",
                found,
                known: FORMAT_VERSION,
            });
        }
        let manifest: Self =
            serde_json::from_value(value).map_err(|_| damaged(MANIFEST, "it cannot be read"))?;
        if manifest.stamp != *stamp {
            return Err(IndexError::StampMismatch {
                what: "index",
                held: Box::new(manifest.stamp),
                wanted: Box::new(stamp.clone()),
            });
        }
        Ok(Some(manifest))
    }

    /// Replaces the manifest, then removes the files that it no longer names.
    pub(crate) fn publish(&self, dir: &Path) -> Result<(), IndexError> {
        let body =
            serde_json::to_string(self).expect("a manifest of strings and numbers serialises");
        durable::replace(
            dir,
            MANIFEST,
            format!("{:08x}\n{body}", crc32fast::hash(body.as_bytes())).as_bytes(),
        )?;
        self.sweep(dir)
    }

    /// Removes files of ours that the manifest does not name.
    pub(crate) fn sweep(&self, dir: &Path) -> Result<(), IndexError> {
        let named: HashSet<&str> = self.files().map(|file| file.name.as_str()).collect();
        let failed = |source| IndexError::File {
            action: "sweep",
            path: dir.to_owned(),
            source,
        };
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let ours =
                name.ends_with(".columns") || name.ends_with(".graph") || name == "MANIFEST.new";
            if ours && !named.contains(name) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        durable::sync_dir(dir)
    }

    fn files(&self) -> impl Iterator<Item = &FileRef> {
        let of_segments = self
            .segments
            .iter()
            .flat_map(|segment| segment.rows.iter().chain(&segment.graph));
        self.cases.iter().chain(&self.text).chain(of_segments)
    }

    /// Writes what changed and returns the manifest that names it; [`Manifest::publish`] must follow.
    pub(crate) fn save(
        &self,
        dir: &Path,
        columns: &Columns,
        text: &DurableText,
        seq: u64,
    ) -> Result<Self, IndexError> {
        let generation = self.generation + 1;
        let meta = durable::write_file(dir, format!("text-{generation}.columns"), &text.meta)?;
        let cases: Vec<SavedCase> = columns
            .live_cases()
            .map(|(_, case)| saved_case(columns, case))
            .collect();
        let cases = write(dir, format!("cases-{generation}.columns"), &cases)?;
        let mut segments = Vec::with_capacity(columns.segments.len());
        for number in 0..columns.segments.len() {
            segments.push(self.save_segment(dir, columns, number)?);
        }
        let stamp = self.stamp.clone();
        Ok(Self {
            format_version: FORMAT_VERSION,
            stamp,
            seq,
            generation,
            cases: Some(cases),
            segments,
            text: Some(meta),
            text_files: text.files.clone(),
        })
    }

    /// The text that the manifest names, if it was ever flushed.
    pub(crate) fn text(&self, dir: &Path) -> Result<Option<DurableText>, IndexError> {
        let Some(meta) = &self.text else {
            return Ok(None);
        };
        if self
            .text_files
            .iter()
            .any(|name| name.contains(['/', '\\']))
        {
            return Err(damaged(MANIFEST, "a file's name leads out of the folder"));
        }
        let (meta, files) = (durable::read_file(dir, meta)?, self.text_files.clone());
        Ok(Some(DurableText { meta, files }))
    }

    fn save_segment(
        &self,
        dir: &Path,
        columns: &Columns,
        number: usize,
    ) -> Result<SegmentRef, IndexError> {
        let segment = &columns.segments[number];
        let tag = format!("{number}-{}", self.generation + 1);
        let held = self.segments.get(number).cloned().unwrap_or_default();
        let mut rows = held.rows;
        if segment.rows_dirty || rows.is_none() {
            let name = format!("rows-{tag}.columns");
            rows = Some(write(dir, name, &saved_rows(columns, segment))?);
        }
        // The builder wrote and synced the graph's file; naming it here makes it count.
        let graph = segment.graph_file.clone();
        Ok(SegmentRef { rows, graph })
    }

    /// The generation that the next manifest has.
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation + 1
    }

    /// Reads the columns that the manifest names, and beside them maps the graphs and computes their checksums.
    pub(crate) fn load(&self, dir: &Path, settings: &IndexSettings) -> Result<Columns, IndexError> {
        let load = |file: &FileRef| self.load_graph(dir, file, settings);
        let files = self.segments.iter().map(|held| held.graph.as_ref());
        let (columns, graphs) = rayon::join(
            || self.load_columns(dir),
            || files.map(|file| file.map(load)).collect(),
        );
        let mut columns = columns?;
        self.attach(&mut columns, graphs)?;
        Ok(columns)
    }

    /// Graphs that cannot be used are left out: they are built again.
    fn attach(
        &self,
        columns: &mut Columns,
        graphs: Vec<Option<Result<Graph, IndexError>>>,
    ) -> Result<(), IndexError> {
        let segments = columns.segments.iter_mut().zip(&self.segments);
        for ((segment, held), graph) in segments.zip(graphs) {
            let (Some(graph), Some(file)) = (graph, &held.graph) else {
                continue;
            };
            let graph =
                graph.and_then(|graph| match graph.slots() as usize == segment.rows.len() {
                    true => Ok(graph),
                    false => Err(damaged(&file.name, "it has other slots than its segment")),
                });
            match graph {
                Ok(graph) => {
                    segment.graph = Some(Arc::new(graph));
                    segment.graph_file = Some(file.clone());
                }
                Err(error @ (IndexError::Damaged { .. } | IndexError::Graph { .. })) => {
                    tracing::warn!(%error, "a graph cannot be used; it is built again from the vector log");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn load_columns(&self, dir: &Path) -> Result<Columns, IndexError> {
        let mut columns = Columns::default();
        let cases: Vec<SavedCase> = self
            .cases
            .as_ref()
            .map_or(Ok(Vec::new()), |file| read(dir, file))?;
        for case in cases {
            let at = columns.index_of(case.case_no);
            let row = columns.case_row(case.case_no, &case.facts, case.text_hash, Vec::new());
            columns.hold_case(at, row);
        }
        for (number, held) in self.segments.iter().enumerate() {
            let rows: Option<SavedRows> =
                held.rows.as_ref().map(|file| read(dir, file)).transpose()?;
            let mut segment = Segment::default();
            let rows = rows.unwrap_or_default();
            let codes = rows.codes(&mut columns.words);
            segment.rows.reserve_exact(rows.rows.len());
            for row in &rows.rows {
                let place = Place {
                    segment: number as u32,
                    slot: segment.rows.len() as u32,
                };
                let row = load_row(&mut columns, &codes, row, place)?;
                segment.push(row);
            }
            columns.segments.push(segment);
        }
        columns.index_values();
        Ok(columns)
    }

    fn load_graph(
        &self,
        dir: &Path,
        file: &FileRef,
        settings: &IndexSettings,
    ) -> Result<Graph, IndexError> {
        Graph::open(map_file(dir, file)?, settings, self.stamp.dimension)
    }
}

/// Maps a file that the manifest vouches for, its checksum verified.
pub(crate) fn map_file(dir: &Path, file: &FileRef) -> Result<Arc<Mmap>, IndexError> {
    if file.name.contains(['/', '\\']) {
        return Err(damaged(&file.name, "its name leads out of the folder"));
    }
    let path = dir.join(&file.name);
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => damaged(&file.name, "it is missing"),
        _ => IndexError::File {
            action: "map",
            path: path.clone(),
            source,
        },
    };
    let opened = fs::File::open(&path).map_err(failed)?;
    if opened.metadata().map_err(failed)?.len() != file.bytes {
        return Err(damaged(&file.name, "its length is wrong"));
    }
    #[allow(unsafe_code)]
    // SAFETY: a file of ours is never written again once it is named; one process alone writes a library.
    let map = unsafe { Mmap::map(&opened) }.map_err(failed)?;
    if crc32fast::hash(&map) != file.crc32 {
        return Err(damaged(&file.name, "its checksum is wrong"));
    }
    Ok(Arc::new(map))
}

fn saved_case(columns: &Columns, case: &CaseRow) -> SavedCase {
    let words = &columns.words;
    let word = |vocabulary: &Vocabulary, code: u32| vocabulary.word(code).map(str::to_owned);
    let facts = CaseFacts {
        labels: case
            .labels
            .iter()
            .filter_map(|code| word(&words.label, *code))
            .collect(),
        sex: word(&words.sex, case.sex),
        age_years: case.age_years,
        date: case.date,
        site: word(&words.site, case.site),
        synthetic: case.synthetic,
        title: String::new(),
        patient: case.patient,
    };
    SavedCase {
        case_no: case.case_no,
        facts,
        text_hash: case.text_hash,
    }
}

fn saved_rows(columns: &Columns, segment: &Segment) -> SavedRows {
    let shared = [
        &columns.words.modality,
        &columns.words.body_part,
        &columns.words.laterality,
        &columns.words.stain,
    ];
    let mut own: [Vocabulary; 4] = Default::default();
    let mut save = |row: &Row| {
        let codes = [row.modality, row.body_part, row.laterality, row.stain];
        let words = std::array::from_fn(|at| own[at].code(shared[at].word(codes[at])));
        SavedRow {
            key: row.key,
            location: row.location,
            words,
            live: row.live,
        }
    };
    let rows = segment.rows.iter().map(&mut save).collect();
    let words = own.map(|vocabulary| {
        (1..)
            .map_while(|code| vocabulary.word(code).map(str::to_owned))
            .collect()
    });
    SavedRows { words, rows }
}

impl SavedRows {
    /// The codes that the file's own words have in the vocabularies in memory; the first is of what is unknown.
    fn codes(&self, words: &mut Vocabularies) -> [Vec<u32>; 4] {
        let [modality, body_part, laterality, stain] = &self.words;
        let of = |vocabulary: &mut Vocabulary, own: &[String]| {
            let known = own.iter().map(|word| vocabulary.code(Some(word)));
            std::iter::once(0).chain(known).collect()
        };
        [
            of(&mut words.modality, modality),
            of(&mut words.body_part, body_part),
            of(&mut words.laterality, laterality),
            of(&mut words.stain, stain),
        ]
    }
}

fn load_row(
    columns: &mut Columns,
    codes: &[Vec<u32>; 4],
    row: &SavedRow,
    place: Place,
) -> Result<Row, IndexError> {
    if !row.live {
        return Ok(Row::DEAD);
    }
    let case = *columns
        .by_no
        .get(&split_view_key(row.key).0)
        .ok_or_else(|| damaged("rows", "a view belongs to no case"))?;
    let code = |at: usize| codes[at].get(row.words[at] as usize).copied().unwrap_or(0);
    if let Some(case) = columns.cases[case as usize].as_mut() {
        case.places.push(place);
    }
    Ok(Row {
        key: row.key,
        location: row.location,
        modality: code(0),
        body_part: code(1),
        laterality: code(2),
        stain: code(3),
        case,
        live: true,
    })
}

fn write<T: Serialize>(dir: &Path, name: String, content: &T) -> Result<FileRef, IndexError> {
    let bytes = postcard::to_stdvec(content).map_err(|error| damaged(&name, &error.to_string()))?;
    durable::write_file(dir, name, &bytes)
}

fn read<T: DeserializeOwned>(dir: &Path, file: &FileRef) -> Result<T, IndexError> {
    postcard::from_bytes(&durable::read_file(dir, file)?)
        .map_err(|_| damaged(&file.name, "it cannot be read"))
}

pub(crate) fn damaged(what: &str, reason: &str) -> IndexError {
    IndexError::Damaged {
        what: what.into(),
        reason: reason.into(),
    }
}
