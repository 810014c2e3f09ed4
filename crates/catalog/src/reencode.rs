//! Re-encoding: vectors of a second stamp grow beside the old ones, which serve until the swap.

use serde::Serialize;
use sqlx::{Row as _, SqliteConnection};

use crate::completion::insert_views;
use crate::deletions::{VectorRow, erased_vector};
use crate::images::{image_facts, object_of, sha256_of};
use crate::models::{activate, ensure_stamp, stamp_number};
use crate::stacks::slice_plan;
use crate::{
    CaseNo, Catalog, CatalogError, ErasedVector, ImageFacts, ImageNo, ModelStamp, NewView,
    ObjectRef, SlicePlan,
};

/// An image that has no vectors of the new stamp yet.
#[derive(Debug, Clone)]
pub struct ReencodeImage {
    /// The image.
    pub image_no: ImageNo,
    /// Its public id.
    pub image_id: String,
    /// Its case.
    pub case_no: CaseNo,
    /// Where the bytes are.
    pub object: ObjectRef,
    /// Facts.
    pub facts: ImageFacts,
    /// SHA-256 of the bytes.
    pub content_sha256: [u8; 32],
    /// What the plan of its volume says of it, where it is a slice of one.
    pub plan: Option<SlicePlan>,
}

/// How far a re-encoding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReencodeProgress {
    /// Images to be done in all.
    pub total: u64,
    /// Images with vectors of the new stamp.
    pub done: u64,
    /// Images that could not be read again.
    pub failed: u64,
}

impl Catalog {
    /// Begins or resumes re-encoding to `stamp`; what could not be read is tried again. Errors: `UnknownModel`.
    pub async fn begin_reencode(
        &self,
        stamp: &ModelStamp,
    ) -> Result<ReencodeProgress, CatalogError> {
        let mut write = self.write().await?;
        let stamp_no = ensure_stamp(&mut write, stamp).await?;
        sqlx::query("DELETE FROM reencode_failures WHERE stamp_no = ?")
            .bind(stamp_no)
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("beginning a re-encoding"))?;
        let progress = progress(&mut write, stamp_no).await?;
        self.commit(write).await?;
        Ok(progress)
    }

    /// Encoded images without vectors of `stamp`, by number. Errors: `UnknownModel`.
    pub async fn next_images_to_reencode(
        &self,
        stamp: &ModelStamp,
        limit: u32,
    ) -> Result<Vec<ReencodeImage>, CatalogError> {
        let reading = || CatalogError::query("listing images to re-encode");
        let mut read = self.read().begin().await.map_err(reading())?;
        let stamp_no = known_stamp(&mut read, stamp).await?;
        let rows = sqlx::query(
            "SELECT i.* FROM images i JOIN jobs j ON j.image_no = i.image_no \
             WHERE j.state = 'done' AND i.in_volume IS NOT 0 \
             AND NOT EXISTS (SELECT 1 FROM reencode_failures f \
               WHERE f.image_no = i.image_no AND f.stamp_no = ?1) \
             AND NOT EXISTS (SELECT 1 FROM views v CROSS JOIN view_vectors x \
               ON x.case_no = v.case_no AND x.view_no = v.view_no \
               WHERE v.image_no = i.image_no AND x.stamp_no = ?1) \
             ORDER BY i.image_no LIMIT ?2",
        )
        .bind(stamp_no)
        .bind(limit)
        .fetch_all(&mut *read)
        .await
        .map_err(reading())?;
        let mut images = Vec::with_capacity(rows.len());
        for row in &rows {
            let image_no = ImageNo::from_sql(row.get("image_no"));
            let (object, _) =
                object_of(&mut read, self.keyring(), image_no, row.get("object_key")).await?;
            images.push(ReencodeImage {
                image_no,
                image_id: row.get("image_id"),
                case_no: CaseNo::from_sql(row.get("case_no")),
                object,
                facts: image_facts(row),
                content_sha256: sha256_of(row)?,
                plan: slice_plan(row),
            });
        }
        Ok(images)
    }

    /// Keeps an image's new views (numbers reserved, vectors durable). False where the image was done before.
    /// Errors: `UnknownModel`, `UnknownImage`, `NothingToReencode`, `ViewNotReserved`.
    pub async fn record_reencoded(
        &self,
        image: ImageNo,
        stamp: &ModelStamp,
        views: Vec<NewView>,
    ) -> Result<bool, CatalogError> {
        if views.is_empty() {
            self.record_reencode_failed(image, stamp, "it gave no views")
                .await?;
            return Ok(true);
        }
        let mut write = self.write().await?;
        let stamp_no = known_stamp(&mut write, stamp).await?;
        let row: Option<(i64, Option<String>, bool)> = sqlx::query_as(
            "SELECT i.case_no, j.state, EXISTS (SELECT 1 FROM views v CROSS JOIN view_vectors x \
               ON x.case_no = v.case_no AND x.view_no = v.view_no \
               WHERE v.image_no = i.image_no AND x.stamp_no = ?2) \
             FROM images i LEFT JOIN jobs j ON j.image_no = i.image_no WHERE i.image_no = ?1",
        )
        .bind(image.sql())
        .bind(stamp_no)
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("looking an image up"))?;
        let (case, state, done) = row.ok_or(CatalogError::UnknownImage)?;
        if done {
            return Ok(false);
        }
        if state.as_deref() != Some("done") {
            return Err(CatalogError::NothingToReencode { image });
        }
        insert_views(
            &mut write,
            (CaseNo::from_sql(case), image, stamp_no),
            &views,
        )
        .await?;
        sqlx::query("DELETE FROM reencode_failures WHERE image_no = ? AND stamp_no = ?")
            .bind(image.sql())
            .bind(stamp_no)
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("keeping re-encoded views"))?;
        self.commit(write).await?;
        Ok(true)
    }

    /// Notes that an image could not be read again; it will have no vectors after the swap. Where the image is
    /// gone, nothing happens. Errors: `UnknownModel`.
    pub async fn record_reencode_failed(
        &self,
        image: ImageNo,
        stamp: &ModelStamp,
        reason: &str,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let stamp_no = known_stamp(&mut write, stamp).await?;
        sqlx::query(
            "INSERT INTO reencode_failures (image_no, stamp_no, reason) \
             SELECT image_no, ?2, ?3 FROM images WHERE image_no = ?1 \
             ON CONFLICT (image_no, stamp_no) DO UPDATE SET reason = excluded.reason",
        )
        .bind(image.sql())
        .bind(stamp_no)
        .bind(reason)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query(
            "noting an image that could not be read again",
        ))?;
        self.commit(write).await
    }

    /// How far the re-encoding to `stamp` is. Errors: `UnknownModel`.
    pub async fn reencode_progress(
        &self,
        stamp: &ModelStamp,
    ) -> Result<ReencodeProgress, CatalogError> {
        let mut read = self
            .read()
            .begin()
            .await
            .map_err(CatalogError::query("counting re-encoded images"))?;
        let stamp_no = known_stamp(&mut read, stamp).await?;
        progress(&mut read, stamp_no).await
    }

    /// Makes `stamp` the library's and drops all other vectors and views, in one transaction, every case changed.
    /// Returns what may be erased in the vector log. Errors: `ReencodeUnfinished`, `UnknownModel`.
    pub async fn swap_reencoded(
        &self,
        stamp: &ModelStamp,
    ) -> Result<Vec<ErasedVector>, CatalogError> {
        let swapping = || CatalogError::query("changing the library's model");
        let mut write = self.write().await?;
        let stamp_no = known_stamp(&mut write, stamp).await?;
        let now = progress(&mut write, stamp_no).await?;
        let remaining = now.total.saturating_sub(now.done + now.failed);
        if remaining > 0 {
            return Err(CatalogError::ReencodeUnfinished { remaining });
        }
        activate(&mut write, stamp_no).await?;
        let old: Vec<VectorRow> = sqlx::query_as(
            "SELECT case_no, view_no, segment, offset_b, crc FROM view_vectors \
             WHERE stamp_no <> ? ORDER BY stamp_no, segment, offset_b",
        )
        .bind(stamp_no)
        .fetch_all(&mut *write)
        .await
        .map_err(swapping())?;
        sqlx::query("DELETE FROM view_vectors WHERE stamp_no <> ?")
            .bind(stamp_no)
            .execute(&mut *write)
            .await
            .map_err(swapping())?;
        for statement in [
            "DELETE FROM views WHERE NOT EXISTS (SELECT 1 FROM view_vectors x \
             WHERE x.case_no = views.case_no AND x.view_no = views.view_no)",
            "DELETE FROM reencode_failures",
            // Every case changes at once: as `touch`, for all of them.
            "DELETE FROM changes WHERE case_no IN (SELECT case_no FROM cases)",
            "INSERT INTO changes (case_no) SELECT case_no FROM cases ORDER BY case_no",
        ] {
            sqlx::query(statement)
                .execute(&mut *write)
                .await
                .map_err(swapping())?;
        }
        self.commit(write).await?;
        Ok(old.into_iter().map(erased_vector).collect())
    }
}

