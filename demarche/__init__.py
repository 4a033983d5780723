"""The `demarche` command-line interface."""
