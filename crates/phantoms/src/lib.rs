//! casekin-phantoms
