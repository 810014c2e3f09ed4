//! casekin-imaging
