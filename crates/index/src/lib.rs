//! casekin-index
