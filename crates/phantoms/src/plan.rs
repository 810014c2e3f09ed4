//! What a case shows, decided before anything is drawn: family, finding, side, size, patient.

use crate::canvas::{Blob, Bounds, Colour, Grid, Plane};
use crate::dice::{Dice, mix};
use crate::findings::{Finding, catalogue};

/// Kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Frontal chest radiograph (DICOM, computed radiography).
    Chest,
    /// CT of the head without contrast (DICOM, Hounsfield units).
    Head,
    /// CT of the abdomen without contrast (DICOM, Hounsfield units).
    Abdomen,
    /// Microscopy, haematoxylin and eosin (PNG).
    Histology,
    /// Photograph of the eye's fundus (DICOM, ophthalmic photography).
    Fundus,
    /// Dermatoscopic or clinical photograph of skin (PNG).
    Skin,
}

impl Family {
    /// All families, in the order in which they are listed.
    pub const ALL: [Family; 6] = [
        Family::Chest,
        Family::Head,
        Family::Abdomen,
        Family::Histology,
        Family::Fundus,
        Family::Skin,
    ];

    /// Short name, as used in file names and figures.
    pub fn name(self) -> &'static str {
        match self {
            Family::Chest => "chest",
            Family::Head => "head",
            Family::Abdomen => "abdomen",
            Family::Histology => "histology",
            Family::Fundus => "fundus",
            Family::Skin => "skin",
        }
    }
}

/// Side of the patient's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The patient's right.
    Right,
    /// The patient's left.
    Left,
}

impl Side {
    /// The word a report uses.
    pub fn word(self) -> &'static str {
        match self {
            Side::Right => "right",
            Side::Left => "left",
        }
    }

    /// -1 where the picture shows this side on its left half (radiological convention), else 1.
    pub(crate) fn across(self) -> f32 {
        match self {
            Side::Right => -1.0,
            Side::Left => 1.0,
        }
    }
}

/// How large or how severe a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The smaller third.
    Small,
    /// The middle third.
    Moderate,
    /// The larger third.
    Large,
}

/// All that is decided about a case before it is drawn.
pub struct CasePlan {
    pub(crate) seed: u64,
    pub(crate) index: u64,
    /// 0 for the finding that a case shows first, 1 for a second one.
    pub(crate) part: u64,
    /// Kind of picture.
    pub family: Family,
    pub(crate) finding: &'static Finding,
    /// Side of the body, where the finding has one (for a fundus: which eye).
    pub side: Option<Side>,
    /// How large or severe.
    pub extent: Extent,
    /// 0..1, the exact place within the extent.
    pub(crate) amount: f32,
    /// How many pictures the case has.
    pub image_count: u32,
}

/// Decides what case `index` of the library of `seed` shows.
pub fn plan_case(seed: u64, index: u64) -> CasePlan {
    // Walking through a shuffled catalogue keeps the findings evenly represented in small libraries.
    let findings = catalogue().count() as u64;
    let finding = shuffled(seed, index / findings)[(index % findings) as usize];
    plan_part(seed, index, 0, finding)
}

/// What the same case shows in further pictures: a finding of the same family, none of whose labels it has yet. None
/// where the case is normal, or nothing is left.
pub(crate) fn plan_further(shown: &[CasePlan]) -> Option<CasePlan> {
    let first = shown.first()?;
    let labels = || shown.iter().flat_map(|plan| plan.finding.labels);
    let is_other = |finding: &&Finding| {
        let is_new = !finding
            .labels
            .iter()
            .any(|label| labels().any(|held| held == label));
        finding.family == first.family && !finding.is_normal() && is_new
    };
    let others: Vec<&'static Finding> = catalogue().filter(is_other).collect();
    if first.finding.is_normal() || others.is_empty() {
        return None;
    }
    let part = shown.len() as u64;
    let finding = first.case_dice(70 + part).pick(&others);
    Some(plan_part(first.seed, first.index, part, finding))
}

