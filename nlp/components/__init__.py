"""The spaCy components, each named for what it writes."""
