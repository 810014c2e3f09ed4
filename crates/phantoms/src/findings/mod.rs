//! The catalogue: every finding a phantom can show, and how a report speaks of it.
//!
//! Texts may hold `{side}` and `{size}`. `absent` is the sentence by which other cases of the same
//! family deny the finding; a case never denies what it shows.

mod chest;
mod ct;
mod photography;

use crate::plan::Family;

/// One finding (or one family's normal).
pub(crate) struct Finding {
    pub(crate) family: Family,
    pub(crate) key: &'static str,
    /// Name in plain words, used as the main finding and first label.
    pub(crate) name: &'static str,
    pub(crate) labels: &'static [&'static str],
    pub(crate) has_side: bool,
    /// Sentences of the findings section, one of which is taken.
    pub(crate) seen: &'static [&'static str],
    pub(crate) impressions: &'static [&'static str],
    pub(crate) histories: &'static [&'static str],
    /// How another case's report denies it; empty for normals.
    pub(crate) absent: &'static str,
    /// Words for the small, moderate and large case.
    pub(crate) sizes: [&'static str; 3],
    pub(crate) ages: (u32, u32),
}

impl Finding {
    pub(crate) fn is_normal(&self) -> bool {
        self.key == "normal"
    }
}

/// Shared words for extent.
const SIZE: [&str; 3] = ["small", "moderate", "large"];
const GRADE: [&str; 3] = ["mild", "moderate", "marked"];

/// All findings of all families, normals included.
pub(crate) fn catalogue() -> impl Iterator<Item = &'static Finding> {
    chest::CHEST
        .iter()
        .chain(ct::CT)
        .chain(photography::PHOTOGRAPHY)
}
