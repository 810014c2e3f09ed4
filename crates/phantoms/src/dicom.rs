//! DICOM files of the phantoms: explicit little endian, uncompressed, headers that agree with the
//! manifest. UIDs are `2.25.` numbers (DICOM PS3.5 B.2) derived from seed, case and picture.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use crate::canvas::NATIVE_PX;
use crate::case::PhantomCase;
use crate::dice::mix;
use crate::plan::{CasePlan, Family, Pixels, Side};
use crate::raster::{DENSITY_MAX, channel_u8, density_u16, hounsfield_i16};

/// What is added to Hounsfield units so that stored values are not negative.
const CT_INTERCEPT_HU: i32 = -1024;

pub(crate) fn encode(plan: &CasePlan, case: &PhantomCase, image: u32, pixels: &Pixels) -> Vec<u8> {
    let mut object = InMemDicomObject::new_empty();
    let sop_class = match plan.family {
        Family::Chest => uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
        Family::Fundus => uids::OPHTHALMIC_PHOTOGRAPHY8_BIT_IMAGE_STORAGE,
        _ => uids::CT_IMAGE_STORAGE,
    };
    let instance = uid(plan, 3 + u64::from(image));
    text(&mut object, tags::SOP_CLASS_UID, VR::UI, sop_class);
    text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, &instance);
    study(&mut object, plan, case, image);
    geometry(&mut object, plan, image);
    pixel_data(&mut object, plan, pixels);
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(sop_class)
        .media_storage_sop_instance_uid(instance);
    let file = object
        .with_meta(meta)
        .expect("class, instance and transfer syntax are given");
    let mut bytes = Vec::new();
    file.write_all(&mut bytes)
        .expect("a dataset without nested encapsulation writes into memory");
    bytes
}

/// The UID of what one finding's pictures are: a number from 1 for each.
fn uid(plan: &CasePlan, what: u64) -> String {
    uid_of(plan.seed, plan.number(), what)
}

fn uid_of(seed: u64, index: u64, what: u64) -> String {
    let high = mix(mix(mix(seed) ^ index) ^ what);
    let low = mix(high ^ 0xD1C0);
    format!("2.25.{}", (u128::from(high) << 64 | u128::from(low)).max(1))
}

