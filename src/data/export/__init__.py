"""Bars as other programs read them."""
