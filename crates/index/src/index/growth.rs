//! Graphs that grow beside searching, are checked when full, and are made again when much in them is dead.
//! Runs in the writer; takes the columns' lock only to read places and to exchange what is finished.

use std::sync::Arc;

use half::f16;

use super::Inner;
use crate::graph::Graph;
use crate::kernel;
use crate::rows::{Columns, Place, Row, Segment};
use crate::{IndexError, VectorLocation};

/// A segment is made again once this share of its rows is dead, and at least this many are.
const DEAD_SHARE: f64 = 0.25;
const DEAD_ROWS: usize = 64;
/// Times that unreachable slots are added again before they are given up to the scan.
const SEAL_ROUNDS: usize = 3;
const CHUNK: usize = 256;

impl Inner {
    /// Brings every graph up to date whose waiting rows are many, and seals full segments.
    pub(super) fn grow(&self) -> Result<(), IndexError> {
        let segments = self.read_columns().segments.len();
        for segment in 0..segments {
            self.grow_segment(segment)?;
        }
        Ok(())
    }

    fn grow_segment(&self, number: usize) -> Result<(), IndexError> {
        let (rows, published, full, sealed) = {
            let columns = self.read_columns();
            let segment = &columns.segments[number];
            let full = segment.rows.len() >= self.settings.segment_vectors;
            (
                segment.rows.len(),
                segment.published(),
                full,
                segment.sealed,
            )
        };
        let waiting = rows - published;
        let due = waiting >= self.settings.graph_from
            || (full && waiting > 0 && rows >= self.settings.graph_from);
        if due {
            let graph = self.graph_of(number, rows)?;
            self.extend(number, &graph, published as u32, rows as u32)?;
        }
        if full && !sealed && rows >= self.settings.graph_from {
            self.seal(number)?;
        }
        Ok(())
    }

    /// The segment's graph, begun if there is none.
    fn graph_of(&self, number: usize, rows: usize) -> Result<Arc<Graph>, IndexError> {
        if let Some(graph) = &self.read_columns().segments[number].graph {
            return Ok(Arc::clone(graph));
        }
        let capacity = self.settings.segment_vectors.max(rows);
        let graph = Arc::new(Graph::new(&self.settings, self.stamp.dimension, capacity)?);
        self.write_columns().segments[number].graph = Some(Arc::clone(&graph));
        Ok(graph)
    }

    /// Adds slots to a graph and publishes them as it goes.
    fn extend(&self, number: usize, graph: &Graph, from: u32, to: u32) -> Result<(), IndexError> {
        let mut start = from;
        while start < to {
            let end = to.min(start + CHUNK as u32);
            let places: Vec<(u32, VectorLocation)> = {
                let columns = self.read_columns();
                let rows = &columns.segments[number].rows;
                (start..end)
                    .filter(|slot| rows[*slot as usize].live)
                    .map(|slot| (slot, rows[slot as usize].location))
                    .collect()
            };
            for (slot, location) in places {
                self.add(graph, slot, &location)?;
            }
            graph.publish(end);
            start = end;
        }
        Ok(())
    }

    /// A vector that cannot be read is left out: no search could score it.
    fn add(&self, graph: &Graph, slot: u32, location: &VectorLocation) -> Result<(), IndexError> {
        match self.log.read(location) {
            Ok(vector) => graph.add(slot, &rounded(&vector)),
            Err(error) => {
                tracing::warn!(%error, "a view stays out of the graph");
                Ok(())
            }
        }
    }

    /// Looks up every slot of a full segment and adds again what cannot be reached.
    fn seal(&self, number: usize) -> Result<(), IndexError> {
        let Some(graph) = self.read_columns().segments[number].graph.clone() else {
            return Ok(());
        };
        for _ in 0..SEAL_ROUNDS {
            let lost = self.lost_slots(number, &graph)?;
            if lost.is_empty() {
                break;
            }
            tracing::info!(
                segment = number,
                slots = lost.len(),
                "adding unreachable vectors again"
            );
            for (slot, location) in lost {
                self.add(&graph, slot, &location)?;
            }
            self.write_columns().segments[number].graph_dirty = true;
        }
        let mut columns = self.write_columns();
        columns.segments[number].sealed = true;
        Ok(())
    }

