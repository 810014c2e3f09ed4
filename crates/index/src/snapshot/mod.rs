//! The columns on disk: one file of cases, per segment one file of rows and one of its graph, all vouched for by
//! a small MANIFEST that is replaced at once. What the manifest does not name does not exist, and is removed.

mod columns;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::columns::{SavedCases, SavedRows};
use crate::durable::{self, FileRef};
use crate::graph::Graph;
use crate::rows::Columns;
use crate::words::DurableText;
use crate::{IndexError, IndexSettings, Stamp};

const MANIFEST: &str = "MANIFEST";
const FORMAT_VERSION: u32 = 5;

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
        let cases = SavedCases::of(columns);
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
            rows = Some(write(dir, name, &SavedRows::of(columns, segment))?);
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

    /// Cases and rows are read side by side; then each row is given to its case.
    fn load_columns(&self, dir: &Path) -> Result<Columns, IndexError> {
        let rows_of = |held: &SegmentRef| read::<SavedRows>(dir, held.rows.as_ref());
        let (cases, segments) = rayon::join(
            || read::<SavedCases>(dir, self.cases.as_ref()).map(SavedCases::into_columns),
            || {
                let segments = self.segments.par_iter().map(rows_of);
                segments.collect::<Result<Vec<_>, _>>()
            },
        );
        let mut columns = cases?;
        for saved in segments? {
            saved.add_to(&mut columns)?;
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

fn write<T: Serialize>(dir: &Path, name: String, content: &T) -> Result<FileRef, IndexError> {
    let bytes = postcard::to_stdvec(content).map_err(|error| damaged(&name, &error.to_string()))?;
    durable::write_file(dir, name, &bytes)
}

/// What a file holds; nothing where none is named.
fn read<T: DeserializeOwned + Default>(
    dir: &Path,
    file: Option<&FileRef>,
) -> Result<T, IndexError> {
    let Some(file) = file else {
        return Ok(T::default());
    };
    postcard::from_bytes(&durable::read_file(dir, file)?)
        .map_err(|_| damaged(&file.name, "it cannot be read"))
}

pub(crate) fn damaged(what: &str, reason: &str) -> IndexError {
    IndexError::Damaged {
        what: what.into(),
        reason: reason.into(),
    }
}
