//! Stories that every change must keep true.

use stormglass_sim::End;
use stormglass_tests::Story;
use stormglass_types::Span;

#[test]
fn a_calm_pipeline_holds_everything() {
    let story = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 4, &[])
        .producer(Span::millis(5), &[])
        .group(2, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20));
    let told = story.tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert_eq!(told.end, End::Settled);
}
