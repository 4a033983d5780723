"""A language model as one more reader: it is asked for the labels of passages by the rules of a codebook."""
