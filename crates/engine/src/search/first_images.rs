//! The picture that a hit shows where no view of its case matched, since words found it: the first one that the filters
//! let through, not the first one at all.

use std::collections::HashMap;

use casekin_catalog::{CaseNo, ImageKind};
use casekin_index::Filter;

use super::hydrate::Hydration;
use crate::answer::HitView;
use crate::convert::to_index_image;
use crate::error::EngineError;
use crate::library::Library;

impl Library {
    /// One view for each case that has images.
    pub(super) async fn first_images(
        &self,
        with: &Hydration<'_>,
        cases: &[CaseNo],
    ) -> Result<HashMap<u64, HitView>, EngineError> {
        if cases.is_empty() {
            return Ok(HashMap::new());
        }
        let kinds = self.inner.catalog.image_kinds(cases).await?;
        let first: HashMap<u64, usize> = match with.filter {
            Filter::All => HashMap::new(),
            filter => {
                let facts = |(case, kinds): (&CaseNo, &Vec<ImageKind>)| {
                    (case.0, kinds.iter().map(to_index_image).collect())
                };
                let asked: Vec<(u64, Vec<_>)> = kinds.iter().map(facts).collect();
                let (index, filter) = (with.serving.index.clone(), filter.clone());
                let ask = move || {
                    let passing = index.passing(&filter, &asked)?;
                    let first = asked
                        .iter()
                        .zip(passing)
                        .filter_map(|((case_no, _), passes)| {
                            Some((*case_no, passes.iter().position(|passes| *passes)?))
                        });
                    Ok::<_, EngineError>(first.collect())
                };
                tokio::task::spawn_blocking(ask).await??
            }
        };
        // One that changed since the index saw it may have none that passes: better another picture than none.
        let shown = kinds.into_iter().filter_map(|(case, mut kinds)| {
            let at = first.get(&case.0).copied().unwrap_or(0);
            (at < kinds.len()).then(|| (case.0, view_of(kinds.swap_remove(at))))
        });
        Ok(shown.collect())
    }
}

fn view_of(kind: ImageKind) -> HitView {
    HitView {
        image_id: kind.image_id,
        path: None,
        similarity: None,
        box_px: [0; 4],
        frame: 0,
        kind: "whole".into(),
        modality: kind.modality,
        matched: None,
        alike: 0,
        alike_images: Vec::new(),
    }
}
