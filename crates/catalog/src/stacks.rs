//! Stacks: the images that are slices of one volume. Their jobs are held until the volume has been read, its plan
//! says which slices become views and by which range of values they are read, and each slice's job then goes on.

use std::path::PathBuf;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::images::{object_of, sha256_of};
use crate::{BatchNo, CaseNo, Catalog, CatalogError, ImageNo, NewImage, ObjectRef};

/// Where an image lies in a volume that is written as one file for each slice.
#[derive(Clone, PartialEq)]
pub struct NewSlice {
    /// What the slices of the volume have in common. It may identify; kept as a keyed hash alone.
    pub stack: String,
    /// Along the normal of the slices.
    pub position_mm: Option<f64>,
    /// Instance Number.
    pub number: Option<i32>,
}

/// What the plan of a volume says of one slice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SlicePlan {
    /// Whether it becomes a view.
    pub chosen: bool,
    /// The least and the greatest value of the volume, where its slices are read by them.
    pub range: Option<[f64; 2]>,
}

/// An image's place in its volume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackPlace {
    /// Keyed hash of what the slices have in common, shortened: the same for all slices of the volume.
    pub stack_id: String,
    /// Along the normal of the slices.
    pub position_mm: Option<f64>,
    /// Instance Number.
    pub number: Option<i32>,
    /// What the plan says of it, once there is one.
    pub plan: Option<SlicePlan>,
}

/// A volume that is to be planned.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its case.
    pub case_no: CaseNo,
    /// Its slices in order.
    pub slices: Vec<StackSlice>,
}

/// One slice of a volume.
#[derive(Debug, Clone)]
pub struct StackSlice {
    /// The image.
    pub image_no: ImageNo,
    /// Where its bytes are.
    pub object: ObjectRef,
    /// Other paths that held the same bytes.
    pub other_paths: Vec<PathBuf>,
    /// SHA-256 of the bytes.
    pub content_sha256: [u8; 32],
}

impl Catalog {
    /// The next volume with slices that wait, none of them in a batch of `reading`, or none of them younger than
    /// `settled_ms`: an archive that is read for days must not keep its first volumes waiting.
    pub async fn next_stack(
        &self,
        reading: &[BatchNo],
        settled_ms: u64,
    ) -> Result<Option<Stack>, CatalogError> {
        let failed = || CatalogError::query("looking for a volume to plan");
        let mut snapshot = self.read().begin().await.map_err(failed())?;
        let reading =
            serde_json::to_string(&reading.iter().map(|batch| batch.sql()).collect::<Vec<_>>())
                .unwrap_or_default();
        let before_ms = self
            .now_ms()
            .saturating_sub(i64::try_from(settled_ms).unwrap_or(i64::MAX));
        let row = sqlx::query(
            "SELECT i.case_no, i.stack_lookup FROM jobs j JOIN images i USING (image_no)
             WHERE j.held_by IS NOT NULL
             AND (j.queued_ms <= ?2 OR j.held_by NOT IN (SELECT value FROM json_each(?1)))
             AND NOT EXISTS (
                SELECT 1 FROM images o JOIN jobs h USING (image_no)
                WHERE o.case_no = i.case_no AND o.stack_lookup = i.stack_lookup AND h.held_by IS NOT NULL
                AND h.queued_ms > ?2 AND h.held_by IN (SELECT value FROM json_each(?1)))
             ORDER BY j.held_by, j.job_id LIMIT 1",
        )
        .bind(reading)
        .bind(before_ms)
        .fetch_optional(&mut *snapshot)
        .await
        .map_err(failed())?;
        let Some(row) = row else { return Ok(None) };
        let case_no = CaseNo::from_sql(row.get(0));
        let slices = self
            .slices_of(&mut snapshot, case_no, &row.get::<Vec<u8>, _>(1))
            .await?;
        Ok(Some(Stack { case_no, slices }))
    }

    /// Slices in order of place; those whose job has failed are no part of the volume.
    async fn slices_of(
        &self,
        conn: &mut SqliteConnection,
        case: CaseNo,
        stack: &[u8],
    ) -> Result<Vec<StackSlice>, CatalogError> {
        let rows = sqlx::query(
            "SELECT i.image_no, i.object_key, i.content_sha256 FROM images i JOIN jobs j USING (image_no)
             WHERE i.case_no = ? AND i.stack_lookup = ? AND j.state <> 'failed'
             ORDER BY i.slice_mm, i.slice_number, i.image_no",
        )
        .bind(case.sql())
        .bind(stack)
        .fetch_all(&mut *conn)
        .await
        .map_err(CatalogError::query("reading the slices of a volume"))?;
        let mut slices = Vec::with_capacity(rows.len());
        for row in &rows {
            let image_no = ImageNo::from_sql(row.get("image_no"));
            let (object, other_paths) =
                object_of(conn, self.keyring(), image_no, row.get("object_key")).await?;
            slices.push(StackSlice {
                image_no,
                object,
                other_paths,
                content_sha256: sha256_of(row)?,
            });
        }
        Ok(slices)
    }

