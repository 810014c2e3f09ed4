//! The table `sealed`: whatever identifies a patient, encrypted (ChaCha20-Poly1305) and findable by keyed hash.

use std::fmt;
use std::path::PathBuf;

use crate::{CaseNo, Catalog, CatalogError};

/// A case's identity, unsealed for those who may see it (curators, admins). `Debug` prints no values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UnsealedIdentity {
    /// Accession numbers.
    pub accessions: Vec<String>,
    /// Study Instance UIDs.
    pub study_uids: Vec<String>,
    /// Series Instance UIDs.
    pub series_uids: Vec<String>,
    /// Patient ids.
    pub patient_ids: Vec<String>,
    /// Paths or names of the originals.
    pub paths: Vec<PathBuf>,
}

impl fmt::Debug for UnsealedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsealedIdentity")
    }
}

impl Catalog {
    /// Cases with this accession number: numbers and public ids.
    pub async fn find_by_accession(
        &self,
        _accession: &str,
    ) -> Result<Vec<(CaseNo, String)>, CatalogError> {
        todo!()
    }

    /// Cases with this Study Instance UID.
    pub async fn find_by_study_uid(
        &self,
        _study_uid: &str,
    ) -> Result<Vec<(CaseNo, String)>, CatalogError> {
        todo!()
    }

    /// The identity of a case, unsealed.
    pub async fn identity_of(&self, _case: CaseNo) -> Result<UnsealedIdentity, CatalogError> {
        todo!()
    }
}
