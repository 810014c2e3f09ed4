//! Why bytes could not be taken as a report. Never carries any of the bytes.

/// Why [`read_text`](crate::read_text) refused its bytes.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// More bytes than the limit allows.
    #[error("the report has {size_bytes} bytes; the limit is {limit_bytes}")]
    TooLarge {
        /// Size of what was given.
        size_bytes: usize,
        /// The limit it broke.
        limit_bytes: usize,
    },
    /// The bytes are no text: they hold NUL or too many control characters.
    #[error("this is not a text file: control byte 0x{byte:02x} at offset {offset}")]
    Binary {
        /// Where the first such byte lies.
        offset: usize,
        /// Which byte it is.
        byte: u8,
    },
    /// A byte-order mark promised UTF-16 but the code units do not pair up.
    #[error("broken UTF-16 text at byte offset {offset}")]
    DecodeUtf16 {
        /// Where decoding stopped.
        offset: usize,
    },
}
