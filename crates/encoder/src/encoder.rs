//! Pictures and words to vectors: preprocessing or tokenising, batches, the two towers.
//! Never logs a text or a picture.

mod batches;

use std::sync::Arc;

use crate::graph::{IDS, PixelInput};
use crate::launch::Launch;
use crate::preprocess::{Levels, Preparation};
use crate::ready::{Ready, Values};
use crate::session::{Inputs, TowerSession, tensor};
use crate::tokens::TextTokenizer;
use crate::{
    Checkpoint, Device, EncoderError, Picture, Precision, PreprocessorConfig, Profile, Runtime,
    Samples, Tower,
};

/// How to run an encoder.
#[derive(Debug, Clone)]
pub struct EncoderOptions {
    /// The processor.
    pub device: Device,
    /// The preprocessing of pictures.
    pub profile: Profile,
    /// The arithmetic of the image tower.
    pub precision: Precision,
    /// Threads of one run; 0 means as many as this process may use: its cores, or its cgroup's CPU quota where that is less.
    pub intra_threads: usize,
    /// Pictures or texts per run; 0 counts as 1. On a CPU a batch is no faster than its pictures one by one;
    /// MedSigLIP takes about 0.2 GB of working memory for each (measured: 0.5 GB for one, 0.75 GB for four).
    pub batch_size: usize,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            profile: Profile::Train,
            precision: Precision::F32,
            intra_threads: 0,
            batch_size: 4,
        }
    }
}

/// One picture as the image tower sees it: its vector and its patches.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// The picture's vector, as [`Encoder::encode_images`] gives it: length 1, [`Encoder::dimension`] values.
    pub vector: Vec<f32>,
    /// The patches as they leave the last norm (`last_hidden_state` of transformers), not normalised:
    /// `rows * columns * dimension` values, patch by patch, row by row from the top left. They lie in the tower's inner
    /// space, before the pooling head: compare them with patches, not with vectors of texts.
    pub tokens: Vec<f32>,
    /// Patches from top to bottom.
    pub rows: u32,
    /// Patches from left to right. The grid covers the square that the model saw: under [`Profile::Train`] the
    /// picture lies centred in it with black bars, under [`Profile::Hf`] it is squashed to fill it.
    pub columns: u32,
}

/// A checkpoint on a device, ready to encode. `Send + Sync`: share it in an [`Arc`]. The calls block; one tower runs
/// one batch at a time, and the two towers do not wait for each other. Encoders of the same files, device, threads and
/// arithmetic share their towers, whatever their profile: the weights are in memory once, and their batches take turns.
/// ONNX Runtime maps model.safetensors into memory: replace that file by another (rename), never write into it, while a
/// process has it loaded.
pub struct Encoder {
    image: TowerSession,
    text: TowerSession,
    tokenizer: Arc<TextTokenizer>,
    preprocessor: PreprocessorConfig,
    /// What the image tower sees for every 8-bit value of a channel.
    levels: Levels<f32>,
    input: PixelInput,
    options: EncoderOptions,
    image_size_px: u32,
    grid_side: u32,
    dimension: usize,
}

impl Encoder {
    /// Prepares both towers; each is loaded at its first use, or by [`Self::load_tower`].
    ///
    /// # Errors
    /// [`EncoderError::UseCuda`] where CUDA is asked for and cannot be had; [`EncoderError::UsePrecision`] where the device
    /// has no such arithmetic.
    pub fn load(
        runtime: &Runtime,
        checkpoint: &Checkpoint,
        options: &EncoderOptions,
    ) -> Result<Self, EncoderError> {
        Self::load_taking(PixelInput::on(options.device), runtime, checkpoint, options)
    }

