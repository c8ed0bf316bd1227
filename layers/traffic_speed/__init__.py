"""Layer `traffic_speed`."""
