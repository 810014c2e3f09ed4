//! The table `sealed`: whatever identifies a patient, encrypted (XChaCha20-Poly1305) and findable by keyed hash.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use sqlx::{Row as _, SqliteConnection};

use crate::{CaseNo, Catalog, CatalogError, ImageNo, Keyring};

/// What a sealed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Accession,
    StudyUid,
    SeriesUid,
    PatientId,
    Path,
    Name,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accession => "accession",
            Self::StudyUid => "study_uid",
            Self::SeriesUid => "series_uid",
            Self::PatientId => "patient_id",
            Self::Path => "path",
            Self::Name => "name",
        }
    }
}

/// Whose a sealed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Case(CaseNo),
    Image(ImageNo),
    /// Row of `batch_files`.
    File(i64),
}

/// Seals a value for its owner, once: the same value of the same owner is not sealed again.
pub(crate) async fn put(
    write: &mut SqliteConnection,
    keyring: &Keyring,
    owner: Owner,
    (kind, value): (Kind, &[u8]),
) -> Result<(), CatalogError> {
    let lookup = keyring.lookup(kind.name(), value);
    let (case_no, image_no, file_no) = match owner {
        Owner::Case(case) => (Some(case.sql()), None, None),
        Owner::Image(image) => (None, Some(image.sql()), None),
        Owner::File(file_no) => (None, None, Some(file_no)),
    };
    let known = sqlx::query(
        "SELECT 1 FROM sealed WHERE lookup = ? AND case_no IS ? AND image_no IS ? AND file_no IS ?",
    )
    .bind(lookup.as_slice())
    .bind(case_no)
    .bind(image_no)
    .bind(file_no)
    .fetch_optional(&mut *write)
    .await
    .map_err(CatalogError::query("looking for a sealed value"))?;
    if known.is_some() {
        return Ok(());
    }
    sqlx::query("INSERT INTO sealed (kind, lookup, value, case_no, image_no, file_no) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(kind.name())
        .bind(lookup.as_slice())
        .bind(keyring.seal(kind.name(), value))
        .bind(case_no)
        .bind(image_no)
        .bind(file_no)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("sealing a value"))?;
    Ok(())
}

/// A path as it is sealed.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// A path as it was sealed.
pub(crate) fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

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
        accession: &str,
    ) -> Result<Vec<(CaseNo, String)>, CatalogError> {
        self.find_sealed(Kind::Accession, accession).await
    }

    /// Cases with this Study Instance UID.
    pub async fn find_by_study_uid(
        &self,
        study_uid: &str,
    ) -> Result<Vec<(CaseNo, String)>, CatalogError> {
        self.find_sealed(Kind::StudyUid, study_uid).await
    }

    async fn find_sealed(
        &self,
        kind: Kind,
        value: &str,
    ) -> Result<Vec<(CaseNo, String)>, CatalogError> {
        let lookup = self.keyring().lookup(kind.name(), value.trim().as_bytes());
        let rows = sqlx::query(
            "SELECT DISTINCT cases.case_no, cases.case_id FROM sealed JOIN cases ON cases.case_no = sealed.case_no
             WHERE sealed.lookup = ? ORDER BY cases.case_no",
        )
        .bind(lookup.as_slice())
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("finding a case by its identity"))?;
        Ok(rows
            .iter()
            .map(|row| (CaseNo::from_sql(row.get(0)), row.get(1)))
            .collect())
    }

    /// The identity of a case, unsealed.
    pub async fn identity_of(&self, case: CaseNo) -> Result<UnsealedIdentity, CatalogError> {
        let rows = sqlx::query(
            "SELECT kind, value FROM sealed
             WHERE case_no = ?1 OR image_no IN (SELECT image_no FROM images WHERE case_no = ?1) ORDER BY sealed_no",
        )
        .bind(case.sql())
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("reading an identity"))?;
        let mut identity = UnsealedIdentity::default();
        for row in rows {
            let (kind, value): (String, Vec<u8>) = (row.get(0), row.get(1));
            let value = self
                .keyring()
                .open_sealed(&kind, &value)
                .ok_or(CatalogError::Unseal { kind: "identity" })?;
            let text = || String::from_utf8_lossy(&value).into_owned();
            match kind.as_str() {
                "accession" => identity.accessions.push(text()),
                "study_uid" => identity.study_uids.push(text()),
                "series_uid" => identity.series_uids.push(text()),
                "patient_id" => identity.patient_ids.push(text()),
                _ => identity.paths.push(path_of(value)),
            }
        }
        Ok(identity)
    }
}