    fn load_taking(
        input: PixelInput,
        runtime: &Runtime,
        checkpoint: &Checkpoint,
        options: &EncoderOptions,
    ) -> Result<Self, EncoderError> {
        let launch = Launch {
            runtime: runtime.clone(),
            weights: Arc::clone(&checkpoint.weights),
            device: options.device,
            intra_threads: options.intra_threads,
        };
        options.precision.check_on(options.device)?;
        launch.check_device()?;
        let image = checkpoint.image_graph(options.precision, input)?;
        let dimension = checkpoint.dimension();
        let preparation = Preparation {
            size_px: checkpoint.image_size_px(),
            profile: options.profile,
            config: checkpoint.preprocessor(),
        };
        Ok(Self {
            image: TowerSession::new(Tower::Image, image, dimension, launch.clone()),
            text: TowerSession::new(
                Tower::Text,
                checkpoint.text_graph.clone(),
                dimension,
                launch,
            ),
            tokenizer: Arc::clone(&checkpoint.tokenizer),
            preprocessor: checkpoint.preprocessor().clone(),
            levels: preparation.levels(),
            input,
            options: options.clone(),
            image_size_px: checkpoint.image_size_px(),
            grid_side: checkpoint.grid_side(),
            dimension,
        })
    }

    /// Loads one tower now, so that the first query need not wait for it.
    ///
    /// # Errors
    /// [`EncoderError::StartSession`]; [`EncoderError::RecheckWeights`] if the weights changed since they were opened.
    pub fn load_tower(&self, tower: Tower) -> Result<(), EncoderError> {
        match tower {
            Tower::Image => self.image.start(),
            Tower::Text => self.text.start(),
        }
    }

    /// Whether a tower has been loaded, by its first use or by [`Self::load_tower`]: from then on its weights take memory.
    /// Does not wait for what runs.
    #[must_use]
    pub fn is_loaded(&self, tower: Tower) -> bool {
        match tower {
            Tower::Image => self.image.is_loaded(),
            Tower::Text => self.text.is_loaded(),
        }
    }

