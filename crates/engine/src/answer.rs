//! What is answered: cases, ranked, each with the evidence why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::query::{SearchRequest, Way};

/// The answer to one [`SearchRequest`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchAnswer {
    /// The question as it was understood.
    pub query: SearchRequest,
    /// The model that made the vectors, where one is loaded.
    pub model: Option<ModelSummary>,
    /// Version of windowing, orientation and tiling that the vectors were made by.
    #[serde(default)]
    pub pipeline_version: u32,
    /// The catalog's sequence number that the index had applied: the same question to the same model, pipeline and
    /// sequence number has the same answer.
    #[serde(default)]
    pub index_seq: u64,
    /// True while the built-in demo model stands in for MedSigLIP.
    pub stand_in: bool,
    /// What a reader must know about this answer, in plain words.
    pub notices: Vec<String>,
    /// Time taken, encoding included, in milliseconds.
    pub took_ms: u64,
    /// False when cases that might belong here could not be looked at (pictures not encoded yet, say).
    pub complete: bool,
    /// Cases that the filters let through.
    pub cases_searched: u64,
    /// What each way's best similarity means in this library, where the answer went by pictures. A way without a match
    /// that is better than chance is left out, unless the question asks for all.
    #[serde(default)]
    pub judgements: Vec<Judgement>,
    /// True when a way was left out and no other found anything: nothing in the library is like what was asked.
    #[serde(default)]
    pub no_match: bool,
    /// The cases that the question has marked, relevant ones first. They are no hits.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// The most similar cases, best first.
    pub hits: Vec<Hit>,
    /// Counts of the filterable facts, over the cases that `facets_over` says.
    pub facets: Vec<Facet>,
    /// Which cases the facets count.
    #[serde(default)]
    pub facets_over: FacetsOver,
    /// Labels among the hits.
    pub votes: Votes,
}

/// Which cases are counted by facets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetsOver {
    /// True where only the cases nearest to the pictures of the question are counted (up to 200): every case is a little
    /// like every other, so that the whole library says nothing of the question. False: all that the filters let through.
    pub nearest: bool,
    /// How many cases are counted.
    pub cases: u64,
}

/// A case that the question has marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mark {
    /// Id of the case.
    pub case_id: String,
    /// Marked as relevant, or else as not relevant.
    pub relevant: bool,
    /// One line that says what the case is.
    pub title: String,
    /// Its first picture.
    pub image_id: Option<String>,
    /// Views by which it moves the question; 0 where it only stays out of the answer: it has no encoded pictures, or it is
    /// not relevant to a question of words alone.
    pub views: u32,
}

/// What the best similarity of one way means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Judgement {
    /// The way.
    pub way: Way,
    /// "picture", "case", "text", "region" or "marked".
    pub kind: String,
    /// The best similarity that was found: a cosine, of several pictures the mean.
    pub best: f32,
    /// Share of random pairs of different patients that are less similar.
    pub nearer_than: Option<f32>,
    /// What a match must reach; unset where too few cases are there to say, for regions and where cases are marked.
    pub needed: Option<f32>,
    /// What the library's own cases reach by their best match among other patients, half of them.
    pub typical: Option<f32>,
    /// Cases of the library that were asked to find out.
    pub questions: u64,
    /// The best is below what a match must reach.
    pub no_match: bool,
}

/// The model behind an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelSummary {
    /// SHA-256 over weights, tokenizer and configuration, hexadecimal.
    pub id: String,
    /// Name of the checkpoint's folder, or "casekin demo model".
    pub name: String,
    /// Preprocessing profile: "train" or "hf", with "-int8" where the image tower runs in 8 bit, "-bf16" or "-f16" where both towers run in 16.
    pub profile: String,
    /// True for the built-in demo model, which knows phantoms only.
    pub demo: bool,
}

