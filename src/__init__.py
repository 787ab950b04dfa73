"""marketlab: config-driven market forecasting whose numbers can be trusted."""
