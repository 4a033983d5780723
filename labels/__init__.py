"""Codebooks, passages and annotations: their files and checks, gold labels and splits."""
