"""Benchmarks, each a program of its own: `python -m benchmarks.NAME`."""

from models.quiet import quiet_libraries

# Here, because this runs before any of them imports a library.
quiet_libraries()
