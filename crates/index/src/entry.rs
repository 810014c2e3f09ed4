//! What the index is told about a case: facts, report text (already masked and split) and views.

use serde::{Deserialize, Serialize};

use crate::VectorLocation;

/// All that the index holds of one case. Applying it replaces what was held before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CaseEntry {
    /// The case's number, never reused, below 2^40.
    pub case_no: u64,
    /// Facts of the case that filters and facets use.
    pub facts: CaseFacts,
    /// The report's text, where there is one.
    pub report: Option<ReportFields>,
    /// The embedded views.
    pub views: Vec<ViewEntry>,
}

/// Facts of a case.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Findings or labels; the words of each can be searched, picture ranking never sees them.
    pub labels: Vec<String>,
    /// DICOM's letters or plain words.
    pub sex: Option<String>,
    /// Age in years at the study.
    pub age_years: Option<f32>,
    /// Study date as the number yyyymmdd.
    pub date: Option<i32>,
    /// Site or institution code.
    pub site: Option<String>,
    /// Drawn by the program itself.
    pub synthetic: bool,
    /// What the case is called in lists.
    pub title: String,
    /// Hash of the patient's pseudonym; 0 = unknown.
    pub patient: u64,
    /// Facts of its images, in any order. Those of images without a view, which no view tells, let words find the case
    /// under a filter on them; vectors never do.
    pub images: Vec<ImageFacts>,
}

/// Facts of an image that filters use. A view has those of its image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ImageFacts {
    /// DICOM modality, or words for one.
    pub modality: Option<String>,
    /// Body part examined.
    pub body_part: Option<String>,
    /// `L`, `R`, `B` …
    pub laterality: Option<String>,
}

/// A report's text, split by section and polarity. Every text here is masked already.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReportFields {
    /// `en`, `fr`, `de`, `es`; anything else is `other`.
    pub language: String,
    /// The report's title.
    pub title: String,
    /// Affirmed sentences of the findings.
    pub findings: String,
    /// Affirmed sentences of the impression.
    pub impression: String,
    /// Affirmed sentences of the indication or clinical history section.
    pub history: String,
    /// Affirmed sentences of everything else.
    pub other: String,
    /// Negated sentences of all sections.
    pub negated: String,
    /// Uncertain sentences of all sections; they count less.
    pub uncertain: String,
    /// Sentences of all sections on what was there before, or was done before; they count least.
    pub historical: String,
    /// Labels that affirm, one a line. Words find the labels of the case's facts only where all three of these are empty:
    /// otherwise these are all of them, parted by what they say.
    pub labels: String,
    /// Labels that say that something is not there, one a line: "no effusion", "effusion: 0".
    pub denied_labels: String,
    /// Labels that leave it open, one a line.
    pub uncertain_labels: String,
}

/// One embedded view. Facts of a view hold for the view that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewEntry {
    /// Number of the view in its case, never reused, below 2^24.
    pub view_no: u32,
    /// DICOM modality.
    pub modality: Option<String>,
    /// Body part examined.
    pub body_part: Option<String>,
    /// `L`, `R`, `B` …
    pub laterality: Option<String>,
    /// Stain of a slide. No filter field of its own yet; kept so that an index need not be rebuilt for one.
    pub stain: Option<String>,
    /// Where the vector lies.
    pub location: VectorLocation,
}
