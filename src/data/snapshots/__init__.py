"""Immutable bars on disk: written, fetched anew in part, compared."""
