"""The classifier families, calibration and thresholds, and the tagger made of them."""

import os

# Read by the libraries of encoders when they are imported, wherever that is: nothing is sent anywhere.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # or a fork after the first text is warned of
