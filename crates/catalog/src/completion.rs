//! Completion: a job's views, facts and thumbnail enter with the job's end and the change row, or not at all.

use sqlx::SqliteConnection;

use crate::deletions::{VectorRow, erased_vector};
use crate::models::{active_stamp, mismatch};
use crate::store::touch;
use crate::{
    CaseNo, Catalog, CatalogError, ErasedVector, ImageNo, LeasedJob, ModelStamp, PixelBox,
    VectorLocation,
};

/// A view with its vector already durable in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewView {
    /// A number from [`Catalog::reserve_views`].
    pub view_no: u32,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image, in its pixels.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// What cut it, for example `whole-v1`.
    pub made_by: String,
    /// Where its vector lies.
    pub location: VectorLocation,
}

/// What a worker found in an image.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// Facts known after decoding, a JSON object; takes the place of those of the admission when given.
    pub facts_json: Option<String>,
    /// Fills a gap only.
    pub modality: Option<String>,
    /// Fills a gap only.
    pub body_part: Option<String>,
    /// Fills a gap only.
    pub laterality: Option<String>,
    /// Views.
    pub views: Vec<NewView>,
    /// Key of the thumbnail.
    pub thumbnail_key: Option<String>,
    /// What made the vectors.
    pub stamp: ModelStamp,
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The sequence number under which the case changed.
    pub seq: u64,
    /// The same lease had completed the job before: nothing was done a second time.
    pub again: bool,
    /// Vectors of views that the image had from an earlier plan of its volume, no longer named by anything.
    pub replaced: Vec<ErasedVector>,
}

impl Catalog {
    /// Ends a job. Errors: `LeaseLost` (no effect), `StampMismatch`, `ViewNotReserved`.
    pub async fn complete_job(
        &self,
        job: &LeasedJob,
        outcome: JobOutcome,
    ) -> Result<Completed, CatalogError> {
        let lost = || CatalogError::LeaseLost { job: job.job_id };
        let mut write = self.write().await?;
        let held: Option<(String, i64, i64)> = sqlx::query_as(
            "SELECT j.state, i.image_no, i.case_no FROM jobs j \
             JOIN images i ON i.image_no = j.image_no WHERE j.job_id = ? AND j.lease_token = ?",
        )
        .bind(job.job_id.sql())
        .bind(&job.lease_token)
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("looking a lease up"))?;
        let (state, image_no, case_no) = held.ok_or_else(lost)?;
        let (image, case) = (ImageNo::from_sql(image_no), CaseNo::from_sql(case_no));
        match state.as_str() {
            "running" => {}
            "done" => return completed_before(&mut write, case).await,
            _ => return Err(lost()),
        }
        let active = active_stamp(&mut write).await?;
        let stamp_no = match &active {
            Some((number, stamp)) if *stamp == outcome.stamp => *number,
            other => {
                return Err(mismatch(
                    &outcome.stamp,
                    other.as_ref().map(|(_, stamp)| stamp),
                ));
            }
        };
        fill_facts(&mut write, image, &outcome).await?;
        let replaced = remove_views(&mut write, image).await?;
        insert_views(&mut write, (case, image, stamp_no), &outcome.views).await?;
        sqlx::query(
            "UPDATE jobs SET state = 'done', ended_ms = ?, lease_until_ms = NULL, reason = NULL \
             WHERE job_id = ?",
        )
        .bind(self.now_ms())
        .bind(job.job_id.sql())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("ending a job"))?;
        let seq = touch(&mut write, case).await?;
        self.commit(write).await?;
        Ok(Completed {
            seq,
            again: false,
            replaced,
        })
    }
}

