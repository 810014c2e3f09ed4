//! Pictures to the image tower, batch by batch: finished values on a CPU, 8-bit pixels to a GPU, where one batch is
//! prepared while another runs.

use std::panic::resume_unwind;

use ort::session::SessionInputValue;
use ort::value::Tensor;

use super::Encoder;
use crate::graph::{LEVELS, PIXELS, PixelInput};
use crate::preprocess::{Pixels, Preparation};
use crate::session::{Inputs, tensor};
use crate::{EncoderError, Tower};

impl Encoder {
    pub(super) fn encode_checked<P: Pixels>(
        &self,
        pictures: &[P],
    ) -> Result<Vec<Vec<f32>>, EncoderError> {
        let batches: Vec<&[P]> = pictures.chunks(self.batch_size()).collect();
        if self.input == PixelInput::Bytes {
            return self.run_staged(&batches);
        }
        let mut vectors = Vec::with_capacity(pictures.len());
        for batch in batches {
            vectors.extend(self.image.run(self.image_inputs(batch), batch.len())?);
        }
        Ok(vectors)
    }

    /// Runs pictures batch by batch, the next batch prepared while one runs.
    fn run_staged<P: Pixels>(&self, batches: &[&[P]]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let prepare = |batch: &&[P]| {
            let mut buffer = self.image.buffer(self.pixel_sides(batch.len()))?;
            let pixels = buffer.try_extract_tensor_mut::<u8>();
            let (_, pixels) = pixels.map_err(|source| EncoderError::RunSession {
                tower: Tower::Image,
                source,
            })?;
            self.preparation().write_pixels(batch, pixels);
            Ok::<_, EncoderError>(buffer)
        };
        let run = |buffer: &Tensor<u8>, count: usize| {
            let inputs = self.level_input();
            let inputs = inputs.map(|levels| vec![(PIXELS, buffer.into()), levels]);
            self.image.run(inputs, count)
        };
        let mut vectors = Vec::new();
        let mut prepared = batches.first().map(prepare).transpose()?;
        for (number, batch) in batches.iter().enumerate() {
            let Some(buffer) = prepared.take() else { break };
            let (ran, following) = std::thread::scope(|scope| {
                let next = batches.get(number + 1);
                let next = next.map(|next| scope.spawn(|| prepare(next)));
                let ran = run(&buffer, batch.len());
                let following = next.map(|next| next.join().unwrap_or_else(|e| resume_unwind(e)));
                (ran, following)
            });
            self.image.keep_buffer(buffer);
            vectors.extend(ran?);
            prepared = following.transpose()?;
        }
        Ok(vectors)
    }

    pub(super) fn preparation(&self) -> Preparation<'_> {
        Preparation {
            size_px: self.image_size_px,
            profile: self.options.profile,
            config: &self.preprocessor,
        }
    }

    fn pixel_sides(&self, count: usize) -> [i64; 4] {
        let side = i64::from(self.image_size_px);
        [count as i64, 3, side, side]
    }

    /// One batch as the image tower takes it.
    pub(super) fn image_inputs<P: Pixels>(&self, batch: &[P]) -> ort::Result<Inputs<'static>> {
        let (preparation, sides) = (self.preparation(), self.pixel_sides(batch.len()));
        Ok(match self.input {
            PixelInput::Values => {
                let values = preparation.values(batch, &self.levels);
                vec![(PIXELS, tensor(sides.to_vec(), values)?)]
            }
            PixelInput::Bytes => {
                let pixels = tensor(sides.to_vec(), preparation.pixels(batch))?;
                vec![(PIXELS, pixels), self.level_input()?]
            }
        })
    }

    fn level_input(&self) -> ort::Result<(&'static str, SessionInputValue<'static>)> {
        let levels = self.levels.concat();
        Ok((LEVELS, tensor(vec![levels.len() as i64], levels)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, EncoderOptions, Picture, Recipe, Runtime};

    fn demo(recipe: &str, input: PixelInput) -> Encoder {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
        let Recipe { profile, precision } = recipe.parse().unwrap();
        let options = EncoderOptions {
            profile,
            precision,
            batch_size: 3,
            intra_threads: 2,
            ..EncoderOptions::default()
        };
        let checkpoint = Checkpoint::open(&folder).unwrap();
        let runtime = Runtime::load(None).unwrap();
        Encoder::load_taking(input, &runtime, &checkpoint, &options).unwrap()
    }

    #[test]
    fn profiles_share_the_towers_of_a_model() {
        let [train, hf] = ["train", "hf"].map(|recipe| demo(recipe, PixelInput::Values));
        for encoder in [&train, &hf] {
            encoder.load_tower(Tower::Image).unwrap();
        }
        assert!(train.image.shares_with(&hf.image));
        assert!(!train.image.shares_with(&hf.text));
        // The text tower of the other has not been asked for, and so nobody holds it for him.
        train.load_tower(Tower::Text).unwrap();
        assert!(!train.text.shares_with(&hf.text));
        hf.load_tower(Tower::Text).unwrap();
        assert!(train.text.shares_with(&hf.text));
    }

    /// What a GPU is given, on a CPU: 8-bit pixels, prepared in buffers by turns.
    #[test]
    fn pixels_of_8_bit_give_to_the_bit_what_finished_values_give() {
        let drawn: Vec<Vec<u8>> = (0..8_usize)
            .map(|seed| {
                (0..50 * 40 * 3)
                    .map(|at| (at * (seed + 3) % 251) as u8)
                    .collect()
            })
            .collect();
        let borrow = |rgb| Picture {
            width_px: 50,
            height_px: 40,
            rgb,
        };
        let pictures: Vec<_> = drawn.iter().map(Vec::as_slice).map(borrow).collect();
        for recipe in ["train", "hf", "train-int8", "hf-f16"] {
            let plain = demo(recipe, PixelInput::Values);
            let staged = demo(recipe, PixelInput::Bytes);
            staged.warm_up(3).unwrap();
            // Three batches, the last of two; then one, then none.
            for count in [8, 1, 8, 0, 3] {
                let pictures = &pictures[..count];
                let wanted = plain.encode_images(pictures).unwrap();
                assert_eq!(staged.encode_images(pictures).unwrap(), wanted, "{recipe}");
                for encoder in [&plain, &staged] {
                    let ready = encoder.ready_images(pictures).unwrap();
                    assert_eq!(encoder.run_ready(&ready).unwrap(), wanted, "{recipe}");
                }
            }
            let seen = |encoder: &Encoder| encoder.encode_patches(&pictures[0]).unwrap();
            assert_eq!(seen(&staged), seen(&plain), "{recipe}");
            std::thread::scope(|scope| {
                for first in 0..4 {
                    let (plain, staged, pictures) = (&plain, &staged, &pictures[first..]);
                    scope.spawn(move || {
                        let wanted = plain.encode_images(pictures).unwrap();
                        assert_eq!(staged.encode_images(pictures).unwrap(), wanted);
                    });
                }
            });
        }
    }
}
