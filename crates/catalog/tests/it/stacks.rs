//! Slices of one volume: held until it is planned, and done again when a later slice changes the plan.

use casekin_catalog::{Admission, BatchNo, ImageNo, NewSlice, SlicePlan};

use crate::support::{Library, picture, stamp};

const SETTLED_MS: u64 = 30_000;

fn slice(number: u8, position_mm: f64, batch: Option<BatchNo>) -> Admission {
    let mut admission = picture("case", number);
    if let Some(image) = &mut admission.image {
        image.slice = Some(NewSlice {
            stack: "1.2.826.0.1.3680043.8.498.77|MR".to_owned(),
            position_mm: Some(position_mm),
            number: Some(i32::from(number)),
        });
    }
    Admission { batch, ..admission }
}

fn chosen(range: [f64; 2]) -> Option<SlicePlan> {
    Some(SlicePlan {
        chosen: true,
        range: Some(range),
    })
}

fn left_out(range: [f64; 2]) -> Option<SlicePlan> {
    Some(SlicePlan {
        chosen: false,
        range: Some(range),
    })
}

async fn order(library: &Library, reading: &[BatchNo]) -> Vec<u64> {
    let stack = library
        .catalog
        .next_stack(reading, SETTLED_MS)
        .await
        .unwrap();
    let slices = stack.map(|stack| stack.slices).unwrap_or_default();
    slices.iter().map(|slice| slice.image_no.0).collect()
}

#[tokio::test]
async fn slices_wait_for_their_batch_and_come_in_order_of_place() {
    let library = Library::new().await;
    let batch = library.catalog.begin_batch("folder").await.unwrap();
    for (number, position_mm) in [(1, 30.0), (2, 10.0), (3, 20.0)] {
        library.admit(slice(number, position_mm, Some(batch))).await;
    }
    library.admit(picture("case", 9)).await;
    let plain = library.complete_next(1).await;
    assert_eq!(
        plain.content_sha256, [9; 32],
        "slices do not hold up others"
    );
    assert!(
        library
            .catalog
            .lease_job("w", 1000)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(order(&library, &[batch]).await, [0; 0], "it is being read");
    assert_eq!(order(&library, &[]).await, [2, 3, 1]);
    library.pass(SETTLED_MS as i64 + 1);
    assert_eq!(
        order(&library, &[batch]).await,
        [2, 3, 1],
        "no slice came for long"
    );
    library.admit(slice(4, 40.0, Some(batch))).await;
    assert_eq!(order(&library, &[batch]).await, [0; 0], "one has come");
}

#[tokio::test]
async fn a_plan_lets_slices_go_on_and_a_changed_plan_does_them_again() {
    let library = Library::new().await;
    for number in [1, 2, 3] {
        library.admit(slice(number, f64::from(number), None)).await;
    }
    let narrow = [0.0, 100.0];
    let plans = [
        (ImageNo(1), chosen(narrow)),
        (ImageNo(2), left_out(narrow)),
        (ImageNo(3), chosen(narrow)),
    ];
    library.catalog.plan_stack(&plans).await.unwrap();
    assert_eq!(order(&library, &[]).await, [0; 0]);
    for views in [1, 0, 1] {
        let job = library.complete_next(views).await;
        assert_eq!(job.plan, plans[job.image_no.0 as usize - 1].1);
    }
    assert!(
        library
            .catalog
            .lease_job("w", 1000)
            .await
            .unwrap()
            .is_none()
    );

    // A fourth slice is brighter: what was chosen is done again, what is left out stays as it is.
    library.admit(slice(4, 4.0, None)).await;
    let wide = [0.0, 900.0];
    let plans = [
        (ImageNo(1), chosen(wide)),
        (ImageNo(2), left_out(wide)),
        (ImageNo(3), left_out(wide)),
        (ImageNo(4), chosen(wide)),
    ];
    library.catalog.plan_stack(&plans).await.unwrap();
    let mut again = Vec::new();
    while let Some(job) = library.catalog.lease_job("w", 60_000).await.unwrap() {
        let views = u32::from(job.plan.is_some_and(|plan| plan.chosen));
        let outcome = library.outcome(&job, views).await;
        let done = library.catalog.complete_job(&job, outcome).await.unwrap();
        again.push((job.image_no.0, views, done.replaced.len()));
    }
    assert_eq!(again, [(1, 1, 1), (3, 0, 1), (4, 1, 0)]);
    let counts = library.catalog.status_counts(1).await.unwrap();
    assert_eq!(counts.vectors, 2, "no view of an earlier plan is left");
}

#[tokio::test]
async fn whoever_works_by_an_old_plan_loses_the_lease() {
    let library = Library::new().await;
    library.admit(slice(1, 1.0, None)).await;
    library
        .catalog
        .plan_stack(&[(ImageNo(1), None)])
        .await
        .unwrap();
    let job = library
        .catalog
        .lease_job("w", 60_000)
        .await
        .unwrap()
        .unwrap();
    let plan = [(ImageNo(1), chosen([0.0, 5.0]))];
    library.catalog.plan_stack(&plan).await.unwrap();
    let outcome = library.outcome(&job, 1).await;
    library
        .catalog
        .complete_job(&job, outcome)
        .await
        .unwrap_err();
    assert_eq!(library.complete_next(1).await.plan, plan[0].1);
}

#[tokio::test]
async fn slices_that_are_left_out_are_not_re_encoded() {
    let library = Library::new().await;
    for number in [1, 2] {
        library.admit(slice(number, f64::from(number), None)).await;
    }
    let range = [0.0, 7.0];
    let plans = [(ImageNo(1), left_out(range)), (ImageNo(2), chosen(range))];
    library.catalog.plan_stack(&plans).await.unwrap();
    library.complete_next(0).await;
    library.complete_next(1).await;
    let progress = library.catalog.begin_reencode(&stamp("b")).await.unwrap();
    assert_eq!((progress.total, progress.done), (1, 0));
    let next = library
        .catalog
        .next_images_to_reencode(&stamp("b"), 8)
        .await
        .unwrap();
    assert_eq!(
        (next.len(), next[0].image_no.0, next[0].plan),
        (1, 2, plans[1].1)
    );
}
