//! Rasters: PNG, JPEG, TIFF, BMP, WebP and GIF.
