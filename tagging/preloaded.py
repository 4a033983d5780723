"""What processes that tag have in common: loaded once, before they part, and shared in memory."""

import gc

import models.linear
import tagging.batch
from labels.language import language

language("The model of languages is read at the first question.")
# Collecting garbage would write to what is shared.
gc.freeze()

__all__ = ["models", "tagging"]
