"""The truth: packs of blobs, chains of history, keys, and the proof.

See docs/format.md.
"""
