"""What the user states about bars: ratios of splits, and membership of an index."""
