//! Jobs: leased to one worker at a time, done once in effect.

use std::collections::HashMap;

use casekin_catalog::{Catalog, CatalogError, JobsSummary, LeasedJob};
use proptest::prelude::*;

use crate::support::{Library, picture, stamp, view};

const LEASE_MS: u64 = 1_000;

async fn lease(catalog: &Catalog, worker: &str) -> Option<LeasedJob> {
    catalog.lease_job(worker, LEASE_MS).await.unwrap()
}

#[tokio::test]
async fn a_leased_job_is_nobody_elses_until_its_lease_runs_out() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    let first = lease(&library.catalog, "one").await.unwrap();
    assert!(lease(&library.catalog, "two").await.is_none());
    library.pass(999);
    assert!(lease(&library.catalog, "two").await.is_none());
    library.catalog.renew_lease(&first, LEASE_MS).await.unwrap();
    library.pass(1);
    assert!(lease(&library.catalog, "two").await.is_none());
    library.pass(999);
    let second = lease(&library.catalog, "two").await.unwrap();
    assert_eq!((second.job_id, second.attempts), (first.job_id, 2));
    assert_ne!(second.lease_token, first.lease_token);

    let late = library.outcome(&first, 1).await;
    let refused = library.catalog.complete_job(&first, late).await;
    assert!(matches!(refused, Err(CatalogError::LeaseLost { .. })));
    for lost in [
        library.catalog.renew_lease(&first, LEASE_MS).await,
        library.catalog.release_job(&first).await,
        library.catalog.fail_job(&first, "late", true).await,
    ] {
        assert!(matches!(lost, Err(CatalogError::LeaseLost { .. })));
    }
    let entries = library
        .catalog
        .case_entries(&[first.case_no])
        .await
        .unwrap();
    assert!(entries[0].views.is_empty(), "a lost lease has no effect");
    let outcome = library.outcome(&second, 2).await;
    assert!(
        !library
            .catalog
            .complete_job(&second, outcome)
            .await
            .unwrap()
            .again
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_but_was_not_taken_still_counts() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    let job = lease(&library.catalog, "one").await.unwrap();
    library.pass(5_000);
    let outcome = library.outcome(&job, 1).await;
    assert!(
        !library
            .catalog
            .complete_job(&job, outcome)
            .await
            .unwrap()
            .again
    );
}

#[tokio::test]
async fn a_report_heard_twice_is_done_once() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    let job = lease(&library.catalog, "one").await.unwrap();
    let outcome = library.outcome(&job, 2).await;
    let first = library
        .catalog
        .complete_job(&job, outcome.clone())
        .await
        .unwrap();
    let second = library.catalog.complete_job(&job, outcome).await.unwrap();
    assert_eq!((first.again, second.again), (false, true));
    assert_eq!(first.seq, second.seq);
    assert_eq!(library.catalog.latest_seq().await.unwrap(), first.seq);
    let counts = library.catalog.status_counts(60_000).await.unwrap();
    assert_eq!(
        (counts.views, counts.vectors, counts.images_with_vectors),
        (2, 2, 1)
    );
    assert_eq!((counts.jobs.done, counts.recent_done), (1, 1));
    assert!((counts.coverage - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_job_that_ends_three_workers_is_failed_and_the_next_is_given() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    for attempt in 1..=3 {
        assert_eq!(
            lease(&library.catalog, "w").await.unwrap().attempts,
            attempt
        );
        library.pass(1_000);
    }
    let behind = library.admit(picture("c-2", 2)).await;
    let next = lease(&library.catalog, "w").await.unwrap();
    assert_eq!(Some(next.image_no), behind.image_no);
    let failed = library.catalog.failed_jobs(10, 0).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].reason, "it ended the worker three times");
    assert_eq!(library.catalog.requeue_failed().await.unwrap(), 1);
    assert_eq!(lease(&library.catalog, "w").await.unwrap().attempts, 1);
}

#[tokio::test]
async fn a_retried_job_waits_and_is_given_up_after_three_attempts() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    for wait_ms in [500, 2_000] {
        let job = lease(&library.catalog, "w").await.unwrap();
        library
            .catalog
            .fail_job(&job, "the file is busy", true)
            .await
            .unwrap();
        library.pass(wait_ms - 1);
        assert!(lease(&library.catalog, "w").await.is_none());
        library.pass(1);
    }
    let job = lease(&library.catalog, "w").await.unwrap();
    library
        .catalog
        .fail_job(&job, "the file is busy", true)
        .await
        .unwrap();
    library.pass(1_000_000);
    assert!(lease(&library.catalog, "w").await.is_none());
    let summary = library.catalog.jobs_summary().await.unwrap();
    assert_eq!(
        summary,
        JobsSummary {
            failed: 1,
            ..JobsSummary::default()
        }
    );
}

