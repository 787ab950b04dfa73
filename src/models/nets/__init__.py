"""Pure torch networks, one a file."""
