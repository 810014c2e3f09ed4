//! Does the model still give the vectors that it gave when it was added? One picture and one text per model, recorded in
//! `models/self-checks` of the data folder (those of the demo model are part of the program), held against what this
//! machine makes of them today. A model that fails is not used: a library is better without new vectors than with wrong ones.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use casekin_catalog::NewModel;
use casekin_encoder::{
    Agreement, Checkpoint, Encoder, ModelId, Recipe, SelfCheckRecord, SelfCheckVector, Tower,
};
use serde::Serialize;

use crate::convert::model_summary;
use crate::encoding::{EncoderSlot, LooseEncoder, chain};
use crate::error::EngineError;
use crate::library::Library;
use crate::records::WorkerMeasure;
use crate::worker::WorkerEncoder;

/// A model of at most so much is checked before a service listens; a larger one while it already does.
const CHECKED_AT_ONCE_BYTES: u64 = 64 << 20;

/// Held while a record is read and written, so that no vector of it is lost.
static RECORDING: Mutex<()> = Mutex::new(());

/// What a check of a model found.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCheck {
    /// Id of the model.
    pub model_id: String,
    /// Tensors of its weights, all that its configuration asks for among them.
    pub tensors: usize,
    /// Whether every value of them was read and is a finite number.
    pub values_read: bool,
    /// Preprocessing profile of the picture.
    pub profile: String,
    /// Arithmetic.
    pub precision: String,
    /// Version of ONNX Runtime.
    pub runtime_version: String,
    /// The library that was loaded.
    pub runtime_path: PathBuf,
    /// Provider that runs both towers.
    pub provider: String,
    /// What each tower did.
    pub towers: Vec<TowerCheck>,
    /// How long it took.
    pub took_ms: u64,
}

/// What a check of one tower found. Its vector was finite, of length 1 and the same twice.
#[derive(Clone, Debug, Serialize)]
pub struct TowerCheck {
    /// The tower.
    pub tower: Tower,
    /// How near the vector is to the recorded one; none where it was recorded just now.
    pub agreement: Option<Agreement>,
    /// What made the recorded vector.
    pub recorded_by: String,
}

/// The folder of recorded vectors.
#[derive(Clone, Debug)]
struct Records(PathBuf);

impl Records {
    fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("models").join("self-checks"))
    }

    fn file(&self, model_id: &ModelId) -> PathBuf {
        self.0.join(format!("{model_id}.json"))
    }

    /// What is recorded here of the model. What an older version recorded of another picture is no measure.
    fn read(&self, model_id: &ModelId) -> Result<SelfCheckRecord, EngineError> {
        let (file, empty) = (self.file(model_id), SelfCheckRecord::new(model_id.clone()));
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(empty),
            Err(error) => return Err(EngineError::io("read the self-check vectors", error)),
        };
        let record: SelfCheckRecord =
            serde_json::from_slice(&bytes).map_err(|source| EngineError::ReadSelfCheck {
                file: file.display().to_string(),
                source,
            })?;
        let usable = record.is_current() && record.model_id == *model_id;
        Ok(if usable { record } else { empty })
    }

    fn write(&self, record: &SelfCheckRecord) -> Result<(), EngineError> {
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.0)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            serde_json::to_writer(&mut file, record)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(self.file(&record.model_id))?;
            Ok(())
        };
        write().map_err(|source| EngineError::io("keep the self-check vectors", source))
    }

    /// What the model is held to here: what is shipped with the program first, then what is recorded.
    fn known(&self, model_id: &ModelId) -> Result<SelfCheckRecord, EngineError> {
        let recorded = self.read(model_id)?;
        let shipped = SelfCheckRecord::shipped(model_id);
        let mut known = shipped.unwrap_or_else(|| SelfCheckRecord::new(model_id.clone()));
        known.vectors.extend(recorded.vectors);
        Ok(known)
    }

    /// Holds a vector against the recorded one, or records it.
    fn check(&self, id: &ModelId, made: SelfCheckVector) -> Result<TowerCheck, EngineError> {
        let against = |kept: &SelfCheckVector| {
            Ok::<_, EngineError>(TowerCheck {
                tower: made.tower,
                agreement: Some(kept.compare(&made)?),
                recorded_by: kept.made_by.clone(),
            })
        };
        let shipped = SelfCheckRecord::shipped(id);
        if let Some(kept) = shipped.as_ref().and_then(|record| record.like(&made)) {
            return against(kept);
        }
        let _recording = RECORDING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.read(id)?;
        if let Some(kept) = record.like(&made) {
            return against(kept);
        }
        let (tower, recorded_by) = (made.tower, made.made_by.clone());
        record.vectors.push(made);
        self.write(&record)?;
        Ok(TowerCheck {
            tower,
            agreement: None,
            recorded_by,
        })
    }
}

