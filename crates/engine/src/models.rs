//! The library's models: which there are, which serves, and whether their files are still what they were.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use casekin_catalog::{Catalog, NewModel};
use casekin_encoder::{Checkpoint, Recipe};
use casekin_index::{Stamp, VectorLog};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::config::EngineConfig;
use crate::convert::{model_summary, to_catalog_stamp, to_index_stamp};
use crate::error::EngineError;
use crate::library::{Library, open_serving};
use crate::records::ModelRecord;

/// Name under which the built-in model is listed.
pub(crate) const DEMO_NAME: &str = "casekin demo model";

/// The demo model's files, inside the binary.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../encoder/demo-model/"]
#[include = "config.json"]
#[include = "model.safetensors"]
#[include = "tokenizer.json"]
#[include = "preprocessor_config.json"]
struct DemoModel;

/// The active model of the library; an empty library gets the demo model.
pub(crate) async fn active_or_demo(
    data_dir: &Path,
    catalog: &Catalog,
    config: &EngineConfig,
) -> Result<(casekin_catalog::ModelRecord, Stamp), EngineError> {
    if let Some((model, stamp)) = catalog.active_model().await? {
        // A data folder may have been moved: the demo model's files are found beside it wherever it is.
        let model = if model.demo {
            refreshed_demo(data_dir, model)?
        } else {
            model
        };
        return Ok((model, to_index_stamp(&stamp)));
    }
    let dir = unpack_demo(data_dir)?;
    let new = describe(&dir, DEMO_NAME, true)?;
    let stamp = stamp_of(&new, &config.encoder.profile)?;
    catalog.register_model(new.clone()).await?;
    catalog.set_active(&to_catalog_stamp(&stamp)).await?;
    let model = catalog.active_model().await?.map(|(model, _)| model);
    model
        .map(|model| (model, stamp))
        .ok_or(EngineError::NoSuchModel {
            name: DEMO_NAME.into(),
        })
}

fn refreshed_demo(
    data_dir: &Path,
    model: casekin_catalog::ModelRecord,
) -> Result<casekin_catalog::ModelRecord, EngineError> {
    if Path::new(&model.dir).join("model.safetensors").exists() {
        return Ok(model);
    }
    let dir = unpack_demo(data_dir)?;
    if Checkpoint::open(&dir)?.model_id()?.as_str() != model.model_id {
        return Err(EngineError::ModelChanged { name: model.name });
    }
    Ok(casekin_catalog::ModelRecord {
        dir: dir.to_string_lossy().into_owned(),
        ..model
    })
}

/// Writes the demo model's files into the data folder, under a name that changes with their bytes.
pub(crate) fn unpack_demo(data_dir: &Path) -> Result<PathBuf, EngineError> {
    let mut hasher = Sha256::new();
    for name in DemoModel::iter() {
        if let Some(file) = DemoModel::get(&name) {
            hasher.update(file.metadata.sha256_hash());
        }
    }
    let digest = hex::encode(hasher.finalize());
    let dir = data_dir
        .join("models")
        .join(format!("demo-{}", &digest[..12]));
    if dir.join("complete").exists() {
        return Ok(dir);
    }
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&dir)?;
        for name in DemoModel::iter() {
            if let Some(file) = DemoModel::get(&name) {
                std::fs::write(dir.join(name.as_ref()), &file.data)?;
            }
        }
        std::fs::write(dir.join("complete"), b"")
    };
    write().map_err(|source| EngineError::io("unpack the demo model", source))?;
    Ok(dir)
}

fn describe(dir: &Path, name: &str, demo: bool) -> Result<NewModel, EngineError> {
    let checkpoint = Checkpoint::open(dir)?;
    Ok(NewModel {
        model_id: checkpoint.model_id()?.as_str().to_owned(),
        name: name.to_owned(),
        dir: dir.to_string_lossy().into_owned(),
        dimension: checkpoint.dimension() as u32,
        demo,
    })
}

fn stamp_of(model: &NewModel, profile: &str) -> Result<Stamp, EngineError> {
    let recipe: Recipe = profile.parse()?;
    Ok(Stamp {
        model_id: model.model_id.clone(),
        profile: recipe.to_string(),
        precision: recipe.precision.to_string(),
        pipeline_version: casekin_imaging::PIPELINE_VERSION,
        dimension: model.dimension,
    })
}

