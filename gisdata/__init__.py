"""What the city stands on: the generated city, the loader of real base data, and the facts behind both."""
