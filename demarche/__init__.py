"""The front door: the `demarche` command line."""
