"""Layer `parking`."""
