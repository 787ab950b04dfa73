"""Where bars come from: one class a kind of source, all of them `Source`."""
