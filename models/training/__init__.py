"""Labelled notes to fitted models, and their evaluation."""
