//! What model checkers found about Kafka's replication is found here, too.

use stormglass_tests::tla::{Found, MODELS};

#[test]
fn the_models_that_break_break_and_the_one_that_holds_holds() {
    for model in MODELS {
        let seeds = match model.found {
            Found::Violated => 100,
            Found::Holds => 5,
        };
        let found = match model.first(seeds) {
            Some(_) => Found::Violated,
            None => Found::Holds,
        };
        assert_eq!(found, model.found, "{} in {seeds} seeds of each story", model.name);
    }
}
