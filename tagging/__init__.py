"""Tag articles: readers, segmentation, boilerplate, batches, processes, rows."""
