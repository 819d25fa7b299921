//! Walks the subscribers of a topic from both ends, least and most loaded, as partitions move from one to the other.
//!
//! Counts only: which partition moves is decided elsewhere.

use alloc::vec::Vec;

/// Two ranges of members, in each of which all had equally many partitions when it was entered.
#[derive(Default)]
pub(super) struct Balancer {
    /// Fewest partitions first.
    sorted: Vec<u32>,
    /// How many members are in the lower range.
    low_end: usize,
    low_count: i64,
    low_next: usize,
    high_start: usize,
    /// Behind the upper range are members with nothing to give.
    high_end: usize,
    high_count: i64,
    /// One past the next member of the upper range to take from.
    high_next: usize,
}

impl Balancer {
    /// Starts over with a topic's subscribers, of which there is at least one. Returns by how much the most loaded exceeds the
    /// least loaded.
    pub(super) fn start(&mut self, members: &[u32], counts: &[u32]) -> u32 {
        let count = |member: &u32| counts[*member as usize];
        self.sorted.clear();
        self.sorted.extend_from_slice(members);
        self.sorted.sort_by_key(|member| (count(member), *member));
        let least = self.sorted.first().map_or(0, count);
        let most = self.sorted.last().map_or(0, count);
        self.low_end = 0;
        self.low_count = i64::from(least) - 1;
        self.low_next = 0;
        self.high_start = self.sorted.len();
        self.high_end = self.sorted.len();
        self.high_count = i64::from(most) + 1;
        self.high_next = self.sorted.len();
        most - least
    }

    /// The least loaded member; counts on its getting a partition.
    pub(super) fn least(&mut self, counts: &[u32]) -> u32 {
        if self.low_next >= self.low_end {
            self.low_count += 1;
            while self.count_at(self.low_end, counts) == Some(self.low_count) {
                self.low_end += 1;
            }
            self.low_next = 0;
        }
        self.low_next += 1;
        self.sorted[self.low_next - 1]
    }

    /// The most loaded member; counts on its giving a partition.
    pub(super) fn most(&mut self, counts: &[u32]) -> Option<u32> {
        if self.high_next <= self.high_start {
            let below = self.high_start.checked_sub(1).and_then(|at| self.count_at(at, counts));
            self.high_count = match below {
                // All of the range turned out to have nothing to give: go on with the next count there is.
                Some(count) if self.high_end <= self.high_start => count,
                Some(_) | None => self.high_count - 1,
            };
            while self.high_start > 0
                && self.count_at(self.high_start - 1, counts) == Some(self.high_count)
            {
                self.high_start -= 1;
            }
            self.high_next = self.high_end;
        }
        self.high_next = self.high_next.checked_sub(1)?;
        Some(self.sorted[self.high_next])
    }

    /// Leaves out the member that [`most`](Self::most) gave last: it has nothing to give.
    pub(super) fn exclude_most(&mut self) {
        self.high_end -= 1;
        self.sorted.swap(self.high_next, self.high_end);
    }

    /// True if moving from the upper to the lower range would not make it more even.
    pub(super) fn is_balanced(&self) -> bool {
        self.high_count - self.low_count <= 1
    }

    fn count_at(&self, place: usize, counts: &[u32]) -> Option<i64> {
        self.sorted.get(place).map(|&member| i64::from(counts[member as usize]))
    }
}
