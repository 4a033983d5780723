"""What processes that tag have in common: loaded once, before they part, and shared in memory."""

import gc

import models.families.linear
import tagging.batch
from models.language import detect_language

detect_language("The model of languages is read at the first question.")
# Collecting garbage would write to what is shared.
gc.freeze()

__all__ = ["models", "tagging"]
