//! A growing sequence that is cheap to clone.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Index;

/// An append-mostly sequence in shared chunks: a clone copies the last few items, and nothing else.
///
/// The list of chunks is shared, too, until one of the clones fills its next chunk.
#[derive(Debug)]
pub struct Chunked<T> {
    /// Full chunks of exactly `CHUNK` items.
    sealed: Arc<Vec<Arc<Vec<T>>>>,
    /// Fewer than `CHUNK` items. Owned, so that an append asks nobody.
    tail: Vec<T>,
}

/// Items per sealed chunk.
const CHUNK: usize = 256;

impl<T> Chunked<T> {
    /// An empty sequence.
    #[must_use]
    pub fn new() -> Self {
        Self { sealed: Arc::new(Vec::new()), tail: Vec::new() }
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sealed.len() * CHUNK + self.tail.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        match self.sealed.get(index / CHUNK) {
            Some(chunk) => chunk.get(index % CHUNK),
            None => self.tail.get(index - self.sealed.len() * CHUNK),
        }
    }

    /// The last item.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.tail.last().or_else(|| self.sealed.last().and_then(|chunk| chunk.last()))
    }

    /// The last items, as many as lie side by side, and the index of the first of them.
    #[must_use]
    pub fn tail(&self) -> (usize, &[T]) {
        (self.sealed.len() * CHUNK, &self.tail)
    }

    /// All items from the first on.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.sealed.iter().flat_map(|chunk| chunk.iter()).chain(self.tail.iter())
    }

    /// All items from an index on.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = &T> {
        let first = (start / CHUNK).min(self.sealed.len());
        self.sealed[first..]
            .iter()
            .flat_map(|chunk| chunk.iter())
            .chain(self.tail.iter())
            .skip(start.saturating_sub(first * CHUNK))
    }

    /// The first index at which `below` is false; items must be partitioned by it.
    #[must_use]
    pub fn partition_point(&self, mut below: impl FnMut(&T) -> bool) -> usize {
        let chunk = self
            .sealed
            .partition_point(|chunk| below(chunk.last().expect("a sealed chunk is full")));
        let inside = self.sealed.get(chunk).map_or(&self.tail, |chunk| &**chunk);
        let inside = inside.partition_point(below);
        chunk * CHUNK + inside
    }
}

impl<T: Clone> Chunked<T> {
    /// Appends an item.
    #[inline]
    pub fn push(&mut self, item: T) {
        self.tail.push(item);
        if self.tail.len() == CHUNK {
            self.seal();
        }
    }

    #[cold]
    fn seal(&mut self) {
        let full = core::mem::replace(&mut self.tail, Vec::with_capacity(CHUNK));
        Arc::make_mut(&mut self.sealed).push(Arc::new(full));
    }

    /// Drops every item from index `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        if len < self.sealed.len() * CHUNK {
            let sealed = Arc::make_mut(&mut self.sealed);
            sealed.truncate(len / CHUNK + 1);
            let cut = sealed.pop().expect("the cut lies inside a sealed chunk");
            self.tail = Arc::unwrap_or_clone(cut);
        }
        self.tail.truncate(len - self.sealed.len() * CHUNK);
    }

    /// The last item, to be changed in place.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        if self.tail.is_empty() {
            let full = Arc::make_mut(&mut self.sealed).last_mut()?;
            return Arc::make_mut(full).last_mut();
        }
        self.tail.last_mut()
    }
}

impl<T: Clone> Clone for Chunked<T> {
    fn clone(&self) -> Self {
        Self { sealed: Arc::clone(&self.sealed), tail: self.tail.clone() }
    }
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Index<usize> for Chunked<T> {
    type Output = T;
    fn index(&self, index: usize) -> &T {
        self.get(index).expect("index within the sequence")
    }
}

impl<T: Clone> FromIterator<T> for Chunked<T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        let mut chunked = Self::new();
        for item in items {
            chunked.push(item);
        }
        chunked
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::Chunked;

    proptest! {
        #[test]
        fn behaves_as_a_vector(steps in prop::collection::vec((0u8..4, 0usize..3000), 1..40)) {
            let (mut chunked, mut plain) = (Chunked::new(), Vec::new());
            for (kind, n) in steps {
                match kind {
                    0 | 1 => for item in 0..n { chunked.push(item); plain.push(item); },
                    2 => { chunked.truncate(n); plain.truncate(n); }
                    _ => {
                        let fork = chunked.clone();
                        chunked.push(n);
                        plain.push(n);
                        prop_assert_eq!(fork.len() + 1, chunked.len());
                    }
                }
                prop_assert_eq!(chunked.len(), plain.len());
                prop_assert_eq!(chunked.last(), plain.last());
                prop_assert!(chunked.iter().eq(plain.iter()));
                prop_assert!(chunked.iter_from(n).eq(plain.iter().skip(n)));
            }
        }

        #[test]
        fn finds_the_partition_point(len in 0usize..5000, cut in 0usize..5000) {
            let chunked: Chunked<usize> = (0..len).collect();
            prop_assert_eq!(chunked.partition_point(|item| *item < cut), cut.min(len));
        }
    }
}
