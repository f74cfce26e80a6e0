"""The truth: packs of blobs, chains of history, keys, and the proof that all of it is still there. See docs/format.md."""
