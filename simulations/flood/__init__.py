"""Water over the city: rain, tide, drains."""
