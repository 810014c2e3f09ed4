//! What may be asked: one request type for the command line, the API and the page.
//!
//! A query is any mix of words, pictures (with a region each), and a case of the library, under filters.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question to the library. At least one of `text`, `images` and `case` must be given.
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
    /// Filters, all of which must hold: `modality=CT`, `age=40..60`, `label=a|b`, `body_part!=chest`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// How many cases to answer with, 1 to 200; 20 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
    /// Ways of finding that take part; all that apply when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ways: Option<Vec<Way>>,
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
    /// Frame, counted from 0.
    #[serde(default)]
    pub frame: u32,
    /// Region as x, y, width, height in pixels of the picture; the whole picture when left out.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub box_px: Option<[u32; 4]>,
}

/// A way in which a case can be found.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The words of the query occur in the report or in label text (BM25).
    Report,
    /// A picture of the case is near a picture of the query.
    Image,
    /// A picture of the case is near the words of the query, by the model's text tower.
    TextToImage,
}
