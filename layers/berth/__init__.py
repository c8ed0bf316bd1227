"""Layer `berth`."""
