"""Layer `cctv`."""
