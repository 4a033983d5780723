"""Read and check codebooks, passages and annotations, and derive gold labels and splits."""
