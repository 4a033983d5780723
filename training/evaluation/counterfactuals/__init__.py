"""Counterfactuals: labelled passages with one change, after which a tag must stay, or must not."""