/// The number of a stamp that was begun with. Errors: `UnknownModel`.
async fn known_stamp(conn: &mut SqliteConnection, stamp: &ModelStamp) -> Result<i64, CatalogError> {
    let unknown = || CatalogError::UnknownModel {
        model_id: stamp.model_id.clone(),
    };
    stamp_number(conn, stamp).await?.ok_or_else(unknown)
}

async fn progress(
    conn: &mut SqliteConnection,
    stamp_no: i64,
) -> Result<ReencodeProgress, CatalogError> {
    // An image that has vectors counts as done, whatever was noted of it before.
    let (total, done, failed): (i64, i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COALESCE(SUM(encoded), 0), \
         COALESCE(SUM(failed AND NOT encoded), 0) FROM ( \
           SELECT EXISTS (SELECT 1 FROM views v CROSS JOIN view_vectors x \
             ON x.case_no = v.case_no AND x.view_no = v.view_no \
             WHERE v.image_no = j.image_no AND x.stamp_no = ?1) AS encoded, \
           EXISTS (SELECT 1 FROM reencode_failures f \
             WHERE f.image_no = j.image_no AND f.stamp_no = ?1) AS failed \
           FROM jobs j JOIN images i ON i.image_no = j.image_no \
           WHERE j.state = 'done' AND i.in_volume IS NOT 0)",
    )
    .bind(stamp_no)
    .fetch_one(conn)
    .await
    .map_err(CatalogError::query("counting re-encoded images"))?;
    Ok(ReencodeProgress {
        total: total.unsigned_abs(),
        done: done.unsigned_abs(),
        failed: failed.unsigned_abs(),
    })
}
