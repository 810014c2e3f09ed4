//! Views: the embedded parts of images, and their numbers, which are never reused within a case.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::{
    CaseNo, Catalog, CatalogError, ImageNo, MAX_VIEW_NO, PixelBox, VectorLocation, ViewRef,
};

/// A view with the place of its vector of the active model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ViewRecord {
    /// Its number within the case.
    pub view_no: u32,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image, in its pixels.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// What cut it.
    pub made_by: String,
    /// Its vector of the active model.
    pub location: VectorLocation,
}

/// What a hit shows of one view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HydratedView {
    /// The view.
    pub view: ViewRef,
    /// Public id of its image.
    pub image_id: String,
    /// Modality of the image.
    pub modality: Option<String>,
    /// Body part of the image.
    pub body_part: Option<String>,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image.
    pub box_px: Option<PixelBox>,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// Key of the image's thumbnail.
    pub thumbnail_key: Option<String>,
    /// Its vector of the active model.
    pub location: VectorLocation,
}

impl Catalog {
    /// Reserves `count` view numbers of a case and returns the first. Durable before it returns, so that the
    /// vectors can go to the log under their keys; gaps are fine, reuse is not.
    pub async fn reserve_views(&self, case: CaseNo, count: u32) -> Result<u32, CatalogError> {
        let mut write = self.write().await?;
        let row = sqlx::query("UPDATE cases SET next_view_no = next_view_no + ? WHERE case_no = ? RETURNING next_view_no")
            .bind(i64::from(count))
            .bind(case.sql())
            .fetch_optional(&mut *write)
            .await
            .map_err(CatalogError::query("reserving views"))?
            .ok_or(CatalogError::UnknownCase)?;
        let next = row.get::<i64, _>(0).unsigned_abs();
        if next > u64::from(MAX_VIEW_NO) + 1 {
            return Err(CatalogError::NumbersUsedUp {
                what: "view",
                limit: u64::from(MAX_VIEW_NO),
            });
        }
        self.commit(write).await?;
        Ok(next as u32 - count)
    }

    /// The views that exist, in one snapshot; what is missing in the answer is gone.
    pub async fn hydrate(
        &self,
        views: &[(CaseNo, Vec<u32>)],
    ) -> Result<Vec<HydratedView>, CatalogError> {
        let failed = || CatalogError::query("reading views");
        let asked = views.iter().flat_map(|(case, numbers)| {
            let pair = |view_no: &u32| serde_json::json!([case.sql(), view_no]);
            numbers.iter().map(pair)
        });
        let rows = sqlx::query(
            "SELECT views.*, view_vectors.segment, view_vectors.offset_b, view_vectors.crc, images.image_id,
                images.modality, images.body_part, images.thumbnail_key
             FROM json_each(?) AS asked CROSS JOIN views
                ON views.case_no = asked.value ->> 0 AND views.view_no = asked.value ->> 1
                CROSS JOIN view_vectors ON view_vectors.case_no = views.case_no AND view_vectors.view_no = views.view_no
                CROSS JOIN stamps USING (stamp_no) JOIN images ON images.image_no = views.image_no
             WHERE stamps.active = 1 ORDER BY asked.key",
        )
        .bind(serde_json::Value::from_iter(asked).to_string())
        .fetch_all(self.read())
        .await
        .map_err(failed())?;
        Ok(rows.iter().map(hydrated_view).collect())
    }
}

fn hydrated_view(row: &SqliteRow) -> HydratedView {
    HydratedView {
        view: ViewRef {
            case_no: CaseNo::from_sql(row.get("case_no")),
            view_no: row.get("view_no"),
        },
        image_id: row.get("image_id"),
        modality: row.get("modality"),
        body_part: row.get("body_part"),
        frame: row.get("frame"),
        box_px: box_of(row),
        kind: row.get("kind"),
        mm_per_px: row.get("mm_per_px"),
        thumbnail_key: row.get("thumbnail_key"),
        location: location_of(row),
    }
}

/// The box out of a row of `views`.
pub(crate) fn box_of(row: &SqliteRow) -> Option<PixelBox> {
    Some(PixelBox {
        x_px: row.get::<Option<u32>, _>("x_px")?,
        y_px: row.get::<Option<u32>, _>("y_px")?,
        width_px: row.get::<Option<u32>, _>("width_px")?,
        height_px: row.get::<Option<u32>, _>("height_px")?,
    })
}

/// The place of a vector out of a row of `view_vectors`.
pub(crate) fn location_of(row: &SqliteRow) -> VectorLocation {
    VectorLocation {
        segment: row.get("segment"),
        offset: row.get::<i64, _>("offset_b").unsigned_abs(),
        crc: row.get("crc"),
    }
}

/// Views of an image with a vector of the active model.
pub(crate) async fn views_of(
    conn: &mut SqliteConnection,
    image: ImageNo,
) -> Result<Vec<ViewRecord>, CatalogError> {
    let rows = sqlx::query(
        "SELECT views.*, view_vectors.segment, view_vectors.offset_b, view_vectors.crc
         FROM views CROSS JOIN view_vectors USING (case_no, view_no) CROSS JOIN stamps USING (stamp_no)
         WHERE views.image_no = ? AND stamps.active = 1 ORDER BY views.view_no",
    )
    .bind(image.sql())
    .fetch_all(&mut *conn)
    .await
    .map_err(CatalogError::query("reading an image's views"))?;
    let view = |row: &SqliteRow| ViewRecord {
        view_no: row.get("view_no"),
        kind: row.get("kind"),
        frame: row.get("frame"),
        box_px: box_of(row),
        mm_per_px: row.get("mm_per_px"),
        made_by: row.get("made_by"),
        location: location_of(row),
    };
    Ok(rows.iter().map(view).collect())
}