    /// Keeps what the plan of a volume says of its slices, `None` of one that could not be looked at, and lets their
    /// jobs go on. A slice that was done by another plan is done again; its views serve until then.
    pub async fn plan_stack(
        &self,
        plans: &[(ImageNo, Option<SlicePlan>)],
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        for (image, plan) in plans {
            let before = plan_of(&mut write, *image).await?;
            keep_plan(&mut write, *image, *plan).await?;
            let released = sqlx::query(
                "UPDATE jobs SET held_by = NULL WHERE image_no = ? AND held_by IS NOT NULL",
            )
            .bind(image.sql())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("letting a slice go on"))?;
            if released.rows_affected() == 0 && differs(before, *plan) {
                requeue(&mut write, *image, self.now_ms()).await?;
            }
        }
        self.commit(write).await
    }

    /// Notes an image's place in its volume and holds its job until the volume is planned.
    pub(crate) async fn hold_slice(
        &self,
        write: &mut SqliteConnection,
        (image, new): (ImageNo, &NewImage),
        batch: Option<BatchNo>,
    ) -> Result<(), CatalogError> {
        let Some(slice) = &new.slice else {
            return Ok(());
        };
        let failed = || CatalogError::query("keeping a slice's place");
        sqlx::query(
            "UPDATE images SET stack_lookup = ?, slice_mm = ?, slice_number = ? WHERE image_no = ?",
        )
        .bind(
            self.keyring()
                .lookup("stack", slice.stack.as_bytes())
                .as_slice(),
        )
        .bind(slice.position_mm)
        .bind(slice.number)
        .bind(image.sql())
        .execute(&mut *write)
        .await
        .map_err(failed())?;
        sqlx::query("UPDATE jobs SET held_by = ? WHERE image_no = ?")
            .bind(batch.map_or(0, BatchNo::sql))
            .bind(image.sql())
            .execute(&mut *write)
            .await
            .map_err(failed())?;
        Ok(())
    }
}

/// A slice that is left out before and after is the same, whatever the range of its volume.
fn differs(before: Option<SlicePlan>, now: Option<SlicePlan>) -> bool {
    let left_out = |plan: Option<SlicePlan>| plan.is_some_and(|plan| !plan.chosen);
    before != now && !(left_out(before) && left_out(now))
}

async fn plan_of(
    conn: &mut SqliteConnection,
    image: ImageNo,
) -> Result<Option<SlicePlan>, CatalogError> {
    let row = sqlx::query("SELECT in_volume, range_low, range_high FROM images WHERE image_no = ?")
        .bind(image.sql())
        .fetch_optional(conn)
        .await
        .map_err(CatalogError::query("reading a slice's plan"))?;
    Ok(row.as_ref().and_then(slice_plan))
}

async fn keep_plan(
    write: &mut SqliteConnection,
    image: ImageNo,
    plan: Option<SlicePlan>,
) -> Result<(), CatalogError> {
    let range = plan.and_then(|plan| plan.range);
    sqlx::query(
        "UPDATE images SET in_volume = ?, range_low = ?, range_high = ? WHERE image_no = ?",
    )
    .bind(plan.map(|plan| plan.chosen))
    .bind(range.map(|[low, _]| low))
    .bind(range.map(|[_, high]| high))
    .bind(image.sql())
    .execute(write)
    .await
    .map_err(CatalogError::query("keeping a slice's plan"))?;
    Ok(())
}

/// Whoever works on it by the old plan loses the lease.
async fn requeue(
    write: &mut SqliteConnection,
    image: ImageNo,
    now_ms: i64,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE jobs SET state = 'queued', attempts = 0, worker = NULL, lease_token = NULL,
            lease_until_ms = NULL, not_before_ms = 0, reason = NULL, ended_ms = NULL, queued_ms = ?
         WHERE image_no = ? AND state IN ('done', 'running')",
    )
    .bind(now_ms)
    .bind(image.sql())
    .execute(write)
    .await
    .map_err(CatalogError::query("queueing a slice again"))?;
    Ok(())
}

/// The plan out of a row of `images`.
pub(crate) fn slice_plan(row: &SqliteRow) -> Option<SlicePlan> {
    let chosen: Option<bool> = row.get("in_volume");
    let (low, high): (Option<f64>, Option<f64>) = (row.get("range_low"), row.get("range_high"));
    Some(SlicePlan {
        chosen: chosen?,
        range: low.zip(high).map(|(low, high)| [low, high]),
    })
}

/// The place out of a row of `images`.
pub(crate) fn stack_place(row: &SqliteRow) -> Option<StackPlace> {
    let lookup: Vec<u8> = row.get::<Option<Vec<u8>>, _>("stack_lookup")?;
    Some(StackPlace {
        stack_id: hex::encode(&lookup[..lookup.len().min(8)]),
        position_mm: row.get("slice_mm"),
        number: row.get("slice_number"),
        plan: slice_plan(row),
    })
}
