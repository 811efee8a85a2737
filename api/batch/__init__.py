"""Many notes: one line in, one line out."""
