//! Who decodes pictures: workers of this program's own making.

use casekin_engine::{Decoders, WorkerCommand};

/// Decoding in processes of their own, each this very program: also when the file on disk has been replaced since.
pub fn decoding() -> Decoders {
    Decoders::in_workers(WorkerCommand {
        program: "/proc/self/exe".into(),
        args: vec!["decode-worker".into()],
    })
}
