"""Layer `bus`."""
