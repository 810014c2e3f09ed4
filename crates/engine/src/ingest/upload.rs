//! Uploads: the bytes are durable and sealed before anything is acknowledged.

use casekin_catalog::{BatchFile, FileOutcome, ObjectRef, Outcome};
use casekin_imaging::{Inspection, Source};
use casekin_reports::manifest::Row;
use casekin_reports::{Identifiers, TextLimits, read_text};

use super::admission::{Found, Origin, admission};
use super::batch::public_id;
use crate::error::EngineError;
use crate::library::Library;
use crate::records::{BatchRecord, Upload, UploadFacts};

impl Library {
    /// Takes uploaded files in. A `.txt` among them is the report where none is given.
    ///
    /// # Errors
    /// A report that is no text; any error of the catalog. A file that cannot be read is a failure of the batch.
    pub async fn ingest_uploads(
        &self,
        uploads: Vec<Upload>,
        facts: UploadFacts,
    ) -> Result<BatchRecord, EngineError> {
        let batch_no = self.inner.catalog.begin_batch("upload").await?;
        let (texts, pictures): (Vec<_>, Vec<_>) = uploads
            .into_iter()
            .partition(|upload| upload.file_name.to_lowercase().ends_with(".txt"));
        let limits = TextLimits {
            max_bytes: usize::try_from(self.inner.config.ingest.max_report_bytes)
                .unwrap_or(usize::MAX),
        };
        let report = match (facts.report.clone(), texts.first()) {
            (None, Some(text)) => Some(read_text(&text.bytes, &limits)?),
            (given, _) => given,
        };
        self.inner.batches.begin(batch_no, pictures.len() as u64);
        let origin = Origin {
            site: None,
            synthetic: false,
            batch_no,
        };
        for upload in pictures {
            let row = row_of(&facts, report.clone(), &upload.file_name);
            self.take_upload(upload, row, &origin).await?;
            self.inner.batches.read_one(batch_no);
        }
        self.inner.catalog.finish_batch(batch_no).await?;
        self.let_searches_find_it().await;
        self.inner.batches.finish_reading(batch_no);
        self.inner.jobs.notify_one();
        self.batch(&public_id(batch_no)).await
    }

    async fn take_upload(
        &self,
        upload: Upload,
        row: Row,
        origin: &Origin,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let limits = inner.config.limits.clone();
        let decoding = inner.decoding.clone();
        let source = Source::from_bytes(upload.file_name.clone(), upload.bytes.clone());
        let inspected =
            tokio::task::spawn_blocking(move || decoding.inspect(&source, &limits)).await?;
        let refuse = |outcome, reason: String| BatchFile {
            path: upload.file_name.clone().into(),
            outcome,
            reason,
        };
        let header = match inspected {
            Ok(Inspection::Picture(header)) => *header,
            Ok(Inspection::NotAPicture { reason, .. }) => {
                inner.batches.count_skipped(origin.batch_no, &reason);
                inner
                    .catalog
                    .record_batch_files(
                        origin.batch_no,
                        vec![refuse(FileOutcome::NotPicture, reason)],
                    )
                    .await?;
                return Ok(());
            }
            Err(error) => {
                let refused = vec![refuse(FileOutcome::Failed, error.to_string())];
                inner
                    .catalog
                    .record_batch_files(origin.batch_no, refused)
                    .await?;
                return Ok(());
            }
        };
        let _objects = inner.object_change.read().await;
        let stored = inner.objects.put_object(&upload.bytes).await?;
        let found = Found {
            header,
            content_sha256: stored.content_sha256,
            bytes: stored.bytes,
            object: ObjectRef::Stored {
                key: stored.key.clone(),
            },
            original_name: Some(upload.file_name),
            row: Some(row),
            report_text: None,
        };
        let admission = admission(found, origin, &inner.config, inner.catalog.keyring());
        inner
            .batches
            .count_report(origin.batch_no, admission.report.is_some());
        let admitted = inner.catalog.admit(admission).await?;
        inner.batches.count_conflict(
            origin.batch_no,
            matches!(admitted.outcome, Outcome::SopConflict { .. }),
        );
        if let (Outcome::KnownImage { .. }, Some(image_id)) =
            (&admitted.outcome, &admitted.image_id)
        {
            let known = inner.catalog.image(image_id).await?;
            if known.is_some_and(|image| {
                image.object
                    != ObjectRef::Stored {
                        key: stored.key.clone(),
                    }
            }) {
                inner.objects.delete(&stored.key).await?;
            }
        }
        Ok(())
    }
}

/// What an upload's form says, as a manifest row would. A file name with a number in it counts as an identifier.
fn row_of(facts: &UploadFacts, report: Option<String>, file_name: &str) -> Row {
    let stem = file_name
        .rsplit_once('.')
        .map_or(file_name, |(stem, _)| stem);
    let numbered =
        Some(stem).filter(|stem| stem.len() >= 5 && stem.bytes().any(|byte| byte.is_ascii_digit()));
    Row {
        case_id: facts.case_id.clone(),
        title: facts.title.clone(),
        report,
        labels: facts.labels.clone(),
        identifiers: Identifiers {
            ids: numbered.map(str::to_owned).into_iter().collect(),
            ..Identifiers::default()
        },
        ..Row::default()
    }
}
