"""Giving archived items back: `export` into files, `run` a restore onto a server. Planned first, exact, never overwriting."""
