//! What the cursor is on, by identity: rows may move, leave and return under it.

/// The selected row of a list. It follows its row; when the row leaves, the cursor goes to the neighbour that takes its place.
#[derive(Clone, Debug)]
pub struct Selection<I> {
    id: Option<I>,
    row: usize,
    offset: usize,
}

impl<I> Default for Selection<I> {
    fn default() -> Self {
        Self { id: None, row: 0, offset: 0 }
    }
}

impl<I: Clone + PartialEq> Selection<I> {
    /// The selected identity.
    pub fn id(&self) -> Option<&I> {
        self.id.as_ref()
    }

    /// The row that it had when the list was last [settled](Self::settle); none in an empty list.
    pub fn row(&self) -> Option<usize> {
        self.id.as_ref().map(|_| self.row)
    }

    /// The first row in view.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Selects `id`, wherever it stands; it is found at the next [`settle`](Self::settle).
    pub fn select(&mut self, id: I) {
        self.id = Some(id);
    }

    /// Call after every change of the list: finds the row again, or its neighbour, or the first row of a list that was empty.
    pub fn settle(&mut self, ids: &[I]) {
        let found = self.id.as_ref().and_then(|id| ids.iter().position(|other| other == id));
        self.go(found.unwrap_or(self.row), ids);
    }

    /// `by` rows down (negative: up), stopping at the ends.
    pub fn step(&mut self, by: isize, ids: &[I]) {
        self.settle(ids);
        self.go(self.row.saturating_add_signed(by), ids);
    }

    /// The first row.
    pub fn first(&mut self, ids: &[I]) {
        self.go(0, ids);
    }

    /// The last row.
    pub fn last(&mut self, ids: &[I]) {
        self.go(usize::MAX, ids);
    }

    /// Scrolls so that the row is among the `height` rows in view.
    pub fn keep_in_view(&mut self, height: usize, len: usize) {
        self.offset = super::viewport(self.row, self.offset, height, len);
    }

    fn go(&mut self, row: usize, ids: &[I]) {
        self.row = row.min(ids.len().saturating_sub(1));
        self.id = ids.get(self.row).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(id: char, ids: &[char]) -> Selection<char> {
        let mut selection = Selection::default();
        selection.select(id);
        selection.settle(ids);
        selection
    }

    #[test]
    fn the_cursor_follows_its_row_when_the_order_changes() {
        let mut selection = on('b', &['a', 'b', 'c']);
        selection.settle(&['c', 'a', 'b']);
        assert_eq!((selection.id(), selection.row()), (Some(&'b'), Some(2)));
    }

    #[test]
    fn when_its_row_leaves_the_cursor_goes_to_the_neighbour() {
        let mut selection = on('b', &['a', 'b', 'c']);
        selection.settle(&['a', 'c']);
        assert_eq!(selection.id(), Some(&'c'));
        selection.settle(&['a']);
        assert_eq!(selection.id(), Some(&'a'));
        selection.settle(&[]);
        assert_eq!((selection.id(), selection.row()), (None, None));
        selection.settle(&['x', 'y']);
        assert_eq!(selection.id(), Some(&'x'));
    }

    #[test]
    fn a_step_starts_from_where_the_row_is_now_and_stops_at_the_ends() {
        let mut selection = on('a', &['a', 'b', 'c']);
        selection.step(1, &['c', 'b', 'a', 'd']);
        assert_eq!(selection.id(), Some(&'d'));
        selection.step(5, &['c', 'b', 'a', 'd']);
        assert_eq!(selection.id(), Some(&'d'));
        selection.step(-99, &['c', 'b', 'a', 'd']);
        assert_eq!(selection.id(), Some(&'c'));
    }

    #[test]
    fn the_view_moves_only_as_far_as_it_must() {
        let ids: Vec<_> = (0..100).collect();
        let mut selection = Selection::default();
        selection.settle(&ids);
        selection.step(12, &ids);
        selection.keep_in_view(10, ids.len());
        assert_eq!(selection.offset(), 3);
        selection.step(-5, &ids);
        selection.keep_in_view(10, ids.len());
        assert_eq!(selection.offset(), 3);
        selection.last(&ids);
        selection.keep_in_view(10, ids.len());
        assert_eq!(selection.offset(), 90);
    }
}
