"""Layer `vessel`."""
