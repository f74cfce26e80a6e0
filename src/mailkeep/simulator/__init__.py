"""Servers to try things on: real ones that we run in a folder of their own, and simulated ones."""
