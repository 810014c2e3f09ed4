//! Stored values: what PixelData holds after decompression, before any look-up table.

/// Values of one frame, interleaved when there are three samples per pixel.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Bits Allocated 1 or 8, unsigned.
    U8(Vec<u8>),
    /// Bits Allocated 8, signed.
    I8(Vec<i8>),
    /// Bits Allocated 16, unsigned.
    U16(Vec<u16>),
    /// Bits Allocated 16, signed.
    I16(Vec<i16>),
    /// Bits Allocated 32, unsigned.
    U32(Vec<u32>),
    /// Bits Allocated 32, signed.
    I32(Vec<i32>),
    /// Float Pixel Data.
    F32(Vec<f32>),
    /// Double Float Pixel Data.
    F64(Vec<f64>),
}

/// Stored values of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFrame {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// 1 or 3.
    pub samples_per_pixel: u16,
    /// `height_px * width_px * samples_per_pixel` values.
    pub samples: Samples,
}
