"""English: unambiguous on both sides of the Atlantic."""
