//! Models that were added, and the stamp of the vectors that the library serves.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::{Catalog, CatalogError, ModelStamp};

/// A model as `model add` registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// SHA-256 over weights, tokenizer and config, hex.
    pub model_id: String,
    /// A name for people.
    pub name: String,
    /// Its folder.
    pub dir: String,
    /// Components of a vector.
    pub dimension: u32,
    /// The demo model: knows phantoms only.
    pub demo: bool,
}

/// A registered model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelRecord {
    /// SHA-256 over weights, tokenizer and config, hex.
    pub model_id: String,
    /// A name for people.
    pub name: String,
    /// Its folder.
    pub dir: String,
    /// Components of a vector.
    pub dimension: u32,
    /// The demo model: knows phantoms only.
    pub demo: bool,
    /// It made the vectors that the library serves.
    pub active: bool,
}

impl Catalog {
    /// Registers a model, or brings name and folder of a known one up to date.
    pub async fn register_model(&self, model: NewModel) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO models (model_id, name, dir, dimension, demo) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (model_id) DO UPDATE SET name = excluded.name, dir = excluded.dir",
        )
        .bind(model.model_id)
        .bind(model.name)
        .bind(model.dir)
        .bind(model.dimension)
        .bind(model.demo)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("registering a model"))?;
        self.commit(write).await
    }

    /// All models, oldest first.
    pub async fn models(&self) -> Result<Vec<ModelRecord>, CatalogError> {
        let rows: Vec<ModelRow> = sqlx::query_as(
            "SELECT model_id, name, dir, dimension, demo, \
             EXISTS (SELECT 1 FROM stamps s WHERE s.model_id = m.model_id AND s.active = 1) \
             FROM models m ORDER BY model_no",
        )
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("listing models"))?;
        Ok(rows.into_iter().map(model_record).collect())
    }

    /// The library's model and the stamp of its vectors.
    pub async fn active_model(&self) -> Result<Option<(ModelRecord, ModelStamp)>, CatalogError> {
        let mut read = self
            .read()
            .begin()
            .await
            .map_err(CatalogError::query("reading the model"))?;
        let Some((_, stamp)) = active_stamp(&mut read).await? else {
            return Ok(None);
        };
        let row: ModelRow = sqlx::query_as(
            "SELECT model_id, name, dir, dimension, demo, 1 FROM models WHERE model_id = ?",
        )
        .bind(&stamp.model_id)
        .fetch_one(&mut *read)
        .await
        .map_err(CatalogError::query("reading the model"))?;
        Ok(Some((model_record(row), stamp)))
    }

    /// Makes `stamp` the library's, if the library holds no vectors of another. Errors: `StampMismatch`,
    /// `UnknownModel`.
    pub async fn set_active(&self, stamp: &ModelStamp) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let number = ensure_stamp(&mut write, stamp).await?;
        let active = active_stamp(&mut write).await?;
        if active.as_ref().is_some_and(|(known, _)| *known == number) {
            return Ok(());
        }
        let (others,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM view_vectors WHERE stamp_no <> ?)")
                .bind(number)
                .fetch_one(&mut *write)
                .await
                .map_err(CatalogError::query("looking for vectors of another model"))?;
        if others {
            return Err(mismatch(stamp, active.as_ref().map(|(_, active)| active)));
        }
        activate(&mut write, number).await?;
        self.commit(write).await
    }
}

type ModelRow = (String, String, String, u32, bool, bool);
type StampRow = (i64, String, String, String, u32, u32);

fn model_record((model_id, name, dir, dimension, demo, active): ModelRow) -> ModelRecord {
    ModelRecord {
        model_id,
        name,
        dir,
        dimension,
        demo,
        active,
    }
}

/// The error for vectors of another stamp than the library's.
pub(crate) fn mismatch(given: &ModelStamp, active: Option<&ModelStamp>) -> CatalogError {
    CatalogError::StampMismatch {
        given: given.key(),
        active: active.map_or_else(|| "no model".to_owned(), ModelStamp::key),
    }
}

/// The library's stamp and its number.
pub(crate) async fn active_stamp(
    conn: &mut SqliteConnection,
) -> Result<Option<(i64, ModelStamp)>, CatalogError> {
    let row: Option<StampRow> = sqlx::query_as(
        "SELECT stamp_no, model_id, profile, precision, pipeline_version, dimension \
         FROM stamps WHERE active = 1",
    )
    .fetch_optional(conn)
    .await
    .map_err(CatalogError::query("reading the library's model stamp"))?;
    Ok(row.map(
        |(number, model_id, profile, precision, pipeline_version, dimension)| {
            (
                number,
                ModelStamp {
                    model_id,
                    profile,
                    precision,
                    pipeline_version,
                    dimension,
                },
            )
        },
    ))
}

/// The number of a stamp, where it was ever used.
pub(crate) async fn stamp_number(
    conn: &mut SqliteConnection,
    stamp: &ModelStamp,
) -> Result<Option<i64>, CatalogError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT stamp_no FROM stamps WHERE model_id = ? AND profile = ? AND precision = ? \
         AND pipeline_version = ? AND dimension = ?",
    )
    .bind(&stamp.model_id)
    .bind(&stamp.profile)
    .bind(&stamp.precision)
    .bind(stamp.pipeline_version)
    .bind(stamp.dimension)
    .fetch_optional(conn)
    .await
    .map_err(CatalogError::query("looking a model stamp up"))?;
    Ok(row.map(|(number,)| number))
}

/// The number of a stamp, given now where it is new. Errors: `UnknownModel`.
pub(crate) async fn ensure_stamp(
    write: &mut SqliteConnection,
    stamp: &ModelStamp,
) -> Result<i64, CatalogError> {
    if let Some(number) = stamp_number(write, stamp).await? {
        return Ok(number);
    }
    let (known,): (bool,) =
        sqlx::query_as("SELECT EXISTS (SELECT 1 FROM models WHERE model_id = ?)")
            .bind(&stamp.model_id)
            .fetch_one(&mut *write)
            .await
            .map_err(CatalogError::query("looking a model up"))?;
    if !known {
        return Err(CatalogError::UnknownModel {
            model_id: stamp.model_id.clone(),
        });
    }
    let inserted = sqlx::query(
        "INSERT INTO stamps (model_id, profile, precision, pipeline_version, dimension) \
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&stamp.model_id)
    .bind(&stamp.profile)
    .bind(&stamp.precision)
    .bind(stamp.pipeline_version)
    .bind(stamp.dimension)
    .execute(&mut *write)
    .await
    .map_err(CatalogError::query("noting a model stamp"))?;
    Ok(inserted.last_insert_rowid())
}

/// Makes this stamp the library's and no other.
pub(crate) async fn activate(
    write: &mut SqliteConnection,
    stamp_no: i64,
) -> Result<(), CatalogError> {
    // Two statements, because the index on the active stamp is checked row by row.
    sqlx::query("UPDATE stamps SET active = 0 WHERE active = 1")
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("changing the library's model"))?;
    sqlx::query("UPDATE stamps SET active = 1 WHERE stamp_no = ?")
        .bind(stamp_no)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("changing the library's model"))?;
    Ok(())
}
