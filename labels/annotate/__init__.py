"""A local page to label passages on: its state, its journal, and the server."""
