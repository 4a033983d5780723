"""What a label is: codebook, passages, annotations, their files, checks, gold and splits."""
