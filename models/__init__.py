"""Classifier families, calibration, thresholds, and the tagger that combines them."""
