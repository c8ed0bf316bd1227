"""Traffic: what happens on the streets when the city closes, floods or empties some of them."""
