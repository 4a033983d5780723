"""Articles in, tags out: readers, passages, batches, writers."""
