"""Shares of topics and stances in a tagged batch, corrected for the errors of the classifier."""

from tagging.totals.batch import By, read_tags
from tagging.totals.totals import Total, totals

__all__ = ["By", "Total", "read_tags", "totals"]
