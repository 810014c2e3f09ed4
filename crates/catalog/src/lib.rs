//! casekin-catalog
