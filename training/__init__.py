"""Train from a config (read, split, fit, evaluate, track), and compare and promote runs."""
