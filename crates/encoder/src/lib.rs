//! casekin-encoder
