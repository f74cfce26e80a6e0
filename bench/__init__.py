"""Benchmarks: whole programs against whole programs, on the same messages, from the same server, onto the same disk."""
