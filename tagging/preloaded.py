"""Modules that the fork server imports once, so that all processes that tag share them in memory."""

import contextlib
import gc

import sklearn.feature_extraction.text  # noqa: F401  (loading an n-gram model imports it, which takes two seconds)

import models.families.linear  # noqa: F401
import tagging.jobs  # noqa: F401
from models.language import detect_language

# py3langid unpacks its model to a temporary file; where it cannot, each worker meets the error again and reports it.
with contextlib.suppress(OSError):
    detect_language("The language model is loaded at the first call.")
# A garbage collection would write to the shared memory and cause it to be copied.
gc.freeze()
