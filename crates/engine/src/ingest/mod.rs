//! Files become cases: found, read, grouped, masked and admitted. What is admitted is durable; pictures follow by job.

mod admission;
mod batch;
mod collect;
mod manifest;
mod upload;

pub(crate) use admission::facts_for_catalog;
pub(crate) use batch::Batches;
pub use manifest::manifest_in;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use casekin_catalog::{Admission, BatchFile, BatchNo, FileOutcome, ObjectRef, Outcome};
use casekin_imaging::{ImagingError, Inspection, Source};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::error::EngineError;
use crate::library::{Inner, Library};
use crate::records::{BatchRecord, IngestRequest};
use admission::{Found, Origin};
use manifest::{Manifest, Task};

/// Admissions of one transaction: one wait for the disk serves all of them.
const ADMITTED_AT_ONCE: usize = 32;

/// What reading one file came to.
enum Reading {
    Picture {
        path: PathBuf,
        admission: Box<Admission>,
        report: bool,
    },
    NotAPicture {
        path: PathBuf,
        reason: String,
    },
    Failed {
        path: PathBuf,
        reason: String,
    },
}

impl Library {
    /// Begins to read files and folders of this machine; returns once the manifest has been checked. The batch goes
    /// on in the background; [`Library::batch`] tells how far it is.
    ///
    /// # Errors
    /// A manifest that cannot be read; a path that is not there when it is the only one.
    pub async fn ingest(&self, request: IngestRequest) -> Result<BatchRecord, EngineError> {
        let tasks = tokio::task::spawn_blocking({
            let request = request.clone();
            move || -> Result<_, EngineError> {
                let manifest = request
                    .manifest
                    .as_deref()
                    .map(|path| Manifest::read(path, &request.map))
                    .transpose()?;
                Ok(manifest::tasks(collect::collect(&request.paths), manifest))
            }
        })
        .await??;
        let batch_no = self.inner.catalog.begin_batch("folder").await?;
        self.inner.batches.begin(batch_no, tasks.tasks.len() as u64);
        self.inner.batches.warn(batch_no, &tasks.warnings);
        let origin = Origin {
            site: request.site,
            synthetic: request.synthetic,
            batch_no,
        };
        tokio::spawn({
            let library = self.clone();
            async move {
                if let Err(error) = library.read_batch(tasks, &origin).await {
                    tracing::error!(%error, batch = batch_no.0, "an ingest batch broke off");
                    library.inner.batches.broke_off(batch_no, error.to_string());
                }
                library.let_searches_find_it().await;
                library.inner.batches.finish_reading(batch_no);
                // The last of its volumes can be planned now.
                library.inner.jobs.notify_one();
            }
        });
        self.batch(&batch::public_id(batch_no)).await
    }

    async fn read_batch(&self, tasks: manifest::Tasks, origin: &Origin) -> Result<(), EngineError> {
        let inner = &self.inner;
        let batch_no = origin.batch_no;
        inner
            .catalog
            .record_batch_files(batch_no, tasks.refused)
            .await?;
        let readers = inner.config.ingest.readers.clamp(1, 64);
        let mut readings = futures::stream::iter(tasks.tasks)
            .map(|task| {
                let (inner, origin) = (Arc::clone(inner), origin.clone());
                async move {
                    tokio::task::spawn_blocking(move || read_file(&inner, task, &origin)).await
                }
            })
            .buffered(readers)
            .ready_chunks(ADMITTED_AT_ONCE);
        while let Some(chunk) = readings.next().await {
            let mut admissions = Vec::new();
            let mut refused = Vec::new();
            for reading in chunk {
                inner.batches.read_one(batch_no);
                match reading? {
                    Reading::Picture {
                        path,
                        admission,
                        report,
                    } => {
                        inner.batches.count_report(batch_no, report);
                        admissions.push((path, *admission));
                    }
                    Reading::NotAPicture { path, reason } => {
                        inner.batches.count_skipped(batch_no, &reason);
                        refused.push(BatchFile {
                            path,
                            outcome: FileOutcome::NotPicture,
                            reason,
                        });
                    }
                    Reading::Failed { path, reason } => {
                        refused.push(BatchFile {
                            path,
                            outcome: FileOutcome::Failed,
                            reason,
                        });
                    }
                }
            }
            refused.extend(self.admit(batch_no, admissions).await?);
            inner.catalog.record_batch_files(batch_no, refused).await?;
        }
        inner.catalog.finish_batch(batch_no).await?;
        Ok(())
    }

