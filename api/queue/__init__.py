"""The review queue: what waits for a person, in which order, and what is decided."""
