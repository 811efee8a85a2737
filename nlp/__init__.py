"""Text to `Document`: the spaCy pipeline that reads a treatment note."""
