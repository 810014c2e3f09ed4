//! One picture as the encoder takes it: an RGB buffer and its size, borrowed from whoever decoded it.

use crate::EncoderError;

/// An 8-bit RGB picture, interleaved, row by row from the top, without padding between rows.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Width in pixels, at least 1.
    pub width_px: u32,
    /// Height in pixels, at least 1.
    pub height_px: u32,
    /// `width_px * height_px * 3` bytes.
    pub rgb: &'a [u8],
}

impl Picture<'_> {
    /// Checks that the buffer has the size that width and height promise.
    ///
    /// # Errors
    /// [`EncoderError::CheckPicture`] for an empty picture or a buffer of another length.
    pub fn check(&self) -> Result<(), EncoderError> {
        let expected = u128::from(self.width_px) * u128::from(self.height_px) * 3;
        if expected == 0 || expected != self.rgb.len() as u128 {
            return Err(EncoderError::CheckPicture {
                width_px: self.width_px,
                height_px: self.height_px,
                length_bytes: self.rgb.len(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused() {
        let rgb = [0_u8; 12];
        assert!(
            Picture {
                width_px: 2,
                height_px: 2,
                rgb: &rgb
            }
            .check()
            .is_ok()
        );
        assert!(
            Picture {
                width_px: 2,
                height_px: 3,
                rgb: &rgb
            }
            .check()
            .is_err()
        );
        assert!(
            Picture {
                width_px: 0,
                height_px: 0,
                rgb: &[]
            }
            .check()
            .is_err()
        );
        assert!(
            Picture {
                width_px: u32::MAX,
                height_px: u32::MAX,
                rgb: &rgb
            }
            .check()
            .is_err()
        );
    }
}
