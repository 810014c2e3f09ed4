//! skeleton
use crate::{EncoderError, Picture, PreprocessorConfig, Profile};

/// One picture to the model's input, `[3, size_px, size_px]` in row-major order.
///
/// # Errors
/// [`EncoderError::CheckPicture`].
pub fn preprocess(
    picture: &Picture<'_>,
    size_px: u32,
    _profile: Profile,
    _config: &PreprocessorConfig,
) -> Result<Vec<f32>, EncoderError> {
    picture.check()?;
    Ok(vec![0.0; 3 * (size_px as usize).pow(2)])
}
