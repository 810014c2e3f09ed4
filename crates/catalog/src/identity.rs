//! What makes two images one case (design, "Identity of a case").
//!
//! Order: manifest `case_id`, else accession, else Study Instance UID, else patient and study date, else the
//! file. Values live only here, in memory, and sealed in the table `sealed`; `Debug` prints none of them.

use std::fmt;

/// Who a case is. Empty strings count as absent: an empty patient id is an unknown patient, never a shared one.
#[derive(Clone, Default)]
pub struct CaseIdentity {
    /// The manifest's `case_id`: becomes the public id as it stands, so the caller vouches that it is no identifier.
    pub case_id: Option<String>,
    /// Accession number.
    pub accession: Option<String>,
    /// Study Instance UID.
    pub study_uid: Option<String>,
    /// Patient id as the source gives it; stored as a keyed pseudonym and sealed.
    pub patient_id: Option<String>,
    /// Series Instance UID of the image.
    pub series_uid: Option<String>,
    /// What identifies the case where all of the above is absent.
    pub fallback: CaseFallback,
}

/// The last two steps of a case's identity.
#[derive(Clone, Default)]
pub struct CaseFallback {
    /// Study date (any spelling, the same for all images of the study) or day offset; used with the patient id.
    pub study_day: Option<String>,
    /// SHA-256 of the file: the last resort. Absent (zeros) only where something stronger is given.
    pub file_sha256: [u8; 32],
}

impl fmt::Debug for CaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseIdentity")
            .field("case_id", &self.case_id.is_some())
            .field("accession", &self.accession.is_some())
            .field("study_uid", &self.study_uid.is_some())
            .field("patient_id", &self.patient_id.is_some())
            .field("series_uid", &self.series_uid.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CaseFallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseFallback")
            .field("study_day", &self.study_day.is_some())
            .finish_non_exhaustive()
    }
}
