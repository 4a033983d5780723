"""The classifier families, calibration and thresholds, and the tagger made of them."""
