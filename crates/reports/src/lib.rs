//! casekin-reports
