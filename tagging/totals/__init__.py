"""Shares of topics and stances in a tagged batch, corrected for the errors of the classifier."""

from tagging.totals.batch import By, read_tags
from tagging.totals.totals import Total, assumption, totals

__all__ = ["By", "Total", "assumption", "read_tags", "totals"]
