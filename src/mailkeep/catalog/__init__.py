"""The catalog: configuration, and projections of the archive. Implements the engines' ports over PostgreSQL."""
