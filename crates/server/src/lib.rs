//! casekin-server
