//! One whole case: patient, words and encoded pictures.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::canvas::{Grid, NATIVE_PX};
use crate::dice::{Dice, mix};
use crate::dicom;
use crate::plan::{CasePlan, Family, Pixels, paint, plan_case, plan_further};
use crate::raster::channel_u8;
use crate::report;

/// One picture of a case, encoded.
pub struct PhantomImage {
    /// Name of the file within the case's folder.
    pub file_name: String,
    /// A DICOM file or a PNG.
    pub bytes: Vec<u8>,
    /// Where the finding lies: x, y, width, height in pixels; none for a normal picture.
    pub lesion_box_px: Option<[u32; 4]>,
}

/// One synthetic case with its pictures and its report.
pub struct PhantomCase {
    /// Unique within a seed's library.
    pub case_id: String,
    /// A patient may have two cases.
    pub patient_id: String,
    /// As DICOM writes it: family name, caret, given name.
    pub patient_name: String,
    /// Accession number of the study.
    pub accession: String,
    /// Kind of picture.
    pub family: Family,
    /// DICOM modality.
    pub modality: String,
    /// Part of the body, in lower case.
    pub body_part: String,
    /// `F` or `M`.
    pub sex: String,
    /// Age on the day of the study.
    pub age_years: u32,
    /// Day of the study, YYYY-MM-DD.
    pub date: String,
    /// What was examined; says nothing of the finding.
    pub title: String,
    /// History, findings (present and absent) and impression.
    pub report: String,
    /// Diagnoses in plain words.
    pub labels: Vec<String>,
    /// The one finding that the pictures show, or the first of several, or the family's normal.
    pub main_finding: String,
    /// At least one picture.
    pub images: Vec<PhantomImage>,
}

const FAMILY_NAMES: [&str; 24] = [
    "Ashdown",
    "Birkett",
    "Calloway",
    "Dunmore",
    "Ellery",
    "Farrow",
    "Garrick",
    "Hollis",
    "Ingram",
    "Jessop",
    "Kestrel",
    "Lathom",
    "Merrow",
    "Norwood",
    "Orchard",
    "Pellew",
    "Quillan",
    "Rowntree",
    "Selby",
    "Tarrant",
    "Underhill",
    "Vance",
    "Wexley",
    "Yarrow",
];
const WOMEN: [&str; 12] = [
    "Ada", "Beatrix", "Clara", "Delia", "Edith", "Flora", "Greta", "Hazel", "Iris", "Juno",
    "Mabel", "Nora",
];
const MEN: [&str; 12] = [
    "Alban", "Basil", "Cyril", "Dorian", "Edmund", "Felix", "Gideon", "Hugo", "Ivor", "Jasper",
    "Miles", "Owen",
];

/// The person behind a case.
pub(crate) struct Patient {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) sex: &'static str,
    age_years: u32,
    year: u32,
}

/// Draws case `index` of the library of `seed`: always the same for the same two numbers.
pub fn draw_case(seed: u64, index: u64) -> PhantomCase {
    draw_case_of(seed, index, 1)
}

/// The same case with so many findings, as far as its family has them; a normal one stays normal. Each finding is seen in
/// pictures of its own, so that no single picture shows the case; the pictures of the first are those of [`draw_case`].
pub fn draw_case_of(seed: u64, index: u64, findings: usize) -> PhantomCase {
    let mut plans = vec![plan_case(seed, index)];
    while plans.len() < findings {
        match plan_further(&plans) {
            Some(plan) => plans.push(plan),
            None => break,
        }
    }
    let plan = &plans[0];
    let owner = patient_index(seed, index);
    let patient = patient(seed, owner);
    let mut dice = plan.case_dice(50);
    let later_years = u32::from(owner != index);
    let year = patient.year + later_years;
    let words = report::write(&plans, patient.age_years + later_years, patient.sex);
    let (modality, body_part) = kind(plan.family);
    let mut case = PhantomCase {
        case_id: format!("phantom-{seed}-{index:05}"),
        accession: format!("PH{:02}{:07}", seed % 100, index),
        family: plan.family,
        modality: modality.to_owned(),
        body_part: body_part.to_owned(),
        sex: patient.sex.to_owned(),
        age_years: patient.age_years + later_years,
        date: format!("{year}-{:02}-{:02}", dice.count(1, 12), dice.count(1, 28)),
        title: words.title,
        report: words.report,
        labels: (plans.iter())
            .flat_map(|plan| plan.finding.labels)
            .map(|&label| label.to_owned())
            .collect(),
        main_finding: plan.finding.name.to_owned(),
        images: Vec::new(),
        patient_id: patient.id,
        patient_name: patient.name,
    };
    let grid = Grid::native();
    case.images = plans
        .iter()
        .flat_map(|plan| (0..plan.image_count).map(move |image| (plan, image)))
        .zip(1..)
        .map(|((plan, image), number)| draw_image(plan, &case, image, number, &grid))
        .collect();
    case
}

fn kind(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Chest => ("CR", "chest"),
        Family::Head => ("CT", "head"),
        Family::Abdomen => ("CT", "abdomen"),
        Family::Histology => ("SM", "tissue"),
        Family::Fundus => ("OP", "eye"),
        Family::Skin => ("XC", "skin"),
    }
}

/// About one case in eight belongs to the patient of the case before it.
pub(crate) fn patient_index(seed: u64, index: u64) -> u64 {
    let returns = |i: u64| i > 0 && mix(mix(seed) ^ mix(i)).is_multiple_of(7);
    if returns(index) && !returns(index - 1) {
        index - 1
    } else {
        index
    }
}

fn patient(seed: u64, owner: u64) -> Patient {
    let mut dice = Dice::new(seed, owner, 2);
    let (youngest, oldest) = plan_case(seed, owner).finding.ages;
    let (sex, given) = if dice.chance(0.5) {
        ("F", dice.pick(&WOMEN))
    } else {
        ("M", dice.pick(&MEN))
    };
    Patient {
        id: format!("PAT-{:010}", mix(mix(seed) ^ owner) % 10_000_000_000),
        name: format!("{}^{given}", dice.pick(&FAMILY_NAMES)),
        sex,
        age_years: dice.count(youngest, oldest),
        year: dice.count(2017, 2024),
    }
}

/// Picture `image` of a finding, which is picture `number` of the case.
fn draw_image(
    plan: &CasePlan,
    case: &PhantomCase,
    image: u32,
    number: u32,
    grid: &Grid,
) -> PhantomImage {
    let painting = paint(plan, image, grid);
    let as_png = matches!(plan.family, Family::Histology | Family::Skin);
    let bytes = match (&painting.pixels, as_png) {
        (Pixels::Rgb(colour), true) => png(colour
            .values
            .iter()
            .flat_map(|rgb| rgb.map(channel_u8))
            .collect()),
        (pixels, _) => dicom::encode(plan, case, image, pixels),
    };
    let extension = if as_png { "png" } else { "dcm" };
    PhantomImage {
        file_name: format!("{}-{number}.{extension}", plan.family.name()),
        bytes,
        lesion_box_px: painting.lesion.map(|b| b.to_px()),
    }
}

fn png(rgb: Vec<u8>) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
    encoder
        .write_image(
            &rgb,
            NATIVE_PX as u32,
            NATIVE_PX as u32,
            ExtendedColorType::Rgb8,
        )
        .expect("a full RGB buffer encodes into memory");
    file.into_inner()
}
