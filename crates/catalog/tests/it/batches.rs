//! Batches: every file of an ingest is counted once, under what became of it.

use std::path::PathBuf;

use casekin_catalog::{BatchFile, BatchNo, CatalogError, FileOutcome};

use crate::support::{Library, picture};

#[tokio::test]
async fn a_summary_counts_every_file_once() {
    let library = Library::new().await;
    let catalog = &library.catalog;
    let batch = catalog.begin_batch("folder").await.unwrap();
    for number in [1, 2, 3, 4, 1] {
        let mut admission = picture("c-1", number);
        admission.batch = Some(batch);
        library.admit(admission).await;
    }
    let files = [
        (FileOutcome::NotPicture, "a document"),
        (FileOutcome::Failed, "cut short"),
    ];
    let files = files.map(|(outcome, reason)| BatchFile {
        path: PathBuf::from("/DOE^JANE/file"),
        outcome,
        reason: reason.to_owned(),
    });
    catalog
        .record_batch_files(batch, files.to_vec())
        .await
        .unwrap();
    library.complete_next(1).await;
    let job = catalog.lease_job("w", 1_000).await.unwrap().unwrap();
    catalog
        .fail_job(&job, "not decodable", false)
        .await
        .unwrap();
    catalog.lease_job("w", 1_000).await.unwrap().unwrap();
    catalog.finish_batch(batch).await.unwrap();

    let summary = catalog.batch_summary(batch).await.unwrap();
    assert_eq!((summary.queued, summary.running, summary.done), (1, 1, 1));
    assert_eq!(
        (summary.known, summary.not_picture, summary.failed),
        (1, 1, 2)
    );
    assert_eq!(summary.batch.finished_ms, Some(1_000_000));
    let failures: Vec<_> = summary
        .failures
        .iter()
        .map(|one| {
            (
                one.path.clone().unwrap(),
                one.image_id.clone(),
                one.reason.as_str(),
            )
        })
        .collect();
    let expected = [
        (
            PathBuf::from("/pictures/2.png"),
            Some(job.image_id.clone()),
            "not decodable",
        ),
        (PathBuf::from("/DOE^JANE/file"), None, "cut short"),
    ];
    assert_eq!(failures, expected);
    assert!(!format!("{summary:?}").contains("JANE"));
    assert_eq!(catalog.batches(10).await.unwrap(), [summary.batch]);
    for entry in std::fs::read_dir(library.folder.path()).unwrap() {
        let on_disk = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!on_disk.windows(8).any(|window| window == b"DOE^JANE"));
    }
}

#[tokio::test]
async fn an_unknown_batch_is_named() {
    let library = Library::new().await;
    let none = BatchNo(9);
    let catalog = &library.catalog;
    let unknown = catalog.batch_summary(none).await;
    assert!(matches!(unknown, Err(CatalogError::UnknownBatch(batch)) if batch == none));
    for unknown in [
        catalog.finish_batch(none).await,
        catalog.record_batch_files(none, Vec::new()).await,
    ] {
        assert!(matches!(unknown, Err(CatalogError::UnknownBatch(batch)) if batch == none));
    }
}