/// The answer to a report that was heard before: the first answer was lost on its way.
async fn completed_before(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Completed, CatalogError> {
    let (seq,): (i64,) = sqlx::query_as("SELECT seq FROM changes WHERE case_no = ?")
        .bind(case.sql())
        .fetch_one(conn)
        .await
        .map_err(CatalogError::query("reading a case's change"))?;
    Ok(Completed {
        seq: seq.unsigned_abs(),
        again: true,
        replaced: Vec::new(),
    })
}

/// Takes away an image's views of any stamp: a slice that is done again, by another plan of its volume.
async fn remove_views(
    write: &mut SqliteConnection,
    image: ImageNo,
) -> Result<Vec<ErasedVector>, CatalogError> {
    let failed = || CatalogError::query("replacing a slice's views");
    let rows: Vec<VectorRow> = sqlx::query_as(
        "SELECT x.case_no, x.view_no, x.segment, x.offset_b, x.crc FROM views v \
         CROSS JOIN view_vectors x ON x.case_no = v.case_no AND x.view_no = v.view_no \
         WHERE v.image_no = ?",
    )
    .bind(image.sql())
    .fetch_all(&mut *write)
    .await
    .map_err(failed())?;
    if !rows.is_empty() {
        sqlx::query("DELETE FROM views WHERE image_no = ?")
            .bind(image.sql())
            .execute(write)
            .await
            .map_err(failed())?;
    }
    Ok(rows.into_iter().map(erased_vector).collect())
}

async fn fill_facts(
    write: &mut SqliteConnection,
    image: ImageNo,
    outcome: &JobOutcome,
) -> Result<(), CatalogError> {
    if let Some(facts) = &outcome.facts_json {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(facts).map_err(
            |_| CatalogError::InvalidValue {
                field: "facts_json",
                reason: "is not a JSON object",
            },
        )?;
    }
    sqlx::query(
        "UPDATE images SET facts_json = COALESCE(?, facts_json), modality = COALESCE(modality, ?), \
         body_part = COALESCE(body_part, ?), laterality = COALESCE(laterality, ?), \
         thumbnail_key = COALESCE(?, thumbnail_key) WHERE image_no = ?",
    )
    .bind(&outcome.facts_json)
    .bind(&outcome.modality)
    .bind(&outcome.body_part)
    .bind(&outcome.laterality)
    .bind(&outcome.thumbnail_key)
    .bind(image.sql())
    .execute(write)
    .await
    .map_err(CatalogError::query("keeping an image's facts"))?;
    Ok(())
}

/// Writes views of one image with the places of their vectors of one stamp. Errors: `ViewNotReserved`.
pub(crate) async fn insert_views(
    write: &mut SqliteConnection,
    (case, image, stamp_no): (CaseNo, ImageNo, i64),
    views: &[NewView],
) -> Result<(), CatalogError> {
    let (next_view_no,): (u32,) =
        sqlx::query_as("SELECT next_view_no FROM cases WHERE case_no = ?")
            .bind(case.sql())
            .fetch_one(&mut *write)
            .await
            .map_err(CatalogError::query("reading a case's view numbers"))?;
    for view in views {
        let (used,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM views WHERE case_no = ? AND view_no = ?)")
                .bind(case.sql())
                .bind(view.view_no)
                .fetch_one(&mut *write)
                .await
                .map_err(CatalogError::query("looking a view number up"))?;
        if used || view.view_no >= next_view_no {
            return Err(CatalogError::ViewNotReserved {
                case,
                view_no: view.view_no,
            });
        }
        insert_view(write, (case, image), view).await?;
        insert_vector(write, (case, stamp_no), view).await?;
    }
    Ok(())
}

async fn insert_view(
    write: &mut SqliteConnection,
    (case, image): (CaseNo, ImageNo),
    view: &NewView,
) -> Result<(), CatalogError> {
    sqlx::query(
        "INSERT INTO views (case_no, view_no, image_no, kind, frame, x_px, y_px, width_px, \
         height_px, mm_per_px, made_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(case.sql())
    .bind(view.view_no)
    .bind(image.sql())
    .bind(&view.kind)
    .bind(view.frame)
    .bind(view.box_px.map(|area| area.x_px))
    .bind(view.box_px.map(|area| area.y_px))
    .bind(view.box_px.map(|area| area.width_px))
    .bind(view.box_px.map(|area| area.height_px))
    .bind(view.mm_per_px)
    .bind(&view.made_by)
    .execute(write)
    .await
    .map_err(CatalogError::query("keeping a view"))?;
    Ok(())
}

async fn insert_vector(
    write: &mut SqliteConnection,
    (case, stamp_no): (CaseNo, i64),
    view: &NewView,
) -> Result<(), CatalogError> {
    let offset = i64::try_from(view.location.offset).map_err(|_| CatalogError::InvalidValue {
        field: "vector location",
        reason: "the offset is beyond any file",
    })?;
    sqlx::query(
        "INSERT INTO view_vectors (case_no, view_no, stamp_no, segment, offset_b, crc) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(case.sql())
    .bind(view.view_no)
    .bind(stamp_no)
    .bind(view.location.segment)
    .bind(offset)
    .bind(view.location.crc)
    .execute(write)
    .await
    .map_err(CatalogError::query("keeping the place of a vector"))?;
    Ok(())
}