    /// Loads the image tower and runs it once over so many black pictures, but no more than the batch size, so that the
    /// first question does not pay for what a first run of that many costs: memory, and on a GPU the choice of kernels.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    pub fn warm_up(&self, batch: usize) -> Result<(), EncoderError> {
        let count = batch.clamp(1, self.batch_size());
        let black = vec![0; self.preparation().picture_values()];
        self.encode_checked(&vec![Ready(Values::Pixels(black)); count])
            .map(|_| ())
    }

    /// One vector of length 1 and [`Self::dimension`] values per picture, in order.
    ///
    /// # Errors
    /// [`EncoderError::CheckPicture`] before anything is run; [`EncoderError::RunSession`]; those of [`Self::load_tower`].
    pub fn encode_images(&self, pictures: &[Picture<'_>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        pictures.iter().try_for_each(Picture::check)?;
        self.encode_checked(pictures)
    }

    /// As [`Self::encode_images`], of pictures whose samples have not been made colours yet.
    ///
    /// # Errors
    /// [`EncoderError::CheckSamples`] before anything is run; otherwise as [`Self::encode_images`].
    pub fn encode_samples(&self, pictures: &[Samples<'_>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        pictures.iter().try_for_each(Samples::check)?;
        self.encode_checked(pictures)
    }

    /// Makes pictures ready for [`Self::run_ready`]: all the work that needs no tower, on the caller's own thread.
    ///
    /// # Errors
    /// [`EncoderError::CheckPicture`].
    pub fn ready_images(&self, pictures: &[Picture<'_>]) -> Result<Vec<Ready>, EncoderError> {
        pictures.iter().try_for_each(Picture::check)?;
        let preparation = self.preparation();
        let prepare = |picture| Ready(Values::Pixels(preparation.pixels(&[picture])));
        Ok(pictures.iter().copied().map(prepare).collect())
    }

    /// Makes texts ready for [`Self::run_ready`].
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`].
    pub fn ready_texts(&self, texts: &[&str]) -> Result<Vec<Ready>, EncoderError> {
        let prepare = |text: &&str| Ok(Ready(Values::Ids(self.tokenizer.encode(text)?)));
        texts.iter().map(prepare).collect()
    }

    /// One vector of length 1 per input, in order. Inputs of one tower are run together, in batches of the batch size.
    ///
    /// # Errors
    /// [`EncoderError::RunSession`]; those of [`Self::load_tower`].
    pub fn run_ready(&self, inputs: &[Ready]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let mut vectors = Vec::with_capacity(inputs.len());
        for same in inputs.chunk_by(|a, b| a.tower() == b.tower()) {
            match same[0].tower() {
                Tower::Image => {
                    let values = self.preparation().picture_values();
                    if !same.iter().all(|ready| ready.has_values(values)) {
                        let source = ort::Error::new("a picture was made ready for another size");
                        let tower = Tower::Image;
                        return Err(EncoderError::RunSession { tower, source });
                    }
                    vectors.extend(self.encode_checked(same)?);
                }
                Tower::Text => {
                    for batch in same.chunks(self.batch_size()) {
                        let ids: Vec<&[i64]> = batch.iter().map(Ready::ids).collect();
                        let inputs = text_inputs(ids.concat(), batch.len());
                        vectors.extend(self.text.run(inputs, batch.len())?);
                    }
                }
            }
        }
        Ok(vectors)
    }

    /// The vector of one picture and the tokens of its patches, in one run. Costs what [`Self::encode_images`] costs and
    /// one copy of the tokens (4.7 MB for MedSigLIP); no second model is loaded for it.
    ///
    /// # Errors
    /// As [`Self::encode_images`]; [`EncoderError::CheckOutput`] where a token is not finite.
    pub fn encode_patches(&self, picture: &Picture<'_>) -> Result<Patches, EncoderError> {
        picture.check()?;
        let inputs = self.image_inputs(&[*picture]);
        let (rows, columns) = (self.grid_side, self.grid_side);
        let count = rows as usize * columns as usize;
        let (vector, tokens) = self.image.run_with_patches(inputs, count)?;
        Ok(Patches {
            vector,
            tokens,
            rows,
            columns,
        })
    }

    /// One vector of length 1 and [`Self::dimension`] values per text, in order. What goes beyond the checkpoint's text
    /// length (64 tokens for MedSigLIP) is cut off.
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`]; [`EncoderError::RunSession`]; those of [`Self::load_tower`].
    pub fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(self.batch_size()) {
            let mut ids = Vec::new();
            for text in batch {
                ids.extend(self.tokenizer.encode(text)?);
            }
            let count = batch.len();
            vectors.extend(self.text.run(text_inputs(ids, count), count)?);
        }
        Ok(vectors)
    }

    /// The ids that a text becomes, end mark and padding included.
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`].
    pub fn token_ids(&self, text: &str) -> Result<Vec<i64>, EncoderError> {
        self.tokenizer.encode(text)
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The preprocessing profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.options.profile
    }

    /// The device that both towers run on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// The arithmetic of the image tower.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.options.precision
    }

    /// The provider of ONNX Runtime that runs both towers; there is no falling back to another.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        match self.options.device {
            Device::Cpu => "CPUExecutionProvider",
            Device::Cuda { .. } => "CUDAExecutionProvider",
        }
    }

    /// The ONNX Runtime that runs both towers.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        self.image.runtime()
    }

    /// What made a vector, for a person.
    pub(crate) fn made_by(&self) -> String {
        let (version, provider) = (self.runtime().version(), self.provider());
        format!(
            "ONNX Runtime {version}, {provider}, {}",
            self.options.precision
        )
    }

    /// In 8 bit a run has one scale for all that is in it, so a picture is run alone: its vector is its own.
    fn batch_size(&self) -> usize {
        match self.options.precision {
            Precision::F32 | Precision::F16 | Precision::Bf16 => self.options.batch_size.max(1),
            Precision::Int8 => 1,
        }
    }
}

fn text_inputs(ids: Vec<i64>, count: usize) -> ort::Result<Inputs<'static>> {
    let shape = vec![count as i64, (ids.len() / count) as i64];
    Ok(vec![(IDS, tensor(shape, ids)?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_may_share_an_encoder() {
        fn shared<T: Send + Sync>() {}
        shared::<Encoder>();
        shared::<Checkpoint>();
        shared::<Runtime>();
    }
}
