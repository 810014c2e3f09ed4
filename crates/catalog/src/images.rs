//! Images: one source object each, where its bytes are, and which of them claim the same SOP Instance UID.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::sealed::path_of;
use crate::stacks::stack_place;
use crate::{CaseNo, Catalog, CatalogError, ImageNo, Keyring, StackPlace, ViewRecord};

/// Where an image's bytes are. `Debug` does not print the path: a file's name can be a patient's.
#[derive(Clone, PartialEq, Eq)]
pub enum ObjectRef {
    /// A file of the user's, referenced in place; the path is sealed in the catalog.
    InPlace {
        /// Absolute path.
        path: PathBuf,
    },
    /// An object of the object store.
    Stored {
        /// Its key.
        key: String,
    },
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace { .. } => f.write_str("InPlace"),
            Self::Stored { key } => f.debug_struct("Stored").field("key", key).finish(),
        }
    }
}

/// Facts of an image that an index may filter by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ImageFacts {
    /// `dicom`, `png`, …
    pub format: String,
    /// Modality.
    pub modality: Option<String>,
    /// Body part.
    pub body_part: Option<String>,
    /// Laterality.
    pub laterality: Option<String>,
    /// Further facts, a JSON object.
    pub facts_json: String,
}

/// An image with everything known of it but its identity.
#[derive(Debug, Clone)]
pub struct ImageRecord {
    /// Internal number.
    pub image_no: ImageNo,
    /// Public id.
    pub image_id: String,
    /// Its case.
    pub case_no: CaseNo,
    /// The case's public id.
    pub case_id: String,
    /// Facts.
    pub facts: ImageFacts,
    /// SHA-256 of the plain bytes.
    pub content_sha256: [u8; 32],
    /// Size of the file.
    pub bytes: u64,
    /// Where the bytes are, path unsealed: never over HTTP.
    pub object: ObjectRef,
    /// Other paths with the same bytes.
    pub other_paths: Vec<PathBuf>,
    /// Key of the thumbnail in the object store.
    pub thumbnail_key: Option<String>,
    /// `queued`, `running`, `done`, `failed`.
    pub job_state: String,
    /// Why the job failed.
    pub failure: Option<String>,
    /// Its views in the active model's making.
    pub views: Vec<ViewRecord>,
    /// Images with the same SOP Instance UID and other bytes.
    pub conflicts: Vec<String>,
    /// Its place in a volume of several files.
    pub stack: Option<StackPlace>,
}

/// Different objects under one SOP Instance UID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SopConflict {
    /// Public ids of the images and of their cases, oldest first.
    pub images: Vec<(String, String)>,
}

impl Catalog {
    /// An image by its public id.
    pub async fn image(&self, image_id: &str) -> Result<Option<ImageRecord>, CatalogError> {
        let failed = || CatalogError::query("reading an image");
        let mut snapshot = self.read().begin().await.map_err(failed())?;
        let row = sqlx::query(
            "SELECT images.*, cases.case_id, jobs.state, jobs.reason FROM images JOIN cases USING (case_no)
             LEFT JOIN jobs USING (image_no) WHERE image_id = ?",
        )
        .bind(image_id)
        .fetch_optional(&mut *snapshot)
        .await
        .map_err(failed())?;
        match row {
            Some(row) => Ok(Some(
                self.image_record(&mut snapshot, &row, row.get("case_id"))
                    .await?,
            )),
            None => Ok(None),
        }
    }

    /// Images of a case, oldest first.
    pub(crate) async fn images_of(
        &self,
        conn: &mut SqliteConnection,
        case: CaseNo,
        case_id: &str,
    ) -> Result<Vec<ImageRecord>, CatalogError> {
        let rows = sqlx::query(
            "SELECT images.*, jobs.state, jobs.reason FROM images LEFT JOIN jobs USING (image_no)
             WHERE case_no = ? ORDER BY image_no",
        )
        .bind(case.sql())
        .fetch_all(&mut *conn)
        .await
        .map_err(CatalogError::query("reading a case's images"))?;
        let mut images = Vec::with_capacity(rows.len());
        for row in &rows {
            images.push(self.image_record(conn, row, case_id.to_owned()).await?);
        }
        Ok(images)
    }

    async fn image_record(
        &self,
        conn: &mut SqliteConnection,
        row: &SqliteRow,
        case_id: String,
    ) -> Result<ImageRecord, CatalogError> {
        let image_no = ImageNo::from_sql(row.get("image_no"));
        let (object, other_paths) =
            object_of(conn, self.keyring(), image_no, row.get("object_key")).await?;
        Ok(ImageRecord {
            image_no,
            image_id: row.get("image_id"),
            case_no: CaseNo::from_sql(row.get("case_no")),
            case_id,
            facts: image_facts(row),
            content_sha256: sha256_of(row)?,
            bytes: row.get::<i64, _>("bytes").unsigned_abs(),
            object,
            other_paths,
            thumbnail_key: row.get("thumbnail_key"),
            job_state: row
                .get::<Option<String>, _>("state")
                .unwrap_or_else(|| "done".to_owned()),
            failure: row.get("reason"),
            views: crate::views::views_of(conn, image_no).await?,
            conflicts: conflicts_of(conn, image_no).await?,
            stack: stack_place(row),
        })
    }