impl Library {
    /// Models of this library, the active one first.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn models(&self) -> Result<Vec<ModelRecord>, EngineError> {
        let serving = self.inner.serving();
        let vectors = self.inner.catalog.vector_count().await?;
        let mut models: Vec<ModelRecord> = self
            .inner
            .catalog
            .models()
            .await?
            .iter()
            .map(|model| ModelRecord {
                dir: Some(model.dir.clone()),
                summary: model_summary(model, &serving.stamp.profile),
                dimension: model.dimension,
                active: model.active,
                vectors: if model.active { vectors } else { 0 },
            })
            .collect();
        models.sort_by_key(|model| !model.active);
        Ok(models)
    }

    /// Adds the checkpoint in `dir`: checks and hashes it, and records its self-check vectors. It becomes the library's model when no picture has been
    /// encoded yet; otherwise the error names `casekin reencode`, and the model is listed all the same.
    ///
    /// # Errors
    /// [`EngineError::ModelNeedsReencode`], or an error of the checkpoint.
    pub async fn add_model(&self, dir: &Path) -> Result<ModelRecord, EngineError> {
        let dir = dir
            .canonicalize()
            .map_err(|source| EngineError::io("find the model's folder", source))?;
        let name = dir.file_name().map_or_else(
            || "model".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let new = tokio::task::spawn_blocking({
            let (dir, name) = (dir.clone(), name.clone());
            move || describe(&dir, &name, false)
        })
        .await??;
        self.self_check_of_new(&new).await?;
        self.inner.catalog.register_model(new.clone()).await?;
        let _changing = self.inner.model_change.write().await;
        let serving = self.inner.serving();
        let vectors = self.inner.catalog.vector_count().await?;
        if serving.model.model_id != new.model_id {
            if vectors > 0 {
                let active = serving.model.name.clone();
                return Err(EngineError::ModelNeedsReencode {
                    active,
                    name,
                    vectors,
                });
            }
            self.activate(&new).await?;
        }
        let serving = self.inner.serving();
        Ok(ModelRecord {
            dir: None,
            summary: model_summary(&serving.model, &serving.stamp.profile),
            dimension: serving.stamp.dimension,
            active: true,
            vectors,
        })
    }

    async fn activate(&self, new: &NewModel) -> Result<(), EngineError> {
        let stamp = stamp_of(new, &self.inner.config.encoder.profile)?;
        self.inner
            .catalog
            .set_active(&to_catalog_stamp(&stamp))
            .await?;
        let log = Arc::new(VectorLog::open(
            &self.inner.data_dir.join("vectors"),
            &stamp,
        )?);
        self.serve_active(log).await
    }

    /// Serves what the catalog calls active, from its vector log. The caller holds `model_change`.
    pub(crate) async fn serve_active(&self, log: Arc<VectorLog>) -> Result<(), EngineError> {
        let Some((model, _)) = self.inner.catalog.active_model().await? else {
            return Err(EngineError::NoSuchModel {
                name: DEMO_NAME.into(),
            });
        };
        let applying = self.inner.applying.lock().await;
        let serving = open_serving(&self.inner.data_dir, &self.inner.config, model, log)?;
        self.inner.serve(serving);
        drop(applying);
        crate::projection::catch_up(&self.inner).await?;
        crate::projection::flush(&self.inner).await
    }

    /// Hashes a model's files again.
    ///
    /// # Errors
    /// [`EngineError::ModelChanged`] when they are no longer what was added; [`EngineError::NoSuchModel`].
    pub async fn verify_model(&self, name: Option<&str>) -> Result<ModelRecord, EngineError> {
        let model = self.model_named(name).await?;
        let dir = PathBuf::from(&model.dir);
        let found =
            tokio::task::spawn_blocking(move || Checkpoint::open(&dir)?.model_id()).await??;
        if found.as_str() != model.model_id {
            return Err(EngineError::ModelChanged { name: model.name });
        }
        let records = self.models().await?;
        let verified = records
            .into_iter()
            .find(|record| record.summary.id == model.model_id);
        let record = verified.ok_or(EngineError::NoSuchModel { name: model.name })?;
        Ok(ModelRecord {
            dir: None,
            ..record
        })
    }

    pub(crate) async fn model_named(
        &self,
        name: Option<&str>,
    ) -> Result<casekin_catalog::ModelRecord, EngineError> {
        let models = self.inner.catalog.models().await?;
        let found = match name {
            None => models.into_iter().find(|model| model.active),
            Some(name) => models.into_iter().rev().find(|model| {
                model.name == name || (name.len() >= 8 && model.model_id.starts_with(name))
            }),
        };
        found.ok_or_else(|| EngineError::NoSuchModel {
            name: name.unwrap_or("active").to_owned(),
        })
    }

    pub(crate) fn stamp_for(
        &self,
        model: &casekin_catalog::ModelRecord,
        profile: &str,
    ) -> Result<Stamp, EngineError> {
        let new = NewModel {
            model_id: model.model_id.clone(),
            name: model.name.clone(),
            dir: model.dir.clone(),
            dimension: model.dimension,
            demo: model.demo,
        };
        stamp_of(&new, profile)
    }
}
