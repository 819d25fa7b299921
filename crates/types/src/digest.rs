//! A rolling fingerprint of a run.

use core::fmt;

/// A 64-bit rolling hash over the words of every event. Equal plans give equal digests everywhere; not cryptographic.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of nothing.
    pub const EMPTY: Self = Self(0x9E37_79B9_7F4A_7C15);

    /// Takes one word in.
    #[inline]
    pub fn word(&mut self, word: u64) {
        // The product of two 64-bit words fits into 128 bits, so nothing can overflow.
        let product = u128::from(self.0 ^ word) * u128::from(0xD6E8_FEB8_6659_FD93_u64);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "folds 128 bits to 64 by xor of the halves"
        )]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        self.0 = folded.wrapping_add(0x2545_F491_4F6C_DD1D);
    }

    /// Takes a signed word in.
    #[inline]
    pub fn signed(&mut self, word: i64) {
        self.word(word.cast_unsigned());
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
