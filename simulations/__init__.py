"""What if: simulations over the same layers. Each is a folder; none is here yet."""