    /// Admits in one transaction; where that fails, one by one, so that a bad one stands alone.
    async fn admit(
        &self,
        batch_no: BatchNo,
        admissions: Vec<(PathBuf, Admission)>,
    ) -> Result<Vec<BatchFile>, EngineError> {
        let inner = &self.inner;
        let mut refused = Vec::new();
        if admissions.is_empty() {
            return Ok(refused);
        }
        let all: Vec<Admission> = admissions
            .iter()
            .map(|(_, admission)| admission.clone())
            .collect();
        let admitted = match inner.catalog.admit_all(all).await {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::warn!(%error, "admitting files one by one");
                let mut admitted = Vec::new();
                for (path, admission) in admissions {
                    match inner.catalog.admit(admission).await {
                        Ok(one) => admitted.push(one),
                        Err(error) => {
                            let reason = error.to_string();
                            refused.push(BatchFile {
                                path,
                                outcome: FileOutcome::Failed,
                                reason,
                            });
                        }
                    }
                }
                admitted
            }
        };
        for one in &admitted {
            inner
                .batches
                .count_conflict(batch_no, matches!(one.outcome, Outcome::SopConflict { .. }));
        }
        inner.changed.notify_one();
        inner.jobs.notify_one();
        Ok(refused)
    }
}

fn read_file(inner: &Inner, task: Task, origin: &Origin) -> Reading {
    let path = task.path.clone();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        try_read_file(inner, task, origin)
    }));
    match caught {
        Ok(Ok(reading)) => reading,
        Ok(Err(error)) => Reading::Failed {
            path,
            reason: error.to_string(),
        },
        Err(_) => Reading::Failed {
            path,
            reason: "reading this file failed inside the program".into(),
        },
    }
}

fn try_read_file(inner: &Inner, task: Task, origin: &Origin) -> Result<Reading, EngineError> {
    let limits = &inner.config.limits;
    let source = Source::Path(task.path.clone());
    let header = match inner.decoding.inspect(&source, limits) {
        Ok(Inspection::Picture(header)) => *header,
        Ok(Inspection::NotAPicture { reason, .. }) => {
            return Ok(Reading::NotAPicture {
                path: task.path,
                reason,
            });
        }
        Err(ImagingError::RecogniseFormat { .. })
            if task.row.is_none() && !claims_to_be_picture(&task.path) =>
        {
            let reason = "no picture format that casekin knows".to_owned();
            return Ok(Reading::NotAPicture {
                path: task.path,
                reason,
            });
        }
        Err(error) => return Err(error.into()),
    };
    let (content_sha256, bytes) = hash_file(&task.path)?;
    let report_text = task
        .report
        .as_deref()
        .map(|path| admission::read_report(path, &inner.config))
        .transpose()?;
    let found = Found {
        header,
        content_sha256,
        bytes,
        object: ObjectRef::InPlace {
            path: task.path.clone(),
        },
        original_name: None,
        row: task.row,
        report_text,
    };
    let admission = admission::admission(found, origin, &inner.config, inner.catalog.keyring());
    let report = admission.report.is_some();
    Ok(Reading::Picture {
        path: task.path,
        admission: Box::new(admission),
        report,
    })
}

/// A file whose name says that it is a picture and whose content does not is a failure, not something to pass over.
fn claims_to_be_picture(path: &Path) -> bool {
    const ENDINGS: [&str; 12] = [
        "dcm", "dicom", "ima", "png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif", "jp2",
    ];
    path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

fn hash_file(path: &Path) -> Result<([u8; 32], u64), EngineError> {
    let mut file =
        std::fs::File::open(path).map_err(|source| EngineError::io("open the file", source))?;
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(&mut file, &mut HashWriter(&mut hasher))
        .map_err(|source| EngineError::io("read the file", source))?;
    Ok((hasher.finalize().into(), bytes))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.update(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