/// How much of a model is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every value of the weights is read.
    Whole,
    /// The towers alone; the text tower is put away again, so that what no question has asked for takes no memory.
    Sparing,
}

/// Checks the model of a slot. Blocks.
fn check(
    slot: &EncoderSlot,
    model_id: &str,
    records: &Records,
    depth: Depth,
) -> Result<ModelCheck, EngineError> {
    let begun = Instant::now();
    let id: ModelId = model_id.parse()?;
    let checkpoint = Checkpoint::open(slot.dir())?;
    if depth == Depth::Whole {
        checkpoint.check_values(&mut |_, _| ())?;
    }
    let encoder: &Encoder = slot.encoder()?;
    let text = match depth {
        Depth::Whole => encoder.self_check(Tower::Text)?,
        Depth::Sparing => slot.another()?.self_check(Tower::Text)?,
    };
    let image = encoder.self_check(Tower::Image)?;
    let (profile, precision) = (
        image.profile.clone().unwrap_or_default(),
        image.precision.clone(),
    );
    let towers = vec![records.check(&id, image)?, records.check(&id, text)?];
    Ok(ModelCheck {
        model_id: model_id.to_owned(),
        tensors: checkpoint.tensor_count(),
        values_read: depth == Depth::Whole,
        profile,
        precision,
        runtime_version: encoder.runtime().version().to_owned(),
        runtime_path: encoder.runtime().path().to_owned(),
        provider: encoder.provider().to_owned(),
        towers,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// What the image tower of a model is held to before its vectors are kept. The text tower is left alone: it is the larger
/// part of a model, and nothing that it makes is kept.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// What the library that the vectors are for has recorded, where that is another machine's.
    handed: Option<SelfCheckRecord>,
    records: Records,
}

impl Measure {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            handed: None,
            records: Records::of(data_dir),
        }
    }

    pub(crate) fn handed(record: SelfCheckRecord, data_dir: &Path) -> Self {
        Self {
            handed: Some(record),
            ..Self::of(data_dir)
        }
    }

    fn hold(&self, slot: &EncoderSlot, model_id: &str) -> Result<(), EngineError> {
        let id: ModelId = model_id.parse()?;
        let made = slot.encoder()?.self_check(Tower::Image)?;
        // A record of another version's picture is no measure, and nor is one of another model.
        let handed = self
            .handed
            .as_ref()
            .filter(|record| record.is_current() && record.model_id == id);
        match handed.and_then(|record| record.like(&made)) {
            Some(kept) => kept.compare(&made).map(|_| ())?,
            None => self.records.check(&id, made).map(|_| ())?,
        }
        Ok(())
    }
}

impl WorkerEncoder {
    /// Loads the image tower and holds it to what it must give, once. Blocks.
    ///
    /// # Errors
    /// [`EngineError::SelfCheckFailed`], from then on; [`EngineError::NoEncoder`] where it cannot be run here.
    pub fn check(&self) -> Result<(), EngineError> {
        self.slot.check_once(|| {
            self.measure.hold(&self.slot, &self.model_id)?;
            self.slot.warm_up();
            Ok(())
        })
    }
}

impl LooseEncoder {
    /// Checks the model: its tensors, their values, and both towers against the vectors recorded under `data_dir`, where
    /// those that are missing are recorded. Blocks.
    ///
    /// # Errors
    /// What is wrong, by file and tensor or by tower; [`EngineError::NoEncoder`] where it cannot be run here.
    pub fn verify(&self, data_dir: &Path) -> Result<ModelCheck, EngineError> {
        check(
            self.slot(),
            self.model_id(),
            &Records::of(data_dir),
            Depth::Whole,
        )
    }
}

impl Library {
    /// Checks the model that serves, as a service does when it starts, and says in the log what came of it. A small
    /// model is checked when this returns, a large one in the background. A model that fails is not used from then on:
    /// words are still searched, and whoever asks for more is told why.
    pub async fn self_check_at_start(&self) {
        let serving = self.inner.serving();
        let (slot, model) = (Arc::clone(&serving.encoder), serving.model.clone());
        let records = Records::of(&self.inner.data_dir);
        let large = match Checkpoint::open(slot.dir()) {
            Ok(checkpoint) => checkpoint.weight_bytes() > CHECKED_AT_ONCE_BYTES,
            Err(_) => false,
        };
        let depth = if large { Depth::Sparing } else { Depth::Whole };
        let checked = tokio::task::spawn_blocking(move || {
            let found = check(&slot, &model.model_id, &records, depth);
            if found.is_ok() {
                slot.warm_up();
            }
            tell(&model.name, &slot, &found);
        });
        if !large && let Err(error) = checked.await {
            tracing::error!(%error, "the self-check of the model broke off");
        }
    }

