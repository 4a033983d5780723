"""Load what all tagging processes share: the fork server imports this once, and they share it in memory."""

import gc

import sklearn.feature_extraction.text  # noqa: F401  (loading an n-gram model imports it, which takes two seconds)

import models.families.linear  # noqa: F401
import tagging.batch  # noqa: F401
from models.language import detect_language

detect_language("The language model is loaded at the first call.")
# A garbage collection would write to the shared memory, and so copy it.
gc.freeze()
