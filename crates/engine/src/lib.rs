//! casekin-engine