/// One case of an answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// 1 for the best.
    pub rank: u32,
    /// Id of the case.
    pub case_id: String,
    /// Score of the fused ranking, 0 to 1, where 1 is first in every way that took part.
    pub score: f32,
    /// Best cosine similarity between a picture of the case and the query, where pictures took part.
    pub similarity: Option<f32>,
    /// Share of random pairs of different patients that are less similar than that.
    #[serde(default)]
    pub nearer_than: Option<f32>,
    /// One line that says what the case is.
    pub title: String,
    /// Labels of the case.
    pub labels: Vec<String>,
    /// Modalities of its pictures.
    pub modalities: Vec<String>,
    /// Body parts of its pictures.
    pub body_parts: Vec<String>,
    /// Study date, YYYY-MM-DD.
    pub date: Option<String>,
    /// "F", "M" or "O".
    pub sex: Option<String>,
    /// Age in years.
    pub age_years: Option<f32>,
    /// True for a drawn case of the synthetic library.
    pub synthetic: bool,
    /// Which ways found it, and at what rank.
    pub found_by: Vec<FoundBy>,
    /// The views that matched, best first; where only words matched, the first picture of the case that passes the filters.
    pub views: Vec<HitView>,
    /// The passages of the report that matched.
    pub passages: Vec<Passage>,
    /// Ids of cases whose matching pictures are near-identical to this case's, each of those that were looked at for this
    /// answer. They are counted here instead of taking places of their own, unless the question keeps duplicates.
    #[serde(default)]
    pub duplicates: Vec<String>,
}

/// One way that found a hit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundBy {
    /// The way.
    pub way: Way,
    /// The case's rank in this way alone, from 1.
    pub rank: u32,
    /// The way's own score: BM25 for reports, cosine for pictures. Not comparable between ways.
    pub score: f32,
}

/// A part of a picture that matched.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HitView {
    /// Id of the picture.
    pub image_id: String,
    /// Path of the file; given by the command line only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Cosine similarity to the query, where a picture or its text tower took part.
    pub similarity: Option<f32>,
    /// x, y, width, height in pixels of the picture.
    #[serde(rename = "box")]
    pub box_px: [u32; 4],
    /// Frame, counted from 0.
    pub frame: u32,
    /// "whole", "frame", "crop", "tile" or "region".
    pub kind: String,
    /// Modality of the picture.
    pub modality: Option<String>,
    /// The part of the question that it is nearest to.
    #[serde(default)]
    pub matched: Option<QueryView>,
    /// Further views of the case that matched and are near-identical to this one; they are not listed.
    #[serde(default)]
    pub alike: u32,
    /// The other pictures that those are of.
    #[serde(default)]
    pub alike_images: Vec<String>,
}

/// A part of the question that has a vector of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryView {
    /// Where in the question it stands.
    pub part: QueryPart,
    /// Of part `image`: place in the question's `images`, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u32>,
    /// Id of its picture, "q-…" or "i-…"; unset for the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Of parts `case` and `relevant`: id of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// Frame, counted from 0.
    #[serde(default)]
    pub frame: u32,
    /// x, y, width, height in pixels of the picture; zeros stand for the whole picture.
    #[serde(rename = "box", default)]
    pub box_px: [u32; 4],
}

/// A part of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryPart {
    /// The words.
    Text,
    /// An example picture.
    Image,
    /// The example case.
    Case,
    /// A case marked as relevant.
    Relevant,
}

/// A passage of the report, cut into parts so that matched words can be marked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    /// Section it stands in: "findings", "impression", "history", "title", "label", "other"; or "uncertain", "historical",
    /// "negated", "uncertain label" and "negated label", for what the report or a label does not affirm.
    pub section: String,
    /// The text in order.
    pub parts: Vec<PassagePart>,
}

/// A run of text inside a passage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassagePart {
    /// The text.
    pub text: String,
    /// True where it matched a word of the query.
    pub mark: bool,
}

/// Counts of one filterable fact.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Facet {
    /// Filter key: "modality", "body_part", "label", "sex", "age", "date", "site".
    pub key: String,
    /// Values with counts of cases, most first.
    pub values: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// The value. In the text of a filter `|` and `\` of a value have a `\` before them.
    pub value: String,
    /// Cases with it.
    pub cases: u64,
}

/// Labels among the hits: what the nearest prior cases turned out to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Votes {
    /// Hits counted.
    pub hits: u32,
    /// Hits without any label.
    pub unlabelled: u32,
    /// Labels with the number of hits that carry them, most first.
    pub labels: Vec<Vote>,
}

/// One label's votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vote {
    /// The label.
    pub label: String,
    /// Hits that carry it.
    pub hits: u32,
}