    /// Groups of different objects that carry one SOP Instance UID.
    pub async fn sop_conflicts(
        &self,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<SopConflict>, CatalogError> {
        let failed = || CatalogError::query("reading conflicts");
        let mut snapshot = self.read().begin().await.map_err(failed())?;
        let groups = sqlx::query(
            "SELECT sop_lookup FROM images WHERE sop_lookup IS NOT NULL GROUP BY sop_lookup
             HAVING count(DISTINCT content_sha256) > 1 ORDER BY min(image_no) LIMIT ? OFFSET ?",
        )
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(&mut *snapshot)
        .await
        .map_err(failed())?;
        let mut conflicts = Vec::with_capacity(groups.len());
        for group in groups {
            let rows = sqlx::query(
                "SELECT image_id, case_id FROM images JOIN cases USING (case_no) WHERE sop_lookup = ? ORDER BY image_no",
            )
            .bind(group.get::<Vec<u8>, _>(0))
            .fetch_all(&mut *snapshot)
            .await
            .map_err(failed())?;
            conflicts.push(SopConflict {
                images: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
            });
        }
        Ok(conflicts)
    }

    /// Whether these bytes are known, before anything is decoded: the image and its case.
    pub async fn image_by_content(
        &self,
        sha256: &[u8; 32],
    ) -> Result<Option<(ImageNo, CaseNo)>, CatalogError> {
        let row = sqlx::query("SELECT image_no, case_no FROM images WHERE content_sha256 = ? ORDER BY image_no LIMIT 1")
            .bind(sha256.as_slice())
            .fetch_optional(self.read())
            .await
            .map_err(CatalogError::query("looking for known bytes"))?;
        Ok(row.map(|row| (ImageNo::from_sql(row.get(0)), CaseNo::from_sql(row.get(1)))))
    }

    /// Replaces or sets an image's thumbnail; returns the key that is no longer used.
    pub async fn set_thumbnail(
        &self,
        image: ImageNo,
        key: &str,
    ) -> Result<Option<String>, CatalogError> {
        let failed = || CatalogError::query("setting a thumbnail");
        let mut write = self.write().await?;
        let row = sqlx::query("SELECT thumbnail_key FROM images WHERE image_no = ?")
            .bind(image.sql())
            .fetch_optional(&mut *write)
            .await
            .map_err(failed())?
            .ok_or(CatalogError::UnknownImage)?;
        sqlx::query("UPDATE images SET thumbnail_key = ? WHERE image_no = ?")
            .bind(key)
            .bind(image.sql())
            .execute(&mut *write)
            .await
            .map_err(failed())?;
        self.commit(write).await?;
        Ok(row.get::<Option<String>, _>(0).filter(|old| old != key))
    }
}

/// Facts out of a row of `images`.
pub(crate) fn image_facts(row: &SqliteRow) -> ImageFacts {
    ImageFacts {
        format: row.get("format"),
        modality: row.get("modality"),
        body_part: row.get("body_part"),
        laterality: row.get("laterality"),
        facts_json: row.get("facts_json"),
    }
}

/// The hash out of a row of `images`. Errors: `Corrupt`.
pub(crate) fn sha256_of(row: &SqliteRow) -> Result<[u8; 32], CatalogError> {
    let bytes: Vec<u8> = row.get("content_sha256");
    let length = bytes.len();
    bytes.try_into().map_err(|_| CatalogError::Corrupt {
        what: "image",
        reason: format!("a hash of {length} bytes"),
    })
}

/// Where an image's bytes are, and where else the same bytes were seen.
pub(crate) async fn object_of(
    conn: &mut SqliteConnection,
    keyring: &Keyring,
    image: ImageNo,
    object_key: Option<String>,
) -> Result<(ObjectRef, Vec<PathBuf>), CatalogError> {
    let rows = sqlx::query(
        "SELECT value FROM sealed WHERE image_no = ? AND kind = 'path' ORDER BY sealed_no",
    )
    .bind(image.sql())
    .fetch_all(&mut *conn)
    .await
    .map_err(CatalogError::query("reading where an image lies"))?;
    let paths: Result<Vec<PathBuf>, CatalogError> = rows
        .iter()
        .map(|row| {
            keyring
                .unseal("path", &row.get::<Vec<u8>, _>(0))
                .map(path_of)
        })
        .collect();
    let mut paths = paths?.into_iter();
    match object_key {
        Some(key) => Ok((ObjectRef::Stored { key }, paths.collect())),
        None => {
            let missing = || CatalogError::Corrupt {
                what: "image",
                reason: "no path is sealed for it".to_owned(),
            };
            let path = paths.next().ok_or_else(missing)?;
            Ok((ObjectRef::InPlace { path }, paths.collect()))
        }
    }
}

/// Public ids of images with the same SOP Instance UID and other bytes.
async fn conflicts_of(
    conn: &mut SqliteConnection,
    image: ImageNo,
) -> Result<Vec<String>, CatalogError> {
    let rows = sqlx::query(
        "SELECT other.image_id FROM images AS own JOIN images AS other ON other.sop_lookup = own.sop_lookup
         WHERE own.image_no = ? AND other.content_sha256 != own.content_sha256 ORDER BY other.image_no",
    )
    .bind(image.sql())
    .fetch_all(&mut *conn)
    .await
    .map_err(CatalogError::query("looking for the same SOP Instance UID"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
