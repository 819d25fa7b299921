//! How long a group takes to be assigned as it grows, with ten partitions per member.
//!
//! `cargo bench -p stormglass-kafka --bench assignors`

use stormglass_kafka::assignor::{Assignor, Input, Member, Partition, Topic, assign};

fn main() {
    divan::main();
}

/// What members want of ten topics.
#[derive(Clone, Copy, Debug)]
enum Subscriptions {
    /// All of them.
    Equal,
    /// All but one, or all: eleven kinds of members.
    ElevenKinds,
    /// Each member another choice.
    AllDifferent,
}

#[divan::bench(args = cases(), sample_count = 5, sample_size = 1)]
fn joins(bencher: divan::Bencher<'_, '_>, case: &Case) {
    let mut input = group(case.members, case.subscriptions);
    let before = assign(case.assignor, &input).expect("a fresh group can be assigned");
    for (member, owned) in input.members.iter_mut().zip(before.members) {
        *member = member.clone().owning(owned, 1);
    }
    let subscription = input.members[0].subscription.clone();
    input.members.push(Member::new("consumer-new", subscription));
    bencher.bench(|| assign(case.assignor, divan::black_box(&input)));
}

#[divan::bench(args = cases(), sample_count = 5, sample_size = 1)]
fn starts(bencher: divan::Bencher<'_, '_>, case: &Case) {
    let input = group(case.members, case.subscriptions);
    bencher.bench(|| assign(case.assignor, divan::black_box(&input)));
}

#[divan::bench(args = cases(), sample_count = 5, sample_size = 1)]
fn loses_half(bencher: divan::Bencher<'_, '_>, case: &Case) {
    let mut input = group(case.members, case.subscriptions);
    let before = assign(case.assignor, &input).expect("a fresh group can be assigned");
    for (member, owned) in input.members.iter_mut().zip(before.members) {
        *member = member.clone().owning(owned, 1);
    }
    let mut turn = 0;
    input.members.retain(|_| {
        turn += 1;
        turn % 2 == 0
    });
    bencher.bench(|| assign(case.assignor, divan::black_box(&input)));
}

#[divan::bench(args = cases(), sample_count = 5, sample_size = 1)]
fn starts_over_uneven(bencher: divan::Bencher<'_, '_>, case: &Case) {
    let mut input = group(case.members, case.subscriptions);
    // One member holds everything that it may hold.
    let wanted = input.members[0].subscription.clone();
    let all = wanted.iter().flat_map(|&topic| {
        (0..input.topics[topic].partitions).map(move |number| Partition::new(topic, number))
    });
    input.members[0] = input.members[0].clone().owning(all.collect(), 1);
    bencher.bench(|| assign(case.assignor, divan::black_box(&input)));
}

struct Case {
    assignor: Assignor,
    members: u32,
    subscriptions: Subscriptions,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.assignor, self.subscriptions, self.members)
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for assignor in Assignor::ALL {
        let choices =
            [Subscriptions::Equal, Subscriptions::ElevenKinds, Subscriptions::AllDifferent];
        for subscriptions in choices {
            for members in [10, 100, 1000] {
                cases.push(Case { assignor, members, subscriptions });
            }
        }
    }
    cases
}

/// Ten topics with as many partitions each as there are members.
fn group(members: u32, subscriptions: Subscriptions) -> Input {
    let mut input = Input::default();
    let topics: Vec<_> = (0..10)
        .map(|number| input.topics.add(Topic::new(&format!("t{number}"), members)))
        .collect();
    for number in 0..members {
        let wants = |topic: u32| match subscriptions {
            Subscriptions::Equal => true,
            Subscriptions::ElevenKinds => number % 11 != topic,
            Subscriptions::AllDifferent => ((number + 1) >> topic) & 1 == 1,
        };
        let wanted = (0..).zip(&topics).filter(|&(at, _)| wants(at));
        let subscription = wanted.map(|(_, topic)| *topic).collect();
        input.members.push(Member::new(
            &format!("consumer-{number}-{:08x}", number.wrapping_mul(0x9E37_79B9)),
            subscription,
        ));
    }
    input
}
