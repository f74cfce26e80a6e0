"""Objects by name: put once, ranged get, list, delete.

`local` for a directory, `memory` for tests; one suite holds them.
"""
