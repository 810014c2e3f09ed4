//! casekin-summary
