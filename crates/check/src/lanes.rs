//! A scratch table that is cleared in constant time.
//!
//! Knows nothing of histories: a lane is a small integer.

/// One number per lane, forgotten by [`Lanes::clear`].
pub(crate) struct Lanes {
    slots: Vec<(u32, usize)>,
    round: u32,
}

impl Lanes {
    /// A table of `count` empty lanes.
    pub(crate) fn new(count: usize) -> Self {
        Self { slots: vec![(0, 0); count], round: 1 }
    }

    /// Empties all lanes.
    pub(crate) fn clear(&mut self) {
        self.round += 1;
    }

    /// What a lane holds.
    pub(crate) fn get(&self, lane: u32) -> Option<usize> {
        let (round, item) = self.slots[lane as usize];
        (round == self.round).then_some(item)
    }

    /// Fills a lane.
    pub(crate) fn set(&mut self, lane: u32, item: usize) {
        self.slots[lane as usize] = (self.round, item);
    }
}
