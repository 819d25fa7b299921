//! Producer ids from blocks that the controller gives away (`RPCProducerIdManager`).

use stormglass_types::{ErrorCode, ProducerEpoch, ProducerId};

/// The producer ids that this life of the broker may hand out.
#[derive(Clone, Default, Debug)]
pub(super) struct ProducerIds {
    present: Block,
    next: Option<Block>,
    asked: bool,
}

/// Ids from `first` on; `used` of `count` are given away.
#[derive(Clone, Copy, Default, Debug)]
struct Block {
    first: i64,
    count: u32,
    used: u32,
}

/// Whether the controller is to be asked for another block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stock {
    /// There are enough.
    Ample,
    /// Another block is wanted.
    Low,
}

impl ProducerIds {
    /// A fresh id, and whether it is time for another block: the next one is fetched when nine tenths of this one are used.
    pub(super) fn take(&mut self) -> (Result<(ProducerId, ProducerEpoch), ErrorCode>, Stock) {
        if self.present.used == self.present.count
            && let Some(next) = self.next.take()
        {
            self.present = next;
        }
        let block = &mut self.present;
        if block.used == block.count {
            return (Err(ErrorCode::CoordinatorLoadInProgress), self.ask());
        }
        let id = ProducerId(block.first + i64::from(block.used));
        block.used += 1;
        let is_low = u64::from(block.used) * 10 >= u64::from(block.count) * 9;
        let stock = if is_low && self.next.is_none() { self.ask() } else { Stock::Ample };
        (Ok((id, ProducerEpoch(0))), stock)
    }

    pub(super) fn on_block(&mut self, first: ProducerId, count: u32) {
        self.asked = false;
        self.next = Some(Block { first: first.0, count, used: 0 });
    }

    fn ask(&mut self) -> Stock {
        if core::mem::replace(&mut self.asked, true) { Stock::Ample } else { Stock::Low }
    }
}
