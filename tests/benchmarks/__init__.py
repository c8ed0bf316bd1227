"""What the twin promises in numbers, measured: each figure in one run with its peer, on a private city of its own."""
