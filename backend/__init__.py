"""The service: sources, pipeline, hub, routes, and the processes that run them."""
