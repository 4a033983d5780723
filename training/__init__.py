"""Running a config: read it, split, fit, judge, track; comparing and promoting runs."""