#[tokio::test]
async fn what_is_handed_back_costs_no_attempt() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    for _ in 0..5 {
        let job = lease(&library.catalog, "w").await.unwrap();
        assert_eq!(job.attempts, 1);
        library.catalog.release_job(&job).await.unwrap();
    }
    let job = lease(&library.catalog, "w").await.unwrap();
    assert_eq!(library.catalog.release_worker("other").await.unwrap(), 0);
    assert_eq!(library.catalog.release_worker("w").await.unwrap(), 1);
    let lost = library.catalog.renew_lease(&job, LEASE_MS).await;
    assert!(matches!(lost, Err(CatalogError::LeaseLost { .. })));
    assert_eq!(lease(&library.catalog, "w").await.unwrap().attempts, 1);
}

#[tokio::test]
async fn a_completion_is_refused_whole() {
    let library = Library::new().await;
    library.admit(picture("c-1", 1)).await;
    let job = lease(&library.catalog, "w").await.unwrap();
    let good = library.outcome(&job, 2).await;

    let mut foreign = good.clone();
    foreign.stamp = stamp("b");
    let refused = library.catalog.complete_job(&job, foreign).await;
    assert!(matches!(refused, Err(CatalogError::StampMismatch { .. })));

    for number in [2, 0] {
        let mut bad = good.clone();
        bad.views.push(view(number));
        let refused = library.catalog.complete_job(&job, bad).await;
        assert!(
            matches!(refused, Err(CatalogError::ViewNotReserved { view_no, .. }) if view_no == number)
        );
    }
    let counts = library.catalog.status_counts(60_000).await.unwrap();
    assert_eq!(
        (counts.vectors, counts.jobs.running),
        (0, 1),
        "nothing of them was kept"
    );
    library.catalog.complete_job(&job, good).await.unwrap();
    let image = library.catalog.image(&job.image_id).await.unwrap().unwrap();
    assert_eq!(image.facts.modality.as_deref(), Some("OT"));
    assert_eq!(image.facts.facts_json, r#"{"frames":1}"#);
    assert_eq!(image.views.len(), 2);
    assert!(image.thumbnail_key.is_some());
}

#[derive(Debug, Clone)]
enum Act {
    Lease,
    Pass(i64),
    Renew(usize),
    Release(usize),
    Fail(usize, bool),
    Complete(usize),
    Requeue,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let lease = any::<prop::sample::Index>().prop_map(|index| index.index(64));
    let act = prop_oneof![
        4 => Just(Act::Lease),
        2 => (0_i64..1_500).prop_map(Act::Pass),
        1 => lease.clone().prop_map(Act::Renew),
        1 => lease.clone().prop_map(Act::Release),
        1 => (lease.clone(), any::<bool>()).prop_map(|(lease, retry)| Act::Fail(lease, retry)),
        3 => lease.prop_map(Act::Complete),
        1 => Just(Act::Requeue),
    ];
    prop::collection::vec(act, 1..60)
}

/// `Ok` where the lease held, `Err` where it was lost; anything else ends the test.
fn held<T>(result: Result<T, CatalogError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(CatalogError::LeaseLost { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

async fn play(acts: Vec<Act>) {
    let library = Library::new().await;
    for number in 1..=3 {
        library.admit(picture("c-1", number)).await;
    }
    let mut leases: Vec<LeasedJob> = Vec::new();
    // Views with which each job was completed in effect.
    let mut done = HashMap::new();
    for act in acts {
        let some = |index: usize| leases.get(index % leases.len().max(1)).cloned();
        match act {
            Act::Lease => leases.extend(lease(&library.catalog, "w").await),
            Act::Pass(span_ms) => library.pass(span_ms),
            Act::Requeue => drop(library.catalog.requeue_failed().await.unwrap()),
            Act::Renew(index) => {
                let Some(job) = some(index) else { continue };
                held(library.catalog.renew_lease(&job, LEASE_MS).await);
            }
            Act::Release(index) => {
                let Some(job) = some(index) else { continue };
                held(library.catalog.release_job(&job).await);
            }
            Act::Fail(index, retry) => {
                let Some(job) = some(index) else { continue };
                held(library.catalog.fail_job(&job, "a reason", retry).await);
            }
            Act::Complete(index) => {
                let Some(job) = some(index) else { continue };
                let outcome = library.outcome(&job, 1).await;
                let view_no = outcome.views[0].view_no;
                match held(library.catalog.complete_job(&job, outcome).await) {
                    Some(completed) if !completed.again => {
                        assert!(
                            done.insert(job.image_no, view_no).is_none(),
                            "completed twice"
                        );
                    }
                    Some(_) => assert!(done.contains_key(&job.image_no)),
                    None => {}
                }
            }
        }
    }
    let case = library.catalog.case_no("c-1").await.unwrap().unwrap();
    let entries = library.catalog.case_entries(&[case]).await.unwrap();
    let kept: HashMap<_, _> = entries[0]
        .views
        .iter()
        .map(|view| (view.image_no, view.view_no))
        .collect();
    assert_eq!(kept, done);
    assert_eq!(entries[0].views.len(), done.len());
    let summary = library.catalog.jobs_summary().await.unwrap();
    assert_eq!(summary.done, done.len() as u64);
    assert_eq!(
        summary.queued + summary.running + summary.done + summary.failed,
        3
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_workers_do_a_job_is_done_once_in_effect(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(acts));
    }
}
