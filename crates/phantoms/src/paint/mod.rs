//! One painter per family. Each draws normal anatomy that varies from case to case, then lays the
//! case's finding over it, and reports the box that holds the finding.

pub(crate) mod abdomen;
pub(crate) mod chest;
pub(crate) mod fundus;
pub(crate) mod head;
pub(crate) mod histology;
pub(crate) mod skin;
