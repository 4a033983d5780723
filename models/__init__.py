"""The classifier families, calibration and thresholds, and the tagger built from them."""

import os

# The encoder libraries read these variables when they are imported, wherever that is. No telemetry is sent.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # unset, tokenizers warns when a process forks
