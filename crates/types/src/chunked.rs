//! A growing sequence that is cheap to clone.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Index;

/// An append-mostly sequence in shared chunks: a clone copies one pointer per 1,024 items and nothing else.
///
/// The first write after a clone copies the last chunk only.
#[derive(Debug)]
pub struct Chunked<T> {
    /// Full chunks of exactly `CHUNK` items.
    sealed: Vec<Arc<Vec<T>>>,
    /// Fewer than `CHUNK` items.
    tail: Arc<Vec<T>>,
}

/// Items per sealed chunk.
const CHUNK: usize = 1024;

impl<T> Chunked<T> {
    /// An empty sequence.
    #[must_use]
    pub fn new() -> Self {
        Self { sealed: Vec::new(), tail: Arc::new(Vec::new()) }
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
        let inside = self.sealed.get(chunk).unwrap_or(&self.tail).partition_point(below);
        chunk * CHUNK + inside
    }
}

impl<T: Clone> Chunked<T> {
    /// Appends an item.
    pub fn push(&mut self, item: T) {
        let tail = Arc::make_mut(&mut self.tail);
        if tail.capacity() == 0 {
            tail.reserve(16);
        }
        tail.push(item);
        if tail.len() == CHUNK {
            let full = core::mem::take(&mut self.tail);
            self.sealed.push(full);
        }
    }

    /// Drops every item from index `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        if len < self.sealed.len() * CHUNK {
            self.sealed.truncate(len / CHUNK + 1);
            self.tail = self.sealed.pop().expect("the cut lies inside a sealed chunk");
        }
        let kept = len - self.sealed.len() * CHUNK;
        Arc::make_mut(&mut self.tail).truncate(kept);
    }

    /// The last item, to be changed in place.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        if self.tail.is_empty() {
            let full = self.sealed.last_mut()?;
            return Arc::make_mut(full).last_mut();
        }
        Arc::make_mut(&mut self.tail).last_mut()
    }
}

impl<T> Clone for Chunked<T> {
    fn clone(&self) -> Self {
        Self { sealed: self.sealed.clone(), tail: Arc::clone(&self.tail) }
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
