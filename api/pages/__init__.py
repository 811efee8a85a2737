"""The page: static files, nothing from elsewhere."""
