//! Says where pictures were left out for being of another family of modalities than the question's, and none was left:
//! an answer that is empty for that reason looks like a library without kin.

use std::collections::BTreeSet;

use casekin_index::{Filter, NearestQuery};

use super::ways::Found;
use crate::error::EngineError;
use crate::judgement::Kind;
use crate::library::Serving;
use crate::query::Way;

/// What to tell, where every picture that passes the question's own filters is of another family. `modalities` are those
/// of the question's pictures.
pub(super) async fn left_none(
    serving: &Serving,
    found: &Found,
    filter: &Filter,
    modalities: &[Option<String>],
) -> Result<Option<String>, EngineError> {
    let mut lists = found.lists.iter();
    if !lists.any(|list| list.way == Way::Image && list.cases.is_empty()) {
        return Ok(None);
    }
    let asked = found.vectors.iter().find(|asked| asked.kind != Kind::Text);
    let Some(asked) = asked.filter(|asked| asked.query.filter != *filter) else {
        return Ok(None);
    };
    let unrestricted = NearestQuery {
        filter: filter.clone(),
        k: 1,
        ..(*asked.query).clone()
    };
    let index = serving.index.clone();
    let others =
        tokio::task::spawn_blocking(move || index.rank_by_vectors(&unrestricted)).await??;
    let named: BTreeSet<&str> = modalities.iter().filter_map(Option::as_deref).collect();
    let named: Vec<&str> = named.into_iter().collect();
    Ok((!others.cases.is_empty()).then(|| {
        format!(
            "Pictures are compared with those of the same kind of modality alone ({}), and none of that kind may answer; \
             those of other kinds were left out. Ask with any modality (any_modality, --any-modality) to see the nearest of them",
            named.join(", ")
        )
    }))
}
