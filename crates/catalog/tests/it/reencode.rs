//! Re-encoding: the old vectors serve until all images have new ones, then all change at once.

use casekin_catalog::{CatalogError, ImageNo, NewView, ReencodeImage, ReencodeProgress};

use crate::support::{Library, picture, stamp, view};

async fn three_images(library: &Library) {
    for (case, number) in [("c-1", 1), ("c-1", 2), ("c-2", 3)] {
        library.admit(picture(case, number)).await;
        library.complete_next(2).await;
    }
}

async fn next(library: &Library) -> Vec<ReencodeImage> {
    library
        .catalog
        .next_images_to_reencode(&stamp("b"), 10)
        .await
        .unwrap()
}

async fn new_views(library: &Library, image: &ReencodeImage) -> Vec<NewView> {
    let first = library
        .catalog
        .reserve_views(image.case_no, 1)
        .await
        .unwrap();
    vec![view(first)]
}

#[tokio::test]
async fn a_library_changes_its_model_whole_or_not_at_all() {
    let library = Library::new().await;
    three_images(&library).await;
    let catalog = &library.catalog;
    let refused = catalog.set_active(&stamp("b")).await;
    assert!(matches!(refused, Err(CatalogError::StampMismatch { .. })));
    let begun = catalog.begin_reencode(&stamp("b")).await.unwrap();
    assert_eq!(
        begun,
        ReencodeProgress {
            total: 3,
            done: 0,
            failed: 0
        }
    );

    let images = next(&library).await;
    assert_eq!(images.len(), 3);
    for image in &images[..2] {
        let views = new_views(&library, image).await;
        let kept = catalog
            .record_reencoded(image.image_no, &stamp("b"), views.clone())
            .await;
        assert!(kept.unwrap());
        assert!(
            !catalog
                .record_reencoded(image.image_no, &stamp("b"), views)
                .await
                .unwrap()
        );
    }
    let early = catalog.swap_reencoded(&stamp("b")).await;
    assert!(matches!(
        early,
        Err(CatalogError::ReencodeUnfinished { remaining: 1 })
    ));
    let counts = catalog.status_counts(1).await.unwrap();
    assert_eq!(
        (counts.views, counts.vectors),
        (6, 8),
        "the old vectors serve"
    );

    catalog
        .record_reencode_failed(images[2].image_no, &stamp("b"), "gone")
        .await
        .unwrap();
    assert!(next(&library).await.is_empty());
    let progress = catalog.reencode_progress(&stamp("b")).await.unwrap();
    assert_eq!(
        progress,
        ReencodeProgress {
            total: 3,
            done: 2,
            failed: 1
        }
    );
    let seq = catalog.latest_seq().await.unwrap();
    let erased = catalog.swap_reencoded(&stamp("b")).await.unwrap();
    assert_eq!(erased.len(), 6);
    assert_eq!(
        catalog.changes_since(seq, 10).await.unwrap().len(),
        2,
        "every case changed"
    );
    let (model, active) = catalog.active_model().await.unwrap().unwrap();
    assert_eq!((active, model.active), (stamp("b"), true));
    let counts = catalog.status_counts(1).await.unwrap();
    assert_eq!(
        (counts.views, counts.vectors, counts.images_with_vectors),
        (2, 2, 2)
    );
}

#[tokio::test]
async fn beginning_again_keeps_what_is_done_and_retries_what_failed() {
    let library = Library::new().await;
    three_images(&library).await;
    let catalog = &library.catalog;
    catalog.begin_reencode(&stamp("b")).await.unwrap();
    let images = next(&library).await;
    let views = new_views(&library, &images[0]).await;
    catalog
        .record_reencoded(images[0].image_no, &stamp("b"), views)
        .await
        .unwrap();
    catalog
        .record_reencode_failed(images[1].image_no, &stamp("b"), "busy")
        .await
        .unwrap();
    let resumed = catalog.begin_reencode(&stamp("b")).await.unwrap();
    assert_eq!(
        resumed,
        ReencodeProgress {
            total: 3,
            done: 1,
            failed: 0
        }
    );
    assert_eq!(next(&library).await.len(), 2);
}

#[tokio::test]
async fn only_what_was_encoded_is_encoded_again() {
    let library = Library::new().await;
    let waiting = library.admit(picture("c-1", 1)).await;
    let catalog = &library.catalog;
    let mut unknown = stamp("b");
    unknown.model_id = "c".repeat(64);
    let refused = catalog.begin_reencode(&unknown).await;
    assert!(matches!(refused, Err(CatalogError::UnknownModel { .. })));
    catalog.begin_reencode(&stamp("b")).await.unwrap();
    assert!(next(&library).await.is_empty());
    let image = waiting.image_no.unwrap();
    let refused = catalog
        .record_reencoded(image, &stamp("b"), vec![view(0)])
        .await;
    assert!(matches!(
        refused,
        Err(CatalogError::NothingToReencode { .. })
    ));
    let refused = catalog
        .record_reencoded(ImageNo(99), &stamp("b"), vec![view(0)])
        .await;
    assert!(matches!(refused, Err(CatalogError::UnknownImage)));
    assert!(
        catalog
            .swap_reencoded(&stamp("b"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        catalog
            .models()
            .await
            .unwrap()
            .iter()
            .filter(|model| model.active)
            .count(),
        1
    );
}
