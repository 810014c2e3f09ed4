//! What makes two images one case (design, "Identity of a case").
//!
//! Order: manifest `case_id`, else accession, else Study Instance UID, else patient and study date, else the
//! file. Values live only here, in memory, and sealed in the table `sealed`; `Debug` prints none of them.

use std::fmt;

use crate::Keyring;

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

impl CaseIdentity {
    /// The public id of the case that this identity names: the manifest's id, else a keyed hash of the strongest
    /// thing known. Two admissions belong together exactly when this is the same.
    pub(crate) fn public_id(&self, keyring: &Keyring) -> String {
        let given = |value: &Option<String>| {
            value
                .as_deref()
                .map(str::trim)
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
        };
        if let Some(case_id) = given(&self.case_id) {
            return case_id;
        }
        let day = self.fallback.study_day.clone();
        let (kind, value) = if let Some(accession) = given(&self.accession) {
            ("case accession", accession.into_bytes())
        } else if let Some(study_uid) = given(&self.study_uid) {
            ("case study", study_uid.into_bytes())
        } else if let (Some(patient), Some(day)) = (given(&self.patient_id), given(&day)) {
            (
                "case patient and day",
                [patient.as_bytes(), &[0], day.as_bytes()].concat(),
            )
        } else {
            ("case file", self.fallback.file_sha256.to_vec())
        };
        format!("c-{}", &hex::encode(keyring.lookup(kind, &value))[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn the_strongest_thing_known_makes_the_case() {
        let keyring = Keyring::from_bytes([1; 32]);
        let id = |identity: &CaseIdentity| identity.public_id(&keyring);
        let study = CaseIdentity {
            study_uid: text("1.2.3"),
            patient_id: text("p"),
            ..CaseIdentity::default()
        };
        let other_patient = CaseIdentity {
            patient_id: text("q"),
            ..study.clone()
        };
        assert_eq!(id(&study), id(&other_patient));
        let accession = CaseIdentity {
            accession: text("A1"),
            ..study.clone()
        };
        assert_ne!(id(&study), id(&accession));
        let named = CaseIdentity {
            case_id: text("teaching-7"),
            ..accession
        };
        assert_eq!(id(&named), "teaching-7");
        assert!(!id(&study).contains("1.2.3"));
    }

    #[test]
    fn an_empty_patient_is_nobody_and_files_stay_apart() {
        let keyring = Keyring::from_bytes([1; 32]);
        let file = |byte| CaseIdentity {
            patient_id: text(" "),
            fallback: CaseFallback {
                study_day: text("2020-01-01"),
                file_sha256: [byte; 32],
            },
            ..CaseIdentity::default()
        };
        assert_ne!(file(1).public_id(&keyring), file(2).public_id(&keyring));
        assert_eq!(file(1).public_id(&keyring), file(1).public_id(&keyring));
    }
}
