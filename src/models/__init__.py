"""Who forecasts: every model behind one contract."""