    /// What workers on other machines hold their model to. What is not recorded yet is made here, where it can be.
    ///
    /// # Errors
    /// Those of the model's self-check on this machine.
    pub async fn worker_measure(&self) -> Result<WorkerMeasure, EngineError> {
        let serving = self.inner.serving();
        let (records, own) = (Records::of(&self.inner.data_dir), self.worker_encoder());
        let self_check = tokio::task::spawn_blocking(move || {
            let id: ModelId = own.model_id.parse()?;
            let known = records.known(&id)?;
            let recipe: Recipe = own.profile.parse()?;
            let profile = Some(recipe.profile.to_string());
            if known.vectors.iter().any(|vector| vector.profile == profile) {
                return Ok(known);
            }
            // Made now even where the model has passed before: its record may have been deleted since.
            match own.measure.hold(&own.slot, &own.model_id) {
                Ok(()) => records.known(&id),
                // Then the first worker's vector is the measure of its own later runs.
                Err(EngineError::NoEncoder { .. }) => Ok(known),
                Err(error) => Err(error),
            }
        });
        Ok(WorkerMeasure {
            model: model_summary(&serving.model, &serving.stamp.profile),
            self_check: self_check.await??,
        })
    }

    /// Checks a model before it is added. Where no model can be run at all it is added unchecked.
    pub(crate) async fn self_check_of_new(&self, new: &NewModel) -> Result<(), EngineError> {
        let (config, records) = (
            self.inner.config.encoder.clone(),
            Records::of(&self.inner.data_dir),
        );
        let (dir, model_id) = (PathBuf::from(&new.dir), new.model_id.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let profile = config.profile.clone();
            let slot = EncoderSlot::new(dir, config, profile);
            check(&slot, &model_id, &records, Depth::Whole)
        });
        match checked.await? {
            Err(EngineError::NoEncoder { reason }) => {
                tracing::warn!(%reason, "the model was not run; its self-check vectors are recorded later");
                Ok(())
            }
            checked => checked.map(|_| ()),
        }
    }
}

fn tell(model: &str, slot: &EncoderSlot, found: &Result<ModelCheck, EngineError>) {
    match found {
        Ok(found) => {
            slot.passed();
            let cosines = found.towers.iter().filter_map(|tower| tower.agreement);
            let cosine = cosines
                .map(|agreement| agreement.cosine)
                .fold(1.0, f64::min);
            let recorded = found.towers.iter().any(|tower| tower.agreement.is_none());
            tracing::info!(
                model,
                least_cosine = %format_args!("{cosine:.6}"),
                recorded,
                onnxruntime = %found.runtime_version,
                provider = %found.provider,
                took_ms = found.took_ms,
                "the model gives its self-check vectors"
            );
        }
        // It could not be loaded; every question by picture says so, with what to do.
        Err(error @ EngineError::NoEncoder { .. }) => {
            tracing::warn!(model, error = %chain(error), "the model cannot be run, so it was not checked");
        }
        Err(error) => {
            let reason = chain(error);
            tracing::error!(model, error = %reason, "the model failed its self-check and is not used");
            slot.refuse(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> SelfCheckVector {
        SelfCheckVector {
            tower: Tower::Text,
            profile: None,
            precision: "f32".into(),
            made_by: "a test".into(),
            vector: values.to_vec(),
        }
    }

    #[test]
    fn a_vector_is_recorded_once_and_held_to_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let (records, id) = (Records::of(dir.path()), "7".repeat(64).parse().unwrap());
        let first = records.check(&id, vector(&[0.6, 0.8])).unwrap();
        assert_eq!(first.agreement, None);
        let again = records.check(&id, vector(&[0.600_01, 0.8])).unwrap();
        assert!(again.agreement.unwrap().cosine > 0.99999);
        let error = records
            .check(&id, vector(&[0.8, 0.6]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("text tower") && error.contains("a test") && error.contains("restore"),
            "{error}"
        );
        let mut picture = vector(&[1.0, 0.0]);
        (picture.tower, picture.profile) = (Tower::Image, Some("hf".into()));
        assert_eq!(records.check(&id, picture).unwrap().agreement, None);
        assert_eq!(records.read(&id).unwrap().vectors.len(), 2);
    }

    #[test]
    fn a_damaged_record_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let (records, id): (_, ModelId) =
            (Records::of(dir.path()), "7".repeat(64).parse().unwrap());
        records.check(&id, vector(&[1.0])).unwrap();
        std::fs::write(records.file(&id), "{").unwrap();
        let error = records.check(&id, vector(&[1.0])).unwrap_err().to_string();
        assert!(error.contains("delete that file"), "{error}");
    }
}
