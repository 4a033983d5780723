"""Running a config: read it, split, fit, evaluate, track; comparing and promoting runs."""