fn plan_part(seed: u64, index: u64, part: u64, finding: &'static Finding) -> CasePlan {
    let mut dice = Dice::new(seed, number_of_part(index, part), 1);
    let amount = dice.between(0.0, 1.0);
    let extent = match amount {
        a if a < 0.34 => Extent::Small,
        a if a < 0.67 => Extent::Moderate,
        _ => Extent::Large,
    };
    let drawn_side = if dice.chance(0.5) {
        Side::Right
    } else {
        Side::Left
    };
    let image_count = match finding.family {
        Family::Head | Family::Abdomen => dice.count(2, 4),
        _ => dice.count(1, 3),
    };
    let has_side = finding.has_side || finding.family == Family::Fundus;
    CasePlan {
        seed,
        index,
        part,
        family: finding.family,
        finding,
        side: has_side.then_some(drawn_side),
        extent,
        amount,
        image_count,
    }
}

/// What the dice of a part are thrown by; that of the first part is the case's index.
fn number_of_part(index: u64, part: u64) -> u64 {
    index ^ (part << 40)
}

fn shuffled(seed: u64, round: u64) -> Vec<&'static Finding> {
    let mut order: Vec<_> = catalogue().collect();
    order.sort_by_key(|f| mix(mix(seed ^ 0x5EED) ^ mix(round) ^ key_hash(f.key) ^ f.family as u64));
    order
}

fn key_hash(key: &str) -> u64 {
    key.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3)
    })
}

impl CasePlan {
    /// Key of the main finding, such as `pneumothorax`, or `normal`.
    pub fn finding_key(&self) -> &'static str {
        self.finding.key
    }

    /// Names this part among those of all cases of the seed.
    pub(crate) fn number(&self) -> u64 {
        number_of_part(self.index, self.part)
    }

    /// Choices that all pictures of one finding of the case share.
    pub(crate) fn case_dice(&self, purpose: u64) -> Dice {
        Dice::new(self.seed, self.number(), 1000 + purpose)
    }

    /// Choices of one picture alone.
    pub(crate) fn image_dice(&self, image: u32) -> Dice {
        Dice::new(self.seed, self.number(), 2000 + u64::from(image))
    }

    /// Where picture `image` lies among the pictures of its case: -1..1, 0 in the middle.
    pub(crate) fn slice_offset(&self, image: u32) -> f32 {
        if self.image_count < 2 {
            return 0.0;
        }
        2.0 * image as f32 / (self.image_count - 1) as f32 - 1.0
    }

    /// A number between the two, by how large the finding is.
    pub(crate) fn sized(&self, small: f32, large: f32) -> f32 {
        small + (large - small) * self.amount
    }

    pub(crate) fn shows(&self, key: &str) -> bool {
        self.finding.key == key
    }
}

/// A painted picture before it is encoded.
pub(crate) struct Painting<'g> {
    pub(crate) pixels: Pixels<'g>,
    pub(crate) lesion: Option<Bounds>,
}

/// What a painter hands over.
pub(crate) enum Pixels<'g> {
    /// Radiographic density 0..1, bright is dense.
    Density(Plane<'g>),
    /// Hounsfield units.
    Hounsfield(Plane<'g>),
    /// Red, green, blue 0..1.
    Rgb(Colour<'g>),
}

/// Draws picture `image` of the case on `grid`.
pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    use crate::paint::{abdomen, chest, fundus, head, histology, skin};
    match plan.family {
        Family::Chest => chest::paint(plan, image, grid),
        Family::Head => head::paint(plan, image, grid),
        Family::Abdomen => abdomen::paint(plan, image, grid),
        Family::Histology => histology::paint(plan, image, grid),
        Family::Fundus => fundus::paint(plan, image, grid),
        Family::Skin => skin::paint(plan, image, grid),
    }
}

/// The box around several lesions.
pub(crate) fn bounds_of<'a>(blobs: impl IntoIterator<Item = &'a Blob>) -> Option<Bounds> {
    blobs
        .into_iter()
        .map(|b| b.bounds(0.0))
        .reduce(Bounds::union)
}