    /// Live slots that no walk reaches, or whose own vector does not lead to an equally near one.
    fn lost_slots(
        &self,
        number: usize,
        graph: &Graph,
    ) -> Result<Vec<(u32, VectorLocation)>, IndexError> {
        use rayon::prelude::*;
        let live: Vec<(u32, VectorLocation)> = {
            let columns = self.read_columns();
            let rows = columns.segments[number].rows.iter().enumerate();
            rows.filter(|(_, row)| row.live)
                .map(|(slot, row)| (slot as u32, row.location))
                .collect()
        };
        let unreachable: std::collections::HashSet<u32> = graph.unreachable().into_iter().collect();
        let lost = live.into_par_iter().map(
            |(slot, location)| -> Result<Option<(u32, VectorLocation)>, IndexError> {
                if unreachable.contains(&slot) {
                    return Ok(Some((slot, location)));
                }
                let Ok(vector) = self.log.read(&location) else {
                    return Ok(None);
                };
                let found = graph.search(&rounded(&vector), self.settings.ef_search, |_| true)?;
                let own = vector.iter().map(|value| value * value).sum::<f32>();
                let met = found.iter().any(|(met, _)| *met == slot)
                    || found
                        .iter()
                        .filter(|(_, cosine)| *cosine >= own - 1e-3)
                        .count()
                        >= self.settings.ef_search;
                Ok((!met).then_some((slot, location)))
            },
        );
        Ok(lost
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Makes segments again in which much is dead.
    pub(super) fn compact(&self) -> Result<(), IndexError> {
        let due: Vec<usize> = {
            let columns = self.read_columns();
            let wasteful = |segment: &Segment| {
                segment.dead() >= DEAD_ROWS
                    && segment.dead() as f64 >= DEAD_SHARE * segment.rows.len() as f64
            };
            columns
                .segments
                .iter()
                .enumerate()
                .filter(|(_, segment)| wasteful(segment))
                .map(|(number, _)| number)
                .collect()
        };
        due.into_iter().try_for_each(|number| self.remake(number))
    }

    /// Only the writer changes rows, so what is read here still holds when the new segment takes its place.
    fn remake(&self, number: usize) -> Result<(), IndexError> {
        let rows: Vec<Row> = self.read_columns().segments[number]
            .rows
            .iter()
            .filter(|row| row.live)
            .copied()
            .collect();
        let mut segment = Segment {
            rows_dirty: true,
            graph_dirty: true,
            ..Segment::default()
        };
        for row in rows {
            segment.push(row);
        }
        if segment.rows.len() >= self.settings.graph_from {
            let graph = Graph::new(
                &self.settings,
                self.stamp.dimension,
                self.settings.segment_vectors.max(segment.rows.len()),
            )?;
            for (slot, row) in segment.rows.iter().enumerate() {
                self.add(&graph, slot as u32, &row.location)?;
            }
            graph.publish(segment.rows.len() as u32);
            segment.graph = Some(Arc::new(graph));
        }
        let mut columns = self.write_columns();
        columns.segments[number] = segment;
        replace_places(&mut columns, number as u32);
        Ok(())
    }
}

fn replace_places(columns: &mut Columns, number: u32) {
    let Columns {
        cases, segments, ..
    } = columns;
    for case in cases.iter_mut().flatten() {
        case.places.retain(|place| place.segment != number);
    }
    for (slot, row) in segments[number as usize].rows.iter().enumerate() {
        if let Some(case) = cases[row.case as usize].as_mut() {
            case.places.push(Place {
                segment: number,
                slot: slot as u32,
            });
        }
    }
}

fn rounded(vector: &[f32]) -> Vec<f16> {
    kernel::to_f16(vector)
}
