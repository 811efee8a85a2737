"""HTTP routes: each handler is one call."""
