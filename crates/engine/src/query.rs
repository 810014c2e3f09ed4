//! What may be asked: one request type for the command line, the API and the page.
//!
//! A query is any mix of words, pictures (with a region each), a case of the library, and cases marked as relevant or
//! not, under filters.

use std::collections::BTreeMap;

use casekin_index::Aggregate as IndexAggregate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question to the library. At least one of `text`, `images`, `case` and `relevant` must be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchRequest {
    /// Free text: "pleural effusion", "no pneumothorax", "\"ground glass\" nodules".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Example pictures, each whole or a region of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageQuery>,
    /// Id of a case of the library: cases like this one. The case itself and its patient are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Ids of cases marked as relevant: the question moves towards their pictures. They are not answered again. Their
    /// order means nothing, and a question without a mark is the question before it was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relevant: Vec<String>,
    /// Ids of cases marked as not relevant: the question's pictures move a little away from theirs, and they are not
    /// answered again. A question of words alone has no pictures to move: there a mark only keeps its case out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_relevant: Vec<String>,
    /// Filters, all of which must hold: `modality=CT`, `age=40..60`, `label=a|b`, `body_part!=chest`. A `|` or `\` of
    /// the value itself has a `\` before it: `label=a\|b`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// How many cases to answer with, 1 to 200; 20 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
    /// Ways of finding that take part; all that apply when left out. Ways that have nothing to go by in the question are
    /// refused where no other was chosen, and told of in a notice otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ways: Option<Vec<Way>>,
    /// How much each way counts when the ways are joined, above 0 and at most 100; 1 for a way that is left out here.
    /// Where pictures and words ask together, the ways of the words share one weight: theirs is divided by their number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub weights: BTreeMap<Way, f64>,
    /// How the views of a question of many views come together; the service's setting when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// Show a case whose pictures another hit has too as a hit of its own, instead of counting it there.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_duplicates: bool,
    /// Show the nearest cases even where none is better than chance.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// Compare pictures with those of other kinds too, a radiograph with a CT, say. Otherwise pictures are compared
    /// with those of the same family of modalities, and with those of unknown modality.
    #[serde(skip_serializing_if = "is_false")]
    pub any_modality: bool,
    /// Of a question by a case: let other cases of its patient answer too.
    #[serde(skip_serializing_if = "is_false")]
    pub same_patient: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// One example picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageQuery {
    /// Id of a picture of the library ("i-…") or of an uploaded query picture ("q-…").
    pub image_id: String,
    /// Frame, counted from 0: with `box` the one that the region lies in, the first when left out; without it the only one
    /// that asks, all of them (evenly spread ones of many) when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u32>,
    /// Region as x, y, width, height in pixels of the picture; the whole frame or picture when left out.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub box_px: Option<[u32; 4]>,
}

/// How a case's likeness to a question of many views is made of its likeness to each of them, which is the cosine of the
/// nearest view in the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The mean.
    #[default]
    Mean,
    /// The median, as Yottixel does (Kalra et al., Medical Image Analysis 65, 2020).
    Median,
}

impl From<Aggregate> for IndexAggregate {
    fn from(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Mean => Self::Mean,
            Aggregate::Median => Self::Median,
        }
    }
}

/// A way in which a case can be found.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The words of the query occur in the report or its title (BM25).
    Report,
    /// The words of the query occur in a label (BM25).
    Label,
    /// A picture of the case is near a picture of the query.
    Image,
    /// A picture of the case is near the words of the query, by the model's text tower.
    TextToImage,
}

impl Way {
    /// All ways, in the order in which answers name them.
    pub const ALL: [Self; 4] = [Self::Report, Self::Label, Self::Image, Self::TextToImage];

    /// As requests and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Label => "label",
            Self::Image => "image",
            Self::TextToImage => "text_to_image",
        }
    }
}