fn text(object: &mut InMemDicomObject, tag: dicom_core::Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

fn number(object: &mut InMemDicomObject, tag: dicom_core::Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

fn study(object: &mut InMemDicomObject, plan: &CasePlan, case: &PhantomCase, image: u32) {
    let day = case.date.replace('-', "");
    text(object, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    text(object, tags::STUDY_DATE, VR::DA, &day);
    text(object, tags::CONTENT_DATE, VR::DA, &day);
    text(object, tags::STUDY_TIME, VR::TM, "093000");
    text(object, tags::ACCESSION_NUMBER, VR::SH, &case.accession);
    text(object, tags::MODALITY, VR::CS, &case.modality);
    text(object, tags::MANUFACTURER, VR::LO, "casekin phantoms");
    text(object, tags::STUDY_DESCRIPTION, VR::LO, &case.title);
    text(object, tags::SERIES_DESCRIPTION, VR::LO, &case.title);
    text(object, tags::PATIENT_NAME, VR::PN, &case.patient_name);
    text(object, tags::PATIENT_ID, VR::LO, &case.patient_id);
    text(object, tags::PATIENT_SEX, VR::CS, &case.sex);
    text(
        object,
        tags::PATIENT_AGE,
        VR::AS,
        &format!("{:03}Y", case.age_years),
    );
    text(
        object,
        tags::BODY_PART_EXAMINED,
        VR::CS,
        &case.body_part.to_uppercase(),
    );
    text(
        object,
        tags::STUDY_INSTANCE_UID,
        VR::UI,
        &uid_of(plan.seed, plan.index, 1),
    );
    text(object, tags::SERIES_INSTANCE_UID, VR::UI, &uid(plan, 2));
    text(object, tags::STUDY_ID, VR::SH, &format!("{}", plan.index));
    text(
        object,
        tags::SERIES_NUMBER,
        VR::IS,
        &format!("{}", plan.part + 1),
    );
    text(
        object,
        tags::INSTANCE_NUMBER,
        VR::IS,
        &format!("{}", image + 1),
    );
    text(object, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY");
}

fn geometry(object: &mut InMemDicomObject, plan: &CasePlan, image: u32) {
    let field_mm = match plan.family {
        Family::Chest => 350.0,
        Family::Head => 240.0,
        Family::Abdomen => 400.0,
        Family::Fundus => {
            let eye = if plan.side == Some(Side::Right) {
                "R"
            } else {
                "L"
            };
            text(object, tags::IMAGE_LATERALITY, VR::CS, eye);
            return;
        }
        _ => return,
    };
    let spacing_mm = field_mm / NATIVE_PX as f32;
    let spacing = format!("{spacing_mm:.4}\\{spacing_mm:.4}");
    if plan.family == Family::Chest {
        text(object, tags::VIEW_POSITION, VR::CS, "PA");
        text(object, tags::IMAGER_PIXEL_SPACING, VR::DS, &spacing);
        text(object, tags::PIXEL_SPACING, VR::DS, &spacing);
        return;
    }
    let slice_mm = 5.0 * image as f32;
    let corner_mm = -field_mm / 2.0;
    text(object, tags::PIXEL_SPACING, VR::DS, &spacing);
    text(object, tags::SLICE_THICKNESS, VR::DS, "5.0");
    text(
        object,
        tags::SLICE_LOCATION,
        VR::DS,
        &format!("{slice_mm:.1}"),
    );
    text(
        object,
        tags::IMAGE_POSITION_PATIENT,
        VR::DS,
        &format!("{corner_mm:.1}\\{corner_mm:.1}\\{slice_mm:.1}"),
    );
    text(
        object,
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        "1\\0\\0\\0\\1\\0",
    );
    text(object, tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid(plan, 0));
    text(object, tags::KVP, VR::DS, "120");
}

fn pixel_data(object: &mut InMemDicomObject, plan: &CasePlan, pixels: &Pixels) {
    number(object, tags::ROWS, NATIVE_PX as u16);
    number(object, tags::COLUMNS, NATIVE_PX as u16);
    number(object, tags::PIXEL_REPRESENTATION, 0);
    let value = match pixels {
        Pixels::Density(plane) => {
            window(object, "MONOCHROME2", (2048.0, 4096.0));
            words(
                object,
                12,
                plane
                    .values
                    .iter()
                    .map(|&v| density_u16(v).min(DENSITY_MAX)),
            )
        }
        Pixels::Hounsfield(plane) => {
            let width_hu = if plan.family == Family::Head {
                80.0
            } else {
                400.0
            };
            window(object, "MONOCHROME2", (40.0, width_hu));
            text(
                object,
                tags::RESCALE_INTERCEPT,
                VR::DS,
                &format!("{CT_INTERCEPT_HU}"),
            );
            text(object, tags::RESCALE_SLOPE, VR::DS, "1");
            text(object, tags::RESCALE_TYPE, VR::LO, "HU");
            words(
                object,
                12,
                plane
                    .values
                    .iter()
                    .map(|&v| (i32::from(hounsfield_i16(v)) - CT_INTERCEPT_HU) as u16),
            )
        }
        Pixels::Rgb(colour) => {
            number(object, tags::SAMPLES_PER_PIXEL, 3);
            number(object, tags::PLANAR_CONFIGURATION, 0);
            text(object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB");
            for (tag, bits) in [
                (tags::BITS_ALLOCATED, 8),
                (tags::BITS_STORED, 8),
                (tags::HIGH_BIT, 7),
            ] {
                number(object, tag, bits);
            }
            let bytes: Vec<u8> = colour
                .values
                .iter()
                .flat_map(|rgb| rgb.map(channel_u8))
                .collect();
            DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(bytes))
        }
    };
    object.put(value);
}

fn window(object: &mut InMemDicomObject, photometric: &str, (centre, width): (f32, f32)) {
    number(object, tags::SAMPLES_PER_PIXEL, 1);
    text(
        object,
        tags::PHOTOMETRIC_INTERPRETATION,
        VR::CS,
        photometric,
    );
    text(object, tags::WINDOW_CENTER, VR::DS, &format!("{centre:.0}"));
    text(object, tags::WINDOW_WIDTH, VR::DS, &format!("{width:.0}"));
}

fn words(
    object: &mut InMemDicomObject,
    bits: u16,
    values: impl Iterator<Item = u16>,
) -> DataElement<InMemDicomObject> {
    for (tag, count) in [
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, bits),
        (tags::HIGH_BIT, bits - 1),
    ] {
        number(object, tag, count);
    }
    let words: Vec<u16> = values.collect();
    DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into()))
}
