"""Bars to windows: what the model sees, and when it may look."""
