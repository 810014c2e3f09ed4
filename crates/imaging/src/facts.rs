//! What a header says, parted into facts (kept and filtered by) and identity (masked, sealed or dropped).

use std::fmt;

use serde::{Deserialize, Serialize};

/// File format, recognised by content.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// DICOM Part 10 file, or a bare data set.
    Dicom,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF; its pages are frames.
    Tiff,
    /// BMP.
    Bmp,
    /// WebP.
    WebP,
    /// GIF; the first frame is read.
    Gif,
    /// A whole slide in a scanner's own format (SVS, NDPI, pyramidal TIFF …); read in place, region by region.
    /// Slides in DICOM are [`Format::Dicom`].
    Slide,
    /// JPEG 2000 file or code stream.
    Jpeg2000,
    /// NIfTI-1 or NIfTI-2, also gzipped; its axial slices are frames.
    Nifti,
}

impl Format {
    /// Name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dicom => "DICOM",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Slide => "slide",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Nifti => "NIfTI",
        }
    }
}

/// What [`crate::inspect`] found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Inspection {
    /// A picture; its pixels were not read and may still turn out broken.
    Picture(Box<Header>),
    /// A sound object without a picture of the patient in it (SEG, RT, SR, DICOMDIR …).
    NotAPicture {
        /// For people, for example `DICOM Segmentation (SEG) holds no picture`.
        reason: String,
        /// SOP class where there is one.
        sop_class_uid: Option<String>,
    },
}

/// The header of one picture.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Header {
    /// How the file is written.
    pub format: Format,
    /// Facts without identity.
    pub facts: Facts,
    /// Who the patient is and who was there.
    pub identity: Identity,
    /// Where it lies in a volume of several files, where it is one slice of such.
    #[serde(default)]
    pub slice: Option<SlicePlace>,
}

/// Where one file's slice lies in a volume that is written as one file for each slice (PS3.3 C.7.6.2).
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct SlicePlace {
    /// What all slices of the volume have in common: series, size, orientation, kind, echo. It holds the Series
    /// Instance UID: the caller hashes it, and `Debug` does not print it.
    pub stack: String,
    /// Distance from the origin of the patient's coordinates along the normal of the slices, in millimetres.
    pub position_mm: Option<f64>,
    /// Instance Number.
    pub number: Option<i32>,
}

impl fmt::Debug for SlicePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlicePlace")
            .field("position_mm", &self.position_mm)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Facts of a picture. Descriptions are free text in which people write names: the caller masks them, and
/// `Debug` does not print them.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
pub struct Facts {
    /// Columns, after the orientation that the file asks for.
    pub width_px: u32,
    /// Rows, after the orientation that the file asks for.
    pub height_px: u32,
    /// Number of frames, at least 1.
    pub frames: u32,
    /// Volumes of a NIfTI file over time or direction, of which the first is read; unset where there is one.
    #[serde(default)]
    pub volumes: Option<u32>,
    /// DICOM modality, for example `CT`.
    pub modality: Option<String>,
    /// Body Part Examined, or the meaning of the Anatomic Region.
    pub body_part: Option<String>,
    /// `L`, `R`, `B` (both) or `U` (unpaired).
    pub laterality: Option<String>,
    /// View Position, for example `PA`.
    pub view_position: Option<String>,
    /// Study date (else series, acquisition, content date) as `YYYY-MM-DD`.
    pub study_date: Option<String>,
    /// `F`, `M` or `O`.
    pub sex: Option<String>,
    /// Age in years; from Patient's Age, else birth date and study date.
    pub age_years: Option<f32>,
    /// SOP class.
    pub sop_class_uid: Option<String>,
    /// SOP instance.
    pub sop_instance_uid: Option<String>,
    /// Transfer syntax.
    pub transfer_syntax_uid: Option<String>,
    /// Photometric interpretation.
    pub photometric: Option<String>,
    /// Manufacturer of the device.
    pub manufacturer: Option<String>,
    /// Millimetres per pixel: across columns (x), across rows (y).
    pub spacing_mm: Option<[f32; 2]>,
    /// Study description: free text.
    pub study_description: Option<String>,
    /// Series description: free text.
    pub series_description: Option<String>,
    /// Stain of a slide, from the specimen's preparation steps or the container's description.
    pub stain: Option<String>,
    /// Magnification of the scanner's objective, for example 20 or 40.
    pub objective_power: Option<f32>,
    /// Centre and width of the first window that the file names for people, after the Modality LUT (HU in CT).
    #[serde(default)]
    pub window: Option<[f32; 2]>,
    /// Position in the series.
    pub instance_number: Option<i32>,
    /// Burned In Annotation is `YES`: the pixels may name the patient.
    pub burned_in_annotation: bool,
}

impl fmt::Debug for Facts {
    /// Free text is left out: it may hold names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("width_px", &self.width_px)
            .field("height_px", &self.height_px)
            .field("frames", &self.frames)
            .field("modality", &self.modality)
            .field("photometric", &self.photometric)
            .field("sop_class_uid", &self.sop_class_uid)
            .field("transfer_syntax_uid", &self.transfer_syntax_uid)
            .finish_non_exhaustive()
    }
}

/// What can name the patient or the people around. `Debug` prints which fields are set, never their values.
#[derive(Clone, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Patient's Name.
    pub patient_name: Option<String>,
    /// Patient ID; absent means unknown, never one shared patient.
    pub patient_id: Option<String>,
    /// Patient's Birth Date as `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// Accession Number.
    pub accession: Option<String>,
    /// Study Instance UID.
    pub study_uid: Option<String>,
    /// Series Instance UID.
    pub series_uid: Option<String>,
    /// Everything else that names somebody: physicians, operators, institution, other ids, address, telephone.
    pub other: Vec<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = |value: &Option<String>| if value.is_some() { "set" } else { "unset" };
        f.debug_struct("Identity")
            .field("patient_name", &seen(&self.patient_name))
            .field("patient_id", &seen(&self.patient_id))
            .field("birth_date", &seen(&self.birth_date))
            .field("accession", &seen(&self.accession))
            .field("study_uid", &seen(&self.study_uid))
            .field("series_uid", &seen(&self.series_uid))
            .field("other", &self.other.len())
            .finish()
    }
}
