//! The examples in the storm.
#![cfg(madsim)]

use std::time::Duration;

use stormglass::Storm;
use stormglass_examples::billing::{Order, bill};
use stormglass_examples::payments::{Ledger, serve};
use stormglass_examples::reports::report;

/// The broken consumer is caught: the scenario expects the violation.
#[stormglass::test(scenario = "scenarios/billing-broken.yaml")]
async fn committing_first_loses_records(storm: Storm) {
    storm.app("billing", || async { bill(Order::CommitFirst).await.expect("a consumer") });
}

/// The same code, put right, holds.
#[stormglass::test(scenario = "scenarios/billing.yaml")]
async fn committing_last_loses_nothing(storm: Storm) {
    storm.app("billing", || async { bill(Order::WorkFirst).await.expect("a consumer") });
}

/// Work of twelve seconds between two polls, where ten are allowed, keeps the group rebalancing.
#[stormglass::test(scenario = "scenarios/reports.yaml")]
async fn long_work_between_polls_storms(storm: Storm) {
    storm.app("reports", || async {
        report(Duration::from_secs(12)).await.expect("a consumer");
    });
}

/// Retries, dead letters and an idempotent ledger hold, whatever happens.
#[stormglass::test(scenario = "scenarios/payments.yaml", seeds = 0..10)]
async fn every_payment_is_booked_once(storm: Storm) {
    let ledger = Ledger::default();
    let books = ledger.clone();
    storm.app("payments-service", move || {
        let ledger = ledger.clone();
        async move { serve(ledger).await.expect("clients") }
    });
    storm.over().await;
    let (booked, refused, repeats) = books.figures();
    storm.log(format!("{booked} booked, {refused} refused, {repeats} came again"));
    assert!(booked > 100, "only {booked} payments were booked");
    assert_eq!(books.total(), booked as u64, "a payment was booked twice");
}
